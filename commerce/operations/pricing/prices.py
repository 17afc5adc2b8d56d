"""Which price applies: by plan, channel and market, on a day."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import cast

from django.utils.translation import gettext_lazy as _

from commerce.models import Price, Purchase
from commerce.money import local_currency
from licensing.models import Channel, Plan, Subscription
from tenants.directory.models import Tenant
from tenants.refusal import Refused

FALLBACK_CURRENCY = "USD"
# Whose list prices somebody sees who named no country.
FALLBACK_COUNTRY = "US"


class NotPriced(Refused):
    """The plan has no price for this channel in the market's currency, nor in the fallback."""

    message = _("This plan has no price in your market yet.")


def prices_in(country: str, plans: Iterable[Plan], *, channel: Channel, on: date) -> dict[str, Price]:
    """The list price of each plan that has one, by plan id; one query. A market without its own prices buys in USD."""
    wanted = local_currency(country)
    chosen: dict[str, Price] = {}
    for price in Price.objects.in_force(channel, on).filter(plan__in=[plan.pk for plan in plans]):
        if price.currency == wanted or (price.currency == FALLBACK_CURRENCY and price.plan_id not in chosen):
            chosen[price.plan_id] = price
    return chosen


def renewal_price(subscription: Subscription, at: datetime | None = None) -> tuple[Decimal, str]:
    """
    What a seat costs from the end of the present term on, or for a term that begins at another moment, and its
    currency, which never changes.

    :raises NotPriced: nothing was ever charged for it
    """
    found = cast(Purchase, Purchase.objects.with_renewal_price(at).get(pk=subscription.pk))
    if found.renewal_price is None or found.currency is None:
        raise NotPriced
    return found.renewal_price, found.currency


def price_for(plan: Plan, *, tenant: Tenant, channel: Channel, at: datetime) -> Price:
    """:raises NotPriced: the plan cannot be bought in the tenant's market"""
    found = prices_in(tenant.country, [plan], channel=channel, on=tenant.today(at))
    if plan.pk not in found:
        raise NotPriced
    return found[plan.pk]
