"""What is said of a purchase in lists and on its page."""

from typing import Any

from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from commerce.amounts import money
from commerce.models import Purchase
from commerce.views import standing
from commerce.views.looks import KINDS
from licensing.models import Subscription, SubscriptionState
from tenants.access import Actor, Right
from tenants.dates import listed_day, listed_minute
from tenants.journal.models import Event
from tenants.journal.naming import names_in
from tenants.procurement import badge


def paid(purchase: Purchase, *, beside: bool = False) -> str:
    """
    What was charged, how much of it went back, and what was billed and is still to be paid (`beside`: below it); empty
    where nothing ever was charged.
    """
    if not purchase.currency:
        return ""
    charged = money(purchase.paid + purchase.refunded, purchase.currency)
    notes = []
    if purchase.refunded:
        notes.append(_("of which %(back)s refunded") % {"back": money(purchase.refunded, purchase.currency)})
    if purchase.to_pay:
        notes.append(_("%(amount)s to be paid") % {"amount": money(purchase.to_pay, purchase.currency)})
    if beside:
        return format_html(
            "{}{}", charged, format_html_join("", '<span class="beside">{}</span>', ([n] for n in notes))
        )
    return ", ".join([charged, *notes])


def unit_price(purchase: Purchase) -> str:
    """Of a seat in the present term; empty where nothing ever was charged."""
    return (
        money(purchase.unit_price, purchase.currency) if purchase.unit_price is not None and purchase.currency else ""
    )


def expires(purchase: Purchase) -> str:
    """When its term ends, or when it ended."""
    if purchase.ended_at:
        return _("Ended %(day)s") % {"day": listed_day(purchase.ended_at)}
    return listed_day(purchase.term_end)


def renewal(purchase: Purchase) -> str:
    """Nothing renews whose term has ended."""
    if purchase.state != SubscriptionState.ACTIVE:
        return ""
    return _("On") if purchase.auto_renew else _("Off")


def failed(purchase: Purchase) -> list[tuple[str | Promise, Any]]:
    """Why its renewal was not paid, and what follows by itself."""
    found = standing.failed_renewal(purchase)
    if found is None:
        return []
    next_try = listed_minute(found["next_try_at"]) if found["next_try_at"] else _("Not before another card pays")
    return [
        (_("Payment failed"), found["why"]),
        (_("Tried again"), next_try),
        (_("Access until"), listed_minute(found["access_until"])),
    ]


def canceled(purchase: Purchase) -> list[tuple[str | Promise, Any]]:
    """Who canceled it, when and why, as the journal has it."""
    events = Event.objects.of(purchase.tenant).about(purchase.pk).filter(type="subscription.canceled")
    event = events.select_related("actor").order_by("-at").first()
    if event is None or (purchase.state == SubscriptionState.ACTIVE and purchase.auto_renew):
        return []
    who = names_in([event], purchase.tenant).get(str(event.actor_id), event.actor or "")
    return [
        (_("Canceled"), listed_minute(event.at)),
        (_("Canceled by"), str(who)),
        (_("Reason"), event.data.get("reason", "")),
    ]


def state_badge(purchase: Purchase) -> str:
    state = SubscriptionState(purchase.state)
    return badge(state.label, KINDS[state])


def may_ask_for_end(purchase: Purchase, by: Actor) -> bool:
    """Of a person's own; what the organisation owns, its admins end on this page."""
    if by.tenant is None or by.is_guest or purchase.owner_id is None:
        return False
    return purchase.gives_access and by.may(Right.END_PURCHASES_OF_OTHERS)


def may_export(actor: Actor) -> bool:
    return actor.is_operator or actor.may(Right.EXPORT_PURCHASES)


def sees_prices(actor: Actor, purchase: Purchase | None = None) -> bool:
    """Whether somebody knows what purchases cost, or what this one does: it is their own."""
    own = purchase is not None and (actor.is_member(purchase.purchaser_id) or actor.is_member(purchase.owner_id))
    return actor.is_operator or actor.may(Right.SEE_ALL_PURCHASES) or own


def said(purchase: Subscription) -> str:
    """As it stands in a line of a preview: "Power BI Pro, monthly, 2 seats, Ana"."""
    told = {"plan": purchase.plan, "quantity": purchase.quantity, "who": purchase.purchaser}
    return _("%(plan)s, quantity %(quantity)s, %(who)s") % told
