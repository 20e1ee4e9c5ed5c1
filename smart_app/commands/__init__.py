"""What administrators run by ``flask --app wsgi``."""
