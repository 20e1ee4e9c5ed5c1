"""The worker: ``celery -A smart_app.worker worker --pool solo``."""

from smart_app.analysis import load_analysis
from smart_app.settings import Settings
from smart_app.worker_process import make_worker

app = make_worker(Settings.from_env(), load_analysis)
