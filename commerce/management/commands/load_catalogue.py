import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from commerce.operations.pricing import catalogue
from licensing.files import read_text, tally
from tenants.access import SYSTEM
from tenants.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    help = "Loads families, products, plans and prices from a YAML file, all or nothing."
    takes_at = True
    changes_many = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE.yaml")

    def perform(self, *, file: str, at: datetime, dry_run: bool, **options: Any) -> Output:
        changes = catalogue.load(text=read_text(Path(file)), name=file, by=SYSTEM, at=at, dry_run=dry_run)
        self.progress(len(changes), len(changes))
        return tally(changes)
