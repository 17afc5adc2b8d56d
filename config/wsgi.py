"""The web application, as gunicorn loads it."""

import os
import sys

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

GUNICORN_GIVES_UP = 3  # any other exit code of a worker and gunicorn starts it again, for ever


def load() -> WSGIHandler:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("DATABASE_POOL", "1")
    try:
        return get_wsgi_application()
    except SystemExit as refused:
        sys.stderr.write(f"{refused}\n")
        sys.exit(GUNICORN_GIVES_UP)


application = load()
