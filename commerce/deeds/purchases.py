"""Of purchases: who bought them is asked, and their renewal stopped or turned."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from commerce.operations.centralising import requests
from commerce.operations.changes import policy_endings, stopping
from licensing.models import Subscription
from licensing.operations import subscriptions
from tenants.access import Actor, Right
from tenants.dates import listed_day
from tenants.refusal import Refused
from tenants.runs.deeds import deed

ASK_TO_CANCEL = "commerce.ask_to_cancel"
STOP_RENEWAL = "commerce.stop_renewal"
ALLOW_RENEWAL = "commerce.allow_renewal"
TURN_RENEWAL_OFF = "commerce.turn_renewal_off"
TURN_RENEWAL_ON = "commerce.turn_renewal_on"


class NoSuchPurchase(Refused):
    message = _("There is no such purchase any more, or you may not see it.")


class OwnedByAPerson(Refused):
    message = _("A person decides about its renewal. Stop it at renewal instead.")


class RenewalUnchanged(Refused):
    message = _("It is so already.")


def purchase(subject: str, by: Actor) -> Subscription:
    """:raises NoSuchPurchase: none that the person may see"""
    found = Subscription.objects.visible_to(by).select_related("tenant", "plan__product").filter(pk=subject).first()
    if found is None:
        raise NoSuchPurchase
    return found


@deed(ASK_TO_CANCEL, title=_("Ask purchasers to cancel"), right=Right.END_PURCHASES_OF_OTHERS)
def ask_to_cancel(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    asked = requests.ask(subscription=purchase(subject, by), message=given.get("message", ""), by=by, at=at)
    if asked.created_at != at:
        return on_day(_("Asked on %(day)s already; nobody is asked twice."), asked.created_at)
    return on_day(_("Asked; reminded from %(day)s on."), asked.remind_at)


@deed(STOP_RENEWAL, title=_("Stop at renewal"), right=Right.END_PURCHASES_OF_OTHERS)
def stop_renewal(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    stopped = stopping.stop_renewal(subscription=purchase(subject, by), reason=given["reason"], by=by, at=at)
    return on_day(_("Ends on %(day)s. Its purchaser is told."), stopped.term_end)


@deed(ALLOW_RENEWAL, title=_("Let their owners renew them again"), right=Right.CHANGE_POLICY)
def allow_renewal(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    policy_endings.lift_stop(subscription=purchase(subject, by), reason=given["reason"], by=by, at=at)
    return str(_("Its purchaser may turn renewal on again, and is told."))


@deed(TURN_RENEWAL_OFF, title=_("Turn automatic renewal off"), right=Right.END_PURCHASES_OF_OTHERS)
def turn_renewal_off(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    return _turn_renewal(subject, auto_renew=False, by=by, at=at)


@deed(TURN_RENEWAL_ON, title=_("Turn automatic renewal on"), right=Right.END_PURCHASES_OF_OTHERS)
def turn_renewal_on(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    return _turn_renewal(subject, auto_renew=True, by=by, at=at)


def require_turnable(subscription: Subscription, *, auto_renew: bool) -> None:
    """
    Whether an admin turns the renewal of this one among many.

    :raises OwnedByAPerson: it is that person's to turn
    :raises RenewalUnchanged: it is on, or off, already
    :raises Refused: as `subscriptions.require_turnable` says
    """
    if subscription.owner_id is not None:
        raise OwnedByAPerson
    if subscription.auto_renew == auto_renew:
        raise RenewalUnchanged
    subscriptions.require_turnable(subscription, auto_renew=auto_renew)


def _turn_renewal(subject: str, *, auto_renew: bool, by: Actor, at: datetime) -> str:
    found = purchase(subject, by)
    require_turnable(found, auto_renew=auto_renew)
    turned = subscriptions.set_auto_renew(subscription=found, auto_renew=auto_renew, by=by, at=at)
    return on_day(_("Renews on %(day)s.") if auto_renew else _("Ends on %(day)s."), turned.term_end)


def on_day(sentence: str | Promise, moment: datetime | None) -> str:
    return str(sentence) % {"day": listed_day(moment)}
