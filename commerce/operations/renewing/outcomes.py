"""What became of a renewal's try, told by whoever learned it: the payment, the order, or a rule that was asked."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from commerce.models import Order, OrderKind, Renewal, RenewalState
from commerce.models.renewal import FAULTS
from commerce.operations.renewing import dunning
from licensing.models import Subscription
from licensing.operations import next_terms
from tenants.access import SYSTEM
from tenants.journal import events

NOT_PRICED = "plan_not_priced"
STEP_WANTED = "confirmation_required"
# Nobody said no: the provider never heard of the try, or somebody else called it off.
AGAIN_AFTER = timedelta(minutes=1)


def paid(order: Order, *, starts_at: datetime, at: datetime) -> None:
    """
    An order brought the term that begins then: the renewal's own, or another one that was faster. In the caller's
    transaction, which holds the order and the subscription.
    """
    Renewal.objects.filter(subscription=order.subscription_id, starts_at=starts_at).exclude(
        state=RenewalState.PAID
    ).update(
        state=RenewalState.PAID,
        order=order,
        next_try_at=None,
        next_letter_at=None,
        leased_until=None,
        settled_at=at,
        faults=0,
    )


def declined(order: Order, *, code: str, at: datetime) -> None:
    """By the bank or by the cardholder. The caller holds the order."""
    renewal = _tried_by(order)
    if renewal is not None and renewal.is_open:
        _give_seats_free(order)
        if renewal.state == RenewalState.CHARGING:
            dunning.failed(renewal=renewal, code=code, order=order, at=at)


def awaits_step(order: Order, *, at: datetime) -> None:
    """Nobody sits in front of it: as good as declined, until its cardholder comes."""
    renewal = _tried_by(order)
    if renewal is not None and renewal.state == RenewalState.CHARGING:
        dunning.failed(renewal=renewal, code=STEP_WANTED, order=order, at=at)


def canceled(order: Order, *, at: datetime) -> None:
    """Its order ended and brought nothing. What said no before has said when to try again; else that is soon."""
    renewal = _tried_by(order)
    if renewal is None or not renewal.is_open:
        return
    _give_seats_free(order)
    if renewal.state == RenewalState.CHARGING:
        _wait(renewal, until=at + AGAIN_AFTER)


def set_aside(order: Order) -> None:
    """The provider took another amount than it was asked for: an operator looks before anything is charged again."""
    renewal = _tried_by(order)
    if renewal is not None and renewal.is_open:
        Renewal.objects.filter(pk=renewal.pk).update(faults=FAULTS)


def put_off(renewal: Renewal, *, until: datetime) -> None:
    """Something else stands in the way for a moment. The caller holds the renewal."""
    _wait(renewal, until=until)


def refuse(renewal: Renewal, subscription: Subscription, codes: Sequence[str], *, at: datetime) -> None:
    """A rule forbids it: the subscription ends with its term. The caller holds both."""
    _settle(renewal, RenewalState.REFUSED, at=at, refused_by=list(codes))
    events.record(
        "renewal.refused",
        tenant=subscription.tenant,
        by=SYSTEM,
        at=at,
        subject=subscription.pk,
        starts_at=renewal.starts_at,
        codes=list(codes),
    )
    dunning.refused(renewal=renewal, at=at)


def lapse(renewal: Renewal, subscription: Subscription, *, at: datetime) -> None:
    """Nobody wants it any more. The caller holds both."""
    _settle(renewal, RenewalState.LAPSED, at=at)
    events.record(
        "renewal.lapsed",
        tenant=subscription.tenant,
        by=SYSTEM,
        at=at,
        subject=subscription.pk,
        starts_at=renewal.starts_at,
    )


def _tried_by(order: Order) -> Renewal | None:
    """Under its lock and its subscription's, so that what pays for it is what was chosen last."""
    if order.kind != OrderKind.RENEWAL or order.subscription_id is None:
        return None
    Subscription.objects.locked().only("pk").get(pk=order.subscription_id)
    return Renewal.objects.locked().select_related("tenant").filter(order=order).first()


def _give_seats_free(order: Order) -> None:
    """Those that were held back for a term with fewer."""
    held = Subscription.objects.locked().filter(orders=order, renewed_quantity__isnull=False, renewed_until=None)
    for subscription in held:
        next_terms.give_up_next_term(subscription)


def _wait(renewal: Renewal, *, until: datetime) -> None:
    renewal.state = RenewalState.RETRYING if renewal.first_failed_at else RenewalState.DUE
    renewal.next_try_at, renewal.leased_until = until, None
    renewal.save(update_fields=["state", "next_try_at", "leased_until"])


def _settle(renewal: Renewal, state: RenewalState, *, at: datetime, refused_by: Sequence[str] = ()) -> None:
    renewal.state, renewal.settled_at = state, at
    renewal.next_try_at = renewal.next_letter_at = renewal.leased_until = None
    renewal.refused_by = list(refused_by)
    renewal.save(update_fields=["state", "settled_at", "next_try_at", "next_letter_at", "leased_until", "refused_by"])
