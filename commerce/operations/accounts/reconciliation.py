"""
Comparing the provider's books with our rows, and keeping what stands otherwise until it is repaired or has gone away.
What is done about it is in `commerce.operations.accounts.repairs`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Min
from django.utils.translation import gettext_lazy as _

from commerce import gateways
from commerce.gateways.protocol import Gateway, GatewayUnavailable
from commerce.models import BooksCompared, Difference, DifferenceKind, Payment, Refund, Resolution
from commerce.operations.accounts import books, comparison, ledger, second_look
from commerce.operations.accounts.comparison import Found
from commerce.operations.paying.asking import ASK_AFTER
from tenants.access import SYSTEM, Actor
from tenants.directory.models import Tenant
from tenants.journal import events
from tenants.refusal import Refused

DAY = timedelta(days=1)
# Of differences of earlier windows, each of which is a call of its own, so many are looked at in one run.
AT_ONCE = 100


class ProviderSilent(Refused):
    http_status = 503
    message = _("The payment provider does not answer now. Try again in a minute.")


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What came of reading the books of a window: how many differences stand, and how many have gone away."""

    since: datetime
    until: datetime
    standing: int
    gone: int


def window(*, since: datetime | None = None, until: datetime | None = None, at: datetime) -> books.Window:
    """What to compare: up to now, from where the last complete run ended less a day, or from the first payment on."""
    until = until or at
    if since is None:
        gateway = gateways.current()
        last = BooksCompared.objects.filter(gateway=gateway.name).aggregate(until=Max("until"))["until"]
        first = Payment.objects.filter(gateway=gateway.name).aggregate(first=Min("started_at"))["first"]
        since = min(last or until, until) - BooksCompared.OVERLAP if last or not first else first - DAY
    return since, until


def differences(*, since: datetime, until: datetime, at: datetime) -> Iterator[Found]:
    """
    What stands otherwise at the provider than here now, of what happened in a window, and whatever else only an
    operator may repair. Changes nothing.

    :raises GatewayUnavailable: in the middle of it, too
    """
    gateway = gateways.current()
    yield from books.compare(gateway, books.parts(since, until), settled_by=at - ASK_AFTER)
    yield from _of_our_rows(gateway)


def _of_our_rows(gateway: Gateway) -> Iterator[Found]:
    """What waits for an operator whatever the books say."""
    for payment in Payment.objects.set_aside().filter(gateway=gateway.name).select_related("tenant"):
        yield comparison.of_set_aside(payment, ledger.currency_of(payment))
    failed = Refund.objects.to_be_made_good().filter(payment__gateway=gateway.name)
    for refund in failed.select_related("payment__tenant", "order"):
        yield comparison.of_failed_refund(refund)


def compare_books(*, since: datetime | None = None, until: datetime | None = None, at: datetime) -> Compared:
    """
    Read the books of a window and keep each difference: one open row for each, however often it is found. Those that
    do not stand any more are resolved as gone. Outside any transaction.

    :raises ProviderSilent: it does not answer; what was found until then is kept, and the next run goes on from there
    """
    gateway = gateways.current()
    since, until = window(since=since, until=until, at=at)
    windows = books.parts(since, until)
    seen = set()
    try:
        # Part by part, so that a long past is read in the end however often the reading is cut short.
        for part in windows:
            for found in books.compare(gateway, [part], settled_by=at - ASK_AFTER):
                kept = _keep(gateway, found, at)
                # What went back of a charge of nobody here may stand in a later part.
                if found.kind != DifferenceKind.UNKNOWN_CHARGE or len(windows) == 1:
                    seen.add(kept.pk)
            _remember(gateway, *part)
        seen.update(_keep(gateway, found, at).pk for found in _of_our_rows(gateway))
        gone = _look_again(gateway, seen, at)
    except GatewayUnavailable:
        raise ProviderSilent from None
    return Compared(since=since, until=until, standing=Difference.objects.open().count(), gone=gone)


@transaction.atomic
def resolve(difference: Difference, resolution: Resolution, *, by: Actor, at: datetime) -> bool:
    """Close it. False: somebody was faster. Who saw it gone while it was being repaired only saw the repair."""
    difference = Difference.objects.locked().select_related("tenant", "payment").get(pk=difference.pk)
    was_only_seen = (resolution, difference.resolution) == (Resolution.REPAIRED, Resolution.GONE)
    if difference.resolved_at is not None and not was_only_seen:
        return False
    difference.resolution, difference.resolved_at, difference.resolved_by = resolution, at, by.user
    difference.note = ""
    difference.save(update_fields=["resolution", "resolved_at", "resolved_by", "note"])
    # What an operator did with an organisation's money stands in its own journal.
    _record(
        f"difference.{resolution.value}",
        difference,
        tenant=difference.tenant if resolution == Resolution.REPAIRED else None,
        by=by,
        at=at,
    )
    return True


@transaction.atomic
def _keep(gateway: Gateway, found: Found, at: datetime) -> Difference:
    now = {
        "here": found.here,
        "here_amount": found.here_amount,
        "there": found.there,
        "there_amount": found.there_amount,
        "seen_at": at,
    }
    tenant = found.payment.tenant if found.payment else None
    fixed = {"tenant": tenant, "payment": found.payment, "refund": found.refund, "currency": found.currency}
    kept, is_new = Difference.objects.update_or_create(
        gateway=gateway.name,
        kind=found.kind,
        reference=found.reference,
        resolved_at=None,
        defaults=now,
        create_defaults={**now, **fixed, "found_at": at},
    )
    if is_new:
        _record("difference.found", kept, tenant=None, by=SYSTEM, at=at)
    return kept


def _look_again(gateway: Gateway, seen: set[UUID], at: datetime) -> int:
    """Those of earlier windows that this one did not show. Returns how many are gone."""
    gone = 0
    earlier = Difference.objects.open().filter(gateway=gateway.name).exclude(pk__in=seen).order_by("seen_at", "pk")
    looked_at = list(earlier.select_related("payment", "refund__order", "refund__payment")[:AT_ONCE])
    back = second_look.given_back([one for one in looked_at if one.kind == DifferenceKind.UNKNOWN_CHARGE])
    for difference in looked_at:
        found = second_look.look(difference, at=at, back=back)
        if found is None:
            gone += resolve(difference, Resolution.GONE, by=SYSTEM, at=at)
        else:
            Difference.objects.filter(pk=difference.pk).update(seen_at=at)
    return gone


def _remember(gateway: Gateway, since: datetime, until: datetime) -> None:
    """A window that begins later than the last one ended leaves unread what lies between."""
    kept, is_new = BooksCompared.objects.get_or_create(gateway=gateway.name, defaults={"until": until})
    if not is_new and since <= kept.until:
        BooksCompared.objects.filter(pk=kept.pk, until__lt=until).update(until=until)


def _record(type: str, difference: Difference, *, tenant: Tenant | None, by: Actor, at: datetime) -> None:
    events.record(
        type,
        tenant=tenant,
        by=by,
        at=at,
        subject=difference.payment.order_id if tenant and difference.payment else difference.pk,
        difference=difference.pk,
        kind=difference.kind,
        gateway=difference.gateway,
        reference=difference.reference,
    )
