"""Loads what a demo begins with, in one process: markets, catalogue, people and their first purchases."""

import io
import os
import sys

import django
from django.core.management import CommandError, call_command


def prepare() -> None:
    """What is there already stays as it is, also where an operator has changed it since."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    try:
        call_command("demo", stdout=io.StringIO())
    except CommandError as refused:
        sys.exit(f"demo: {refused}")


if __name__ == "__main__":
    prepare()
