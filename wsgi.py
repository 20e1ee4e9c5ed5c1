"""The web process: ``gunicorn wsgi:app``."""

from smart_app import create_app
from smart_app.settings import Settings

app = create_app(Settings.from_env())
