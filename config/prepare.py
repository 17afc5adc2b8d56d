"""Loads what a demo begins with, in one process: markets, catalogue, people and their first purchases."""

import io
import os
import sys

import django
from django.core.management import CommandError, call_command

from config.environment import BASE_DIR

STEPS = (
    ["load_markets", str(BASE_DIR / "data" / "markets.csv")],
    ["load_catalogue", str(BASE_DIR / "data" / "catalogue.yaml")],
    ["demo"],
)


def prepare() -> None:
    """Every step leaves alone what is there already."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    for step in STEPS:
        try:
            call_command(*step, stdout=io.StringIO())
        except CommandError as refused:
            sys.exit(f"{step[0]}: {refused}")


if __name__ == "__main__":
    prepare()
