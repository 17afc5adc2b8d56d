"""A database of its own for a measurement: real PostgreSQL in a temporary folder, gone afterwards."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connections

from config import embedded


@contextmanager
def database() -> Iterator[None]:
    """
    Migrated and empty, as durable as in use, with a broker beside it. Django is set up inside: import models only after
    that.
    """
    with tempfile.TemporaryDirectory(prefix="seatwise-bench-") as folder:
        Path(folder).chmod(0o755)
        with embedded.attached(Path(folder), broker=True) as found:
            os.environ.update(found.environment, DEMO="1", AS_OWNER="1", PAYMENT_GATEWAY="sandbox", DATA_DIR=folder)
            os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
            django.setup()
            call_command("migrate", verbosity=0)
            try:
                yield
            finally:
                connections.close_all()
