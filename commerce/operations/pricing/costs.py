"""
What a purchase would cost. Policies, which know no prices, ask for it here by name (`settings.PURCHASE_COSTS`), so that
whoever explains a decision weighs the same as a checkout.
"""

from collections.abc import Sequence
from datetime import datetime

from commerce.models import Price
from commerce.money import local_currency
from commerce.operations.paying import spending
from commerce.operations.pricing.prices import FALLBACK_CURRENCY, prices_in
from commerce.operations.pricing.taxes import terms_for
from commerce.tax import TaxTerms, split
from licensing.models import Channel, Plan, Product
from policies.costs import Asked
from policies.spending import Proposal
from tenants.directory.models import Tenant


def of_purchase(product: Product, *, plan: Plan | None, quantity: int | None, tenant: Tenant, at: datetime) -> Asked:
    """
    A self-service purchase at today's price. Without a plan it is the cheapest for what is asked, without a quantity as
    few seats as can be bought. Without a price in the tenant's market nothing is proposed.
    """
    plans = [plan] if plan else list(Plan.objects.filter(product=product))
    prices = prices_in(tenant.country, plans, channel=Channel.SELF_SERVICE, on=tenant.today(at))
    chosen = plan or _cheapest(plans, prices, quantity)
    if chosen is None or chosen.pk not in prices:
        return Asked(plan=chosen, quantity=quantity)
    seats = chosen.min_quantity if quantity is None else quantity
    terms = terms_for(tenant=tenant, at=at)
    return Asked(
        plan=chosen, quantity=seats, proposal=proposal(chosen, seats, prices[chosen.pk], terms, tenant=tenant, at=at)
    )


def proposal(
    plan: Plan, quantity: int, price: Price, terms: TaxTerms, *, tenant: Tenant, at: datetime
) -> Proposal | None:
    if not 0 < quantity <= plan.max_quantity:
        return None  # refused for that, and nobody multiplies by it
    net, tax = split(price.amount * quantity, terms, price.currency)
    return spending.of_plan(
        plan,
        quantity,
        unit_price=price.amount,
        currency=price.currency,
        total=net + tax,
        terms=terms,
        tenant=tenant,
        at=at,
    )


def currency_of(tenant: Tenant) -> str:
    """The currency that a tenant buys in: its market's own, where anything is sold in that."""
    local = local_currency(tenant.country)
    return local if local and Price.objects.filter(currency=local).exists() else FALLBACK_CURRENCY


def _cheapest(plans: Sequence[Plan], prices: dict[str, Price], quantity: int | None) -> Plan | None:
    """By what is paid at once; a plan that is not sold in this quantity only where no other is."""
    priced = [plan for plan in plans if plan.pk in prices]
    fitting = [plan for plan in priced if quantity is None or plan.min_quantity <= quantity <= plan.max_quantity]
    return min(
        fitting or priced,
        key=lambda plan: (prices[plan.pk].amount * (plan.min_quantity if quantity is None else 1), plan.pk),
        default=None,
    )
