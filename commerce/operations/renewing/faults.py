"""Renewals that broke so often, for a reason of ours, that an operator has to look at them."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import Renewal
from commerce.models.renewal import FAULTS, TRIED
from licensing.models import Subscription
from tenants.access import Actor
from tenants.journal import events
from tenants.refusal import Refused


class NothingWrong(Refused):
    message = _("Nothing is wrong with this renewal any more: it is tried by itself, or it is over.")


@transaction.atomic
def try_again(*, renewal: Renewal, by: Actor, at: datetime) -> Renewal:
    """
    Let the sweep take it up again, at once and with as many chances as a new one.

    :raises NotAllowed: neither operator nor system
    :raises NothingWrong: it was not set aside, or not any more
    """
    by.require_operator()
    subscription = Subscription.objects.locked().select_related("tenant").get(renewals=renewal.pk)
    held = Renewal.objects.locked().get(pk=renewal.pk)
    if not is_set_aside(held):
        raise NothingWrong
    told, held.faults, held.next_try_at = held.faults, 0, at
    held.save(update_fields=["faults", "next_try_at"])
    events.record(
        "renewal.taken_up",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        starts_at=held.starts_at,
        faults=told,
    )
    return held


def is_set_aside(renewal: Renewal) -> bool:
    return renewal.state in TRIED and renewal.faults >= FAULTS
