"""Loads what a demo begins with, in one process: markets, catalogue, people and their first purchases."""

import os

import django
from django.core.management import call_command, get_commands

from config.environment import BASE_DIR

STEPS = (
    ["load_markets", str(BASE_DIR / "data" / "markets.csv")],
    ["load_catalogue", str(BASE_DIR / "data" / "catalogue.yaml")],
    ["demo"],
)


def prepare() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    for name, *arguments in STEPS:
        if name in get_commands():
            call_command(name, *arguments)


if __name__ == "__main__":
    prepare()
