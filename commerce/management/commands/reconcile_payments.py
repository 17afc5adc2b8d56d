import argparse
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from commerce import gateways, money
from commerce.gateways.protocol import GatewayUnavailable
from commerce.models import Difference, DifferenceKind, Payment, Refund
from commerce.operations.accounts import catching_up, reconciliation
from commerce.operations.accounts.comparison import Found
from commerce.operations.accounts.repairs import REPAIRS
from commerce.operations.paying import asking, settlement
from tenants.management.operator_command import OperatorCommand, Output, Row, WrongUsage, moment


class Command(OperatorCommand):
    help = (
        "Asks the payment provider about payments and refunds without an answer for 60 seconds, bills and posts what "
        "earlier days left without invoice or ledger, then compares the provider's books and lists what differs."
    )
    takes_at = True
    changes_many = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--since",
            type=moment,
            metavar="ISO-TIME",
            help="compare books from here on; default: the last complete run, less a day",
        )
        parser.add_argument("--until", type=moment, metavar="ISO-TIME", help="up to here; default: now")
        parser.add_argument(
            "--full",
            action="store_true",
            help="look for missing invoices and postings in all of history; default: in what is new, and once a week",
        )

    def perform(
        self, *, at: datetime, dry_run: bool, since: datetime | None, until: datetime | None, full: bool, **options: Any
    ) -> Output:
        since, until = reconciliation.window(since=since, until=until, at=at)
        if since >= until:
            raise WrongUsage(f"--until {until.isoformat()} is not after --since {since.isoformat()}")
        asked = _unanswered(at)
        new = None if full else catching_up.begins_at(at)
        lacking = catching_up.lacking(since=new)
        if dry_run:
            return [*_rows(asked, dry_run=True), *_caught_up(lacking), *_found(asked, since, until, at)]
        settlement.reconcile(at=at, limit=len(asked))
        self.progress(len(asked), len(asked) + lacking.total)
        done = catching_up.catch_up(
            since=new, at=at, tell=lambda count: self.progress(len(asked) + count, len(asked) + lacking.total)
        )
        reconciliation.compare_books(since=since, until=until, at=at)
        return [*_rows(asked, dry_run=False), *_caught_up(done), *_open()]


def _unanswered(at: datetime) -> list[Payment | Refund]:
    return [*asking.payments(at).select_related("tenant"), *asking.refunds(at).select_related("tenant", "payment")]


def _rows(asked: Iterable[Payment | Refund], *, dry_run: bool) -> Iterator[Row]:
    for row in asked:
        was = row.state
        if not dry_run:
            row.refresh_from_db(fields=["state"])
        yield {
            "kind": "payment" if isinstance(row, Payment) else "refund",
            "id": row.pk,
            "tenant": row.tenant.slug,
            "amount": row.amount,
            "was": was,
            "state": row.state,
        }


def _caught_up(done: catching_up.CaughtUp) -> list[Row]:
    return [{"kind": "caught_up", **asdict(done)}] if done.total else []


def _found(asked: Iterable[Payment | Refund], since: datetime, until: datetime, at: datetime) -> list[Row]:
    """Without what would be asked about first, and most likely stand no more."""
    first = {row.pk for row in asked}
    try:
        found = list(reconciliation.differences(since=since, until=until, at=at))
        return [_difference(one) for one in found if _about(one) not in first]
    except GatewayUnavailable:
        raise reconciliation.ProviderSilent from None


def _about(found: Found) -> object:
    row = found.refund or found.payment
    return row.pk if row else None


def _open() -> list[Row]:
    kept = Difference.objects.open().filter(gateway=gateways.current().name).select_related("tenant", "payment__tenant")
    return [{**_difference(row), "id": row.pk, "since": row.found_at} for row in kept.order_by("found_at", "pk")]


def _difference(what: Found | Difference) -> Row:
    return {
        "kind": what.kind,
        "tenant": what.payment.tenant.slug if what.payment else None,
        "reference": what.reference,
        "here": _side(what.here, what.here_amount, what.currency),
        "there": _side(what.there, what.there_amount, what.currency),
        "repair": str(REPAIRS[DifferenceKind(what.kind)].name),
    }


def _side(state: str, amount: Decimal | None, currency: str) -> str:
    said = f"{money.text(amount, currency)} {currency}" if amount is not None else ""
    return " ".join(part for part in (state, said) if part)
