"""The subcommands of `policy` that read and write files."""

import argparse
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from licensing.files import read_text
from policies.operations import policy_files
from policies.operations.policy_files import TenantPlan
from tenants.access import SYSTEM
from tenants.management.operator_command import OperatorCommand, Output, tenant_called


class PolicyFiles(OperatorCommand):
    """What a file says of one or many tenants: compared, applied, written."""

    def file_arguments(self, actions: Any) -> Sequence[argparse.ArgumentParser]:
        planning = actions.add_parser("plan", help="what a file would change; exits 0")
        drifting = actions.add_parser("drift", help="as plan; exits 1 where the tenants differ from the file")
        applying = actions.add_parser("apply", help="make what a file says hold, of all its tenants or of none")
        exporting = actions.add_parser("export", help="print what a tenant says as a file")
        planning.add_argument("--drift", action="store_true", help="exit 1 where the tenants differ from the file")
        for subparser in (planning, drifting, applying):
            subparser.add_argument("file", metavar="FILE.yaml")
            subparser.add_argument("--prune", action="store_true", help="take back values that the file does not name")
        applying.add_argument("--reason", default="", help="why; kept in the journal; default: Applied from FILE")
        applying.add_argument("--dry-run", action="store_true", help="as plan")
        exporting.add_argument("tenant", metavar="TENANT", help="the tenant's slug")
        return planning, drifting, applying, exporting

    def plan(self, *, file: str, prune: bool, json: bool, at: datetime, drift: bool = False, **options: Any) -> Output:
        plans = policy_files.plan(text=read_text(Path(file)), name=file, prune=prune, by=SYSTEM, at=at)
        self.failed = drift and any(plan.differences for plan in plans)
        return _told(plans, json=json, verb="would be changed")

    def drift(self, **options: Any) -> Output:
        return self.plan(drift=True, **options)

    def apply(
        self, *, file: str, prune: bool, reason: str, dry_run: bool, at: datetime, json: bool, **options: Any
    ) -> Output:
        if dry_run:
            return self.plan(file=file, prune=prune, json=json, at=at)
        plans = policy_files.apply(text=read_text(Path(file)), name=file, reason=reason, prune=prune, by=SYSTEM, at=at)
        return _told(plans, json=json, verb="changed")

    def export(self, *, tenant: str, json: bool, **options: Any) -> Output:
        exported = policy_files.export(tenant=tenant_called(tenant), by=SYSTEM)
        return exported if json else policy_files.as_text(exported).rstrip("\n")


def _told(plans: Sequence[TenantPlan], *, json: bool, verb: str) -> Output:
    count = sum(len(plan.differences) for plan in plans)
    if json:
        tenants = [
            {
                "tenant": plan.tenant.slug,
                "differences": [{"what": one.what, "old": one.old, "new": one.new} for one in plan.differences],
                "following": [{"product": one.product.pk, "old": one.old, "new": one.new} for one in plan.following],
                "kept": plan.kept,
            }
            for plan in plans
        ]
        return {"count": count, "tenants": tenants}
    lines = []
    for plan in plans:
        found = [(one.what, one.old, one.new) for one in plan.differences]
        found += [(f"{one.product.pk}, not named in the file", one.old, one.new) for one in plan.following]
        lines += [f"{plan.tenant.slug}: {what}: {_shown(old)} -> {_shown(new)}" for what, old, new in found]
    kept = [f"{plan.tenant.slug}: {plan.kept} not named in the file, kept." for plan in plans if plan.kept]
    return "\n".join([*lines, *kept, f"{count} {verb}." if count else "Nothing differs."])


def _shown(value: object) -> str:
    """A policy value as it is, other settings so that their ends are seen; a dash where nothing is said."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if str(value).isidentifier() else repr(value)
