"""Prints a bearer token for the REST API, and nothing else."""

import argparse
from datetime import datetime, timedelta
from typing import Any

from tenants.access import SCOPES, SYSTEM
from tenants.management.operator_command import OperatorCommand, Output, tenant_called
from tenants.signin import tokens


def scopes(text: str) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(text.replace(",", " ").split()))
    unknown = [name for name in named if name not in SCOPES]
    if unknown or not named:
        raise argparse.ArgumentTypeError(f"no scope {', '.join(unknown)}; there are {', '.join(SCOPES)}")
    return named


def days(text: str) -> timedelta:
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= 3650):
        raise argparse.ArgumentTypeError("a token lives 1 to 3650 days")
    return timedelta(days=int(text))


class Command(OperatorCommand):
    help = "Prints a token for the REST API, for one person in one tenant."

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--tenant", metavar="SLUG", help="default: the person's home")
        parser.add_argument("--scopes", type=scopes, default=SCOPES, metavar='"SCOPE …"', help="default: every scope")
        parser.add_argument("--days", type=days, default=timedelta(days=30), metavar="N", help="default: 30")

    def perform(self, *, email: str, tenant: str | None, at: datetime, **options: Any) -> Output:
        raw = tokens.issue(
            email=email,
            tenant=tenant_called(tenant) if tenant else None,
            scopes=options["scopes"],
            lifetime=options["days"],
            by=SYSTEM,
            at=at,
        )
        return {"token": raw} if options["json"] else raw
