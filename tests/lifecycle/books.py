"""
What a subscription's life must look like, told from three things alone: what the provider really took and gave back,
what was sold for it, and who may use it now. It shares no code with the operations and their invariants.
"""

from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from commerce.models import Dispute, OrderLine, Payment, Refund, Renewal, SandboxCharge, SandboxRefund
from licensing.models import Seat, Subscription
from licensing.operations.entitlements import entitlement
from tenants.journal.models import Event

DAY, CENT = timedelta(days=1), Decimal("0.01")
WINDOW = 7 * DAY
# In calendar days, of which one may be an hour longer or shorter.
GRACE, AN_HOUR = 30 * DAY, timedelta(hours=1)
USABLE = ("trial", "active", "expired")


def wrong(at, people):
    """Each thing that is not as it must be, as a sentence. `people`: all members there are."""
    charged = {row.pk: row for row in SandboxCharge.objects.using("sandbox").filter(state="captured")}
    yield from _money(charged)
    yield from _refunds()
    yield from _seats(people)
    yield from _left_behind(at)
    terms = _terms(charged)
    for subscription in Subscription.objects.order_by("created_at"):
        yield from _life(subscription, terms[subscription.pk], at)


def taken():
    """What the provider holds of everybody: captured, less what went back."""
    charges = SandboxCharge.objects.using("sandbox").filter(state="captured")
    return sum((charge.amount - charge.refunded for charge in charges), Decimal(0))


def _money(charged):
    known = {payment.pk: payment.captured for payment in Payment.objects.exclude(captured=None) if payment.captured}
    if known != {key: charge.amount for key, charge in charged.items()}:
        yield f"{known} is written down as captured, the provider took {charged}"
    given = SandboxRefund.objects.using("sandbox").filter(state="succeeded").values_list("charge", "amount")
    written = Refund.objects.filter(state="succeeded", payment__isnull=False).values_list("payment", "amount")
    if Counter(given) != Counter(written):
        yield f"{Counter(written)} is written down as refunded, the provider gave {Counter(given)}"


def _refunds():
    """Of each line only inside its window, and only for what was not used of it."""
    for refund in Refund.objects.filter(line__isnull=False).select_related("line__order"):
        line, begun = refund.line, refund.line.order.granted_at
        if refund.created_at >= begun + WINDOW:
            yield f"refund of {refund.amount}, {refund.created_at - begun} after the charge"
        unused = (line.ends_at - max(refund.created_at, line.starts_at)) / (line.ends_at - line.starts_at)
        most = (line.amount + line.tax) * Decimal(unused) * refund.quantity / line.quantity
        if refund.amount > most + CENT * refund.quantity:
            yield f"refund of {refund.amount}, and {most} was not used"


def _seats(people):
    held = Counter(Seat.objects.filter(released_at=None).values_list("subscription", flat=True))
    for subscription in Subscription.objects.filter(pk__in=held):
        if held[subscription.pk] > subscription.quantity:
            yield f"{held[subscription.pk]} people on {subscription.quantity} seats"
    usable = Seat.objects.filter(released_at=None, subscription__state__in=USABLE)
    with_seat = set(usable.values_list("member", "subscription__plan__product"))
    products = {seat.subscription.plan.product for seat in Seat.objects.select_related("subscription__plan__product")}
    for member in people:
        member.refresh_from_db()
        if member.state != "active" and Seat.objects.filter(member=member, released_at=None).exists():
            yield "somebody who is away holds a seat"
        for product in products:
            may = member.state == "active" and (member.pk, product.pk) in with_seat
            if entitlement(member=member, product=product).entitled != may:
                yield f"somebody {'may not' if may else 'may'} use {product.pk}"


def _left_behind(at):
    """After the sweeps nothing is due."""
    for subscription in Subscription.objects.filter(state_ends_at__lte=at, held_at=None):
        yield f"{subscription.state} since {subscription.state_ends_at}, and nothing ends it"
    for renewal in Renewal.objects.filter(next_try_at__lte=at, state__in=("due", "charging", "retrying")):
        if not renewal.subscription.orders.filter(state="pending").exists():
            yield f"renewal of {renewal.starts_at} is due, and nobody tries it"


def _terms(charged):
    """The whole terms that were sold and paid for, by subscription, oldest first."""
    lines = OrderLine.objects.filter(order__payments__in=list(charged), order__state="paid")
    whole = lines.filter(order__kind__in=("purchase", "renewal", "reactivation")).select_related("order")
    found = defaultdict(list)
    for line in whole.order_by("starts_at", "pk"):
        found[line.order.subscription_id].append(line)
    return found


def _life(subscription, terms, at):
    contested = Dispute.objects.filter(payment__order__subscription=subscription, state__in=("open", "lost"))
    if contested.exists():
        return  # the bank decides over its money and with it over its life
    yield from _periods(subscription, [line for line in terms if line.quantity > line.returned])
    yield from _access(subscription, terms, at)


def _periods(subscription, kept):
    for before, after in pairwise(kept):
        if after.starts_at < before.ends_at:
            yield f"{subscription.pk}: charged twice for the days from {after.starts_at} to {before.ends_at}"
        elif after.starts_at > before.ends_at and not _was_disabled(subscription, before, after):
            yield f"{subscription.pk}: nobody paid from {before.ends_at} to {after.starts_at}, and it was not disabled"


def _access(subscription, terms, at):
    kept = [line for line in terms if line.quantity > line.returned]
    usable = subscription.state in USABLE
    if not kept:
        if usable:
            yield f"{subscription.pk}: {subscription.state}, and everything was given back"
        return
    paid_until = kept[-1].ends_at
    if usable and at >= paid_until + GRACE + AN_HOUR:
        yield f"{subscription.pk}: {subscription.state} at {at}, paid until {paid_until}"
    if not usable and at < paid_until + GRACE - AN_HOUR and terms[-1] == kept[-1]:
        yield f"{subscription.pk}: {subscription.state} at {at}, and it was paid until {paid_until}"


def _was_disabled(subscription, before, after):
    told = Event.objects.filter(type="subscription.disabled", subject=str(subscription.pk))
    return any(before.starts_at.isoformat() <= event.data["since"] <= after.starts_at.isoformat() for event in told)
