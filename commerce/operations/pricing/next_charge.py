"""What the next charge of a subscription will come to, as far as is known now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast
from uuid import UUID

from commerce.models import Purchase, ScheduledChange
from commerce.operations.changes import scheduled
from commerce.operations.pricing import prices, taxes
from commerce.operations.pricing.prices import NotPriced
from commerce.tax import ByTerms, TaxTerms, split
from licensing.models import Subscription
from tenants.directory.models import Tenant


@dataclass(frozen=True, kw_only=True)
class NextCharge(ByTerms):
    """Says how it is taxed, as an order does. `amount` is at the price that people see."""

    at: datetime
    unit_price: Decimal
    quantity: int
    amount: Decimal
    subtotal: Decimal
    tax: Decimal
    currency: str
    terms: TaxTerms

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax


def of(subscription: Subscription, *, tenant: Tenant) -> NextCharge | None:
    """At the end of the last term that is paid, with the seats that it will have by then. None: no more."""
    if not subscription.gives_access or not subscription.auto_renew:
        return None
    return if_renewed(subscription, tenant=tenant)


def if_renewed(subscription: Subscription, *, tenant: Tenant) -> NextCharge | None:
    """As `of`, also where it does not renew as it stands. None: nothing was ever charged for it."""
    try:
        unit, currency = prices.renewal_price(subscription, subscription.renewed_until)
    except NotPriced:
        return None
    quantity = scheduled.expected_quantity(subscription, scheduled.waiting(subscription))
    terms = taxes.terms_for(tenant=tenant, at=subscription.paid_until)
    return _charge(subscription, unit, currency, quantity, terms)


def of_each(purchases: Sequence[Purchase]) -> dict[UUID, NextCharge]:
    """
    As `of`, of many by their ids, without those that come to none. They have their tenants, prices and changes with
    them, as `for_list` reads them; of those without a price, or whose price is not told, nothing is said.
    """
    renewing = [row for row in purchases if row.gives_access and row.auto_renew and row.unit_price is not None]
    terms = taxes.terms_of_each([(row.tenant, row.paid_until) for row in renewing])
    own = _renewal_prices(renewing)
    return {
        row.pk: _charge(
            row, own.get(row.pk, row.unit_price), row.currency, scheduled.expected_quantity(row, _change(row)), of
        )
        for row, of in zip(renewing, terms, strict=True)
        if row.unit_price is not None and row.currency
    }


def _renewal_prices(rows: Sequence[Purchase]) -> dict[UUID, Decimal]:
    """
    Of those that do not simply go on at their price. It is worked out for these alone, by a query that takes longer to
    plan than most pages to read: most lists have none of them.
    """
    ids = Purchase.objects.filter(pk__in=[row.pk for row in rows]).repriced().values_list("pk", flat=True)
    found = list(ids) if rows else []
    if not found:
        return {}
    priced = cast("Iterable[Purchase]", Purchase.objects.filter(pk__in=found).with_renewal_price(after_paid=True))
    return {row.pk: row.renewal_price for row in priced if row.renewal_price is not None}


def _change(row: Purchase) -> ScheduledChange | None:
    """What waits for its renewal, as far as the next charge depends on it."""
    if row.scheduled_quantity is None or row.scheduled_for is None:
        return None
    return ScheduledChange(quantity=row.scheduled_quantity, takes_effect_at=row.scheduled_for)


def _charge(subscription: Subscription, unit: Decimal, currency: str, quantity: int, terms: TaxTerms) -> NextCharge:
    amount = unit * quantity
    subtotal, tax = split(amount, terms, currency)
    return NextCharge(
        at=subscription.paid_until,
        unit_price=unit,
        quantity=quantity,
        amount=amount,
        subtotal=subtotal,
        tax=tax,
        currency=currency,
        terms=terms,
    )
