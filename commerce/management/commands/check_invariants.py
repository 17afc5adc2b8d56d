from typing import Any

from commerce.operations.accounts.invariants import CHECKS
from tenants.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    help = "Audits the data: what must always hold. Lists each finding and exits 1; repairs nothing."

    def perform(self, **options: Any) -> Output:
        found = []
        for done, check in enumerate(CHECKS, start=1):
            found += [{"check": check.__name__, "finding": finding} for finding in check()]
            self.progress(done, len(CHECKS))
        self.failed = bool(found)
        if found or options["json"]:
            return found
        return f"{len(CHECKS)} checks, nothing found."
