"""What manage.py does before Django begins: where nothing is configured, a command works on the demo's own database."""

import os
import signal
import sys
import warnings
from contextlib import nullcontext
from typing import NoReturn

import environ
from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand

from config import embedded
from config.environment import data_dir

# Any of these, and this is no demo: then settings.py tells what else is missing.
LIVE = ("SECRET_KEY", "REDIS_URL", "PAYMENT_GATEWAY", "ALLOWED_HOSTS", "BASE_URL", "MIGRATE_DATABASE_URL")
NEED_NO_DATABASE = {
    "help", "version", "check", "collectstatic", "findstatic", "makemigrations", "makemessages", "spectacular", "run",
}  # fmt: skip


class Commands(ManagementUtility):
    def fetch_command(self, subcommand: str) -> BaseCommand:
        """One that does not exist is wrong usage, as an argument is that does not exist; Django itself exits 1."""
        try:
            return super().fetch_command(subcommand)
        except SystemExit:
            if subcommand in get_commands():
                raise
            sys.exit(2)


def manage(arguments: list[str]) -> int:
    """Run one command, on the embedded database where it needs one and none is configured."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    signal.signal(signal.SIGTERM, leave_in_order)
    if not is_demo():
        Commands(arguments).execute()
        return 0
    os.environ["DEMO"] = "1"
    try:
        with nullcontext() if has_or_needs_none(arguments) else embedded.attached(data_dir(environ.Env())) as found:
            if found:
                for name, value in found.environment.items():
                    os.environ.setdefault(name, value)
            Commands(arguments).execute()
    except (embedded.NotToBeHad, PermissionError) as reason:
        sys.stderr.write(f"seatwise: {reason}\n")
        return 1
    return 0


def is_demo() -> bool:
    env = environ.Env()
    if "DEMO" in os.environ:
        return env.bool("DEMO")
    return "DATABASE_URL" not in os.environ and not any(name in os.environ for name in LIVE)


def has_or_needs_none(arguments: list[str]) -> bool:
    command = arguments[1] if len(arguments) > 1 else "help"
    if "DATABASE_URL" in os.environ:
        return True
    if command in NEED_NO_DATABASE or {"-h", "--help", "--version"} & set(arguments):
        # What it would find there is not what it was asked.
        warnings.filterwarnings("ignore", message="Got an error checking a consistent migration history")
        return True
    return False


def leave_in_order(signum: int, frame: object) -> NoReturn:
    sys.exit(128 + signum)
