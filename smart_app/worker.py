"""The worker: ``celery -A smart_app.worker worker --pool solo``."""

from functools import partial

from smart_app.jobs.analysis import load_analysis
from smart_app.jobs.worker_process import make_worker
from smart_app.settings import Settings

_settings = Settings.from_env()
app = make_worker(_settings, partial(load_analysis, _settings.treatment_model))
