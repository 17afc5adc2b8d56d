import argparse
from typing import Any

from commerce.operations.accounts import spend
from commerce.operations.accounts.invariants.ledger import spend_agrees_with_ledger
from licensing.operations import tallies
from licensing.operations.invariants import seats_are_tallied
from tenants.directory.models import Tenant
from tenants.management.operator_command import OperatorCommand, Output, tenant_called


class Command(OperatorCommand):
    help = "Sums up anew what organisations spent by month, and how many seats they have, from the ledger and the rows."
    changes_many = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("tenant", nargs="?", default="", help="the slug of one; default: all")

    def perform(self, *, tenant: str, dry_run: bool, **options: Any) -> Output:
        wrong = [{"finding": finding} for check in (spend_agrees_with_ledger, seats_are_tallied) for finding in check()]
        if dry_run:
            return wrong
        some = (
            [tenant_called(tenant).pk] if tenant else list(Tenant.objects.order_by("pk").values_list("pk", flat=True))
        )
        for done, tenant_id in enumerate(some, start=1):
            spend.recount(tenant_id=tenant_id)
            tallies.recount(tenant_id=tenant_id)
            self.progress(done, len(some))
        return {"tenants": len(some), "differences_found": len(wrong)}
