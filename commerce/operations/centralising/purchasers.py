"""Asking the purchasers of a centralised product to cancel, and waiting until nobody of them pays for it any more."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.models import Centralisation, CentralisationPurchase, RequestedCancellationState
from commerce.models import CentralisationStep as Step
from commerce.operations.centralising import requests, self_service, steps
from licensing.models import GIVES_ACCESS, Subscription
from tenants.access import SYSTEM, Actor, Right
from tenants.refusal import BadInput
from tenants.scope import EVERYBODY, Scope

# As long as one of these is so of a purchase that was asked about, it is waited for.
_GOES_ON = Q(subscription__state__in=GIVES_ACCESS, subscription__auto_renew=True, subscription__owner__isnull=False)


@transaction.atomic
def ask(
    *,
    centralisation: Centralisation,
    subscriptions: Sequence[Subscription],
    message: str = "",
    by: Actor,
    at: datetime,
) -> Centralisation:
    """
    Ask the owners of purchases to cancel them, and wait for them; asked again, whoever wanted to keep theirs. What was
    canceled meanwhile is passed over. With nobody left to ask it is done.

    :raises NotAllowed: `by` does not end others' purchases
    :raises WrongStep: seats were not given yet, or it is over
    :raises BadInput: a purchase without people of it, or a message that cannot be kept
    """
    by.require_in(centralisation.tenant, Right.END_PURCHASES_OF_OTHERS)
    locked = steps.reached(centralisation, by, (Step.ASKING, Step.WAITING))
    every = Subscription.objects.of(locked.tenant).filter(plan__product=locked.product)
    keys = [subscription.pk for subscription in subscriptions]
    if every.filter(pk__in=keys).count() != len(set(keys)):
        raise BadInput(_("Choose purchases of the list."), field="purchases", code="invalid_choice")
    left = self_service.purchases_of(locked.tenant, locked.product).filter(pk__in=keys)
    # In the order of their keys, as everybody locks several of them.
    for subscription in left.select_related("tenant").order_by("pk"):
        _ask_one(locked, subscription, message, by=by, at=at)
    if locked.step == Step.ASKING:
        steps.go_to(locked, Step.WAITING)
    steps.record("asked", locked, by=by, at=at, subscriptions=keys)
    _finish(locked, by=by, at=at)
    return locked


@transaction.atomic
def let_be(*, centralisation: Centralisation, subscription: Subscription, by: Actor, at: datetime) -> Centralisation:
    """
    Let a purchaser keep what they were asked to cancel.

    :raises NotAllowed: `by` does not end others' purchases
    :raises WrongStep: nobody is waited for
    """
    by.require_in(centralisation.tenant, Right.END_PURCHASES_OF_OTHERS)
    locked = steps.reached(centralisation, by, (Step.WAITING,))
    asked = locked.purchases.select_related("request__tenant").filter(subscription=subscription).first()
    if asked is None:
        raise steps.WrongStep
    requests.withdraw(request=asked.request, by=by, at=at)
    _finish(locked, by=by, at=at)
    return locked


def finish_due(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """End those whose purchasers have all canceled. Returns how many."""
    waiting = among.of(Centralisation.objects.waiting()).exclude(pk__in=_waited_for().values("centralisation"))
    return sum(_finish_one(pk, at=at) for pk in waiting.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _finish_one(pk: UUID, *, at: datetime) -> int:
    found = Centralisation.objects.waiting().filter(pk=pk).select_related("tenant").order_by("pk")
    locked = found.select_for_update(of=("self",), no_key=True, skip_locked=True).first()
    return int(locked is not None and _finish(locked, by=SYSTEM, at=at))


def _finish(locked: Centralisation, *, by: Actor, at: datetime) -> bool:
    if _waited_for().filter(centralisation=locked).exists():
        return False
    steps.end(locked, Step.DONE, by=by, at=at)
    return True


def _waited_for() -> models.QuerySet[CentralisationPurchase]:
    kept = Q(request__state=RequestedCancellationState.WITHDRAWN)
    return CentralisationPurchase.objects.filter(_GOES_ON).exclude(kept)


def _ask_one(locked: Centralisation, subscription: Subscription, message: str, *, by: Actor, at: datetime) -> None:
    try:
        request = requests.ask(subscription=subscription, message=message, by=by, at=at)
    except (requests.EndsAnyway, requests.NobodyToAsk):
        return  # canceled, adopted or left meanwhile: the page says so
    CentralisationPurchase.objects.update_or_create(
        tenant=locked.tenant, centralisation=locked, subscription=subscription, defaults={"request": request}
    )
