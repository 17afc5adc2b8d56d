import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from licensing.files import read_text, tally
from licensing.operations import capacity_files
from tenants.access import SYSTEM
from tenants.management.operator_command import OperatorCommand, Output, tenant_called


class Command(OperatorCommand):
    help = (
        "Loads how much of what the seats bring is in use from a CSV file, all or nothing: "
        "product,kind,in_use, such as CFQ7TTC0H9MP,file_mb,2048."
    )
    takes_at = True
    changes_many = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("tenant", metavar="TENANT", help="the tenant's slug")
        parser.add_argument("file", metavar="FILE.csv")

    def perform(self, *, tenant: str, file: str, at: datetime, dry_run: bool, **options: Any) -> Output:
        text = read_text(Path(file))
        changes = capacity_files.load(
            tenant=tenant_called(tenant), text=text, name=file, by=SYSTEM, at=at, dry_run=dry_run
        )
        self.progress(len(changes), len(changes))
        return tally(changes)
