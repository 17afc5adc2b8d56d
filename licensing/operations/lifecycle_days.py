"""How long subscriptions live on after their end, as operators say it, and what of that holds."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Channel, EndCause, LifecycleDays, Product, Subscription
from tenants.access import Actor
from tenants.journal import events
from tenants.refusal import BadInput, Refused
from tenants.text import checked

MOST_DAYS = 3_650
LONGEST_REASON = 500
# What ends for another cause gives no access from that moment on: there is no grace to count.
IN_GRACE_FIRST = (EndCause.TERM_ENDED,)
ONCE = "lifecycle_days_once"


class DaysSaidAlready(Refused):
    message = _("There are days for this cause, channel and product. Change those.")


class DaysGone(Refused):
    message = _("Somebody has taken these days back meanwhile.")


class DaysForAllStay(Refused):
    message = _("These days hold wherever nothing narrower is said. Change them; they cannot be taken back.")


class NoLifecycleDays(LookupError):
    """No row of LifecycleDays says how long a subscription lives on after this cause: a defect of the data."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What the days are for. Without channel or product: for every one that has no days of its own."""

    cause: str
    channel: str = ""
    product: Product | None = None


@dataclass(frozen=True, kw_only=True)
class Length:
    """Calendar days in each of the two states."""

    expired: int
    disabled: int

    @classmethod
    def of(cls, row: LifecycleDays) -> "Length":
        return cls(expired=row.expired_days, disabled=row.disabled_days)


def days_of(subscription: Subscription, cause: str = "") -> Length:
    """
    The narrowest row for its cause, or for another one: of product and channel, of the product, of the channel, or of
    neither. Of a trial the catalogue may know better how long it is kept.

    :raises NoLifecycleDays: none is there
    """
    product = subscription.plan.product
    rows = LifecycleDays.objects.filter(
        Q(product=product) | Q(product=None),
        cause=cause or subscription.end_cause,
        channel__in=("", subscription.channel),
    )
    row = min(rows, key=lambda row: row.breadth, default=None)
    if row is None:
        raise NoLifecycleDays(f"{cause or subscription.end_cause}, {subscription.channel}, {product.pk}")
    kept = product.trial_disabled_days if subscription.is_trial else None
    return Length(expired=row.expired_days, disabled=row.disabled_days if kept is None else kept)


@transaction.atomic
def add(*, scope: Scope, length: Length, reason: str, by: Actor, at: datetime) -> LifecycleDays:
    """
    Say other days for a channel, a product or both. They hold for every state that begins from now on.

    :raises NotAllowed: neither an operator nor the system
    :raises BadInput: an unknown cause or channel, days that cannot be, or a reason that cannot be kept
    :raises DaysSaidAlready: there is a row for that
    """
    by.require_operator()
    reason = _checked(scope.cause, length, reason)
    if scope.cause not in EndCause.values:
        raise BadInput(_("Choose one of these."), field="cause", code="invalid_choice")
    if scope.channel not in ("", *Channel.values):
        raise BadInput(_("Choose one of these."), field="channel", code="invalid_choice")
    try:
        with transaction.atomic():
            row = LifecycleDays.objects.create(
                cause=scope.cause,
                channel=scope.channel,
                product=scope.product,
                expired_days=length.expired,
                disabled_days=length.disabled,
            )
    except IntegrityError as error:
        if ONCE not in str(error):
            raise
        raise DaysSaidAlready(field="cause") from error
    _record("lifecycle_days.added", row, old=None, new=length, reason=reason, by=by, at=at)
    return row


@transaction.atomic
def change(*, row: LifecycleDays, length: Length, reason: str, by: Actor, at: datetime) -> LifecycleDays:
    """
    Other days from now on. What has begun already keeps its day. The same again changes nothing.

    :raises NotAllowed: neither an operator nor the system
    :raises BadInput: as `add`
    :raises DaysGone: somebody has taken them back meanwhile
    """
    by.require_operator()
    locked = _locked(row)
    if locked is None:
        raise DaysGone
    reason = _checked(locked.cause, length, reason)
    old = Length.of(locked)
    if old != length:
        locked.expired_days, locked.disabled_days = length.expired, length.disabled
        locked.save(update_fields=["expired_days", "disabled_days"])
        _record("lifecycle_days.changed", locked, old=old, new=length, reason=reason, by=by, at=at)
    return locked


@transaction.atomic
def remove(*, row: LifecycleDays, reason: str, by: Actor, at: datetime) -> None:
    """
    Take them back: what is said more widely holds again. Taken back already: nothing changes.

    :raises NotAllowed: neither an operator nor the system
    :raises BadInput: a reason that is missing or cannot be kept
    :raises DaysForAllStay: there is nothing wider
    """
    by.require_operator()
    reason = _checked_reason(reason)
    locked = _locked(row)
    if locked is None:
        return
    if locked.is_for_all:
        raise DaysForAllStay
    _record("lifecycle_days.removed", locked, old=Length.of(locked), new=None, reason=reason, by=by, at=at)
    locked.delete()


def _locked(row: LifecycleDays) -> LifecycleDays | None:
    # Of two operators at once the second finds what the first wrote, and both stand in the journal.
    return LifecycleDays.objects.select_for_update(of=("self",), no_key=True).filter(pk=row.pk).first()


def _checked(cause: str, length: Length, reason: str) -> str:
    for field, days in (("expired_days", length.expired), ("disabled_days", length.disabled)):
        if not 0 <= days <= MOST_DAYS:
            raise BadInput(_("Use 0 to %(most)s days.") % {"most": MOST_DAYS}, field=field, code="out_of_range")
    if length.expired and cause not in IN_GRACE_FIRST:
        raise BadInput(
            _("This ends access at once: there are no days in grace. Use 0."), field="expired_days", code="no_grace"
        )
    return _checked_reason(reason)


def _checked_reason(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise BadInput(_("Say why, in a few words."), field="reason", code="required")
    return checked(reason, field="reason", longest=LONGEST_REASON)


def _record(
    type: str, row: LifecycleDays, *, old: Length | None, new: Length | None, reason: str, by: Actor, at: datetime
) -> None:
    said: dict[str, Any] = {"cause": row.cause, "channel": row.channel, "product": row.product_id}
    events.record(
        type,
        tenant=None,
        by=by,
        at=at,
        subject=row.pk,
        **said,
        old=asdict(old) if old else None,
        new=asdict(new) if new else None,
        reason=reason,
    )
