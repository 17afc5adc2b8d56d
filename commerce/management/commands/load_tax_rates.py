import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from commerce.operations.pricing import tax_rates
from licensing.files import read_text, tally
from tenants.access import SYSTEM
from tenants.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    help = "Loads tax rates from a CSV file, all or nothing: country,name,rate,inclusive,reverse_charge,valid_from."
    takes_at = True
    changes_many = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE.csv")

    def perform(self, *, file: str, at: datetime, dry_run: bool, **options: Any) -> Output:
        changes = tax_rates.load(text=read_text(Path(file)), name=file, by=SYSTEM, at=at, dry_run=dry_run)
        self.progress(len(changes), len(changes))
        return tally(changes)
