"""
The terms under which a tenant buys centrally. Its admins write them down; what gives the tenant something, credit or a
lower price, only the operator agrees to. What was bought stays as it was bought.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from commerce import money
from commerce.models import Agreement, AgreementPrice, Price
from commerce.money import local_currency
from commerce.operations.pricing.prices import FALLBACK_CURRENCY
from licensing.models import Channel, Plan
from tenants.access import Actor, Right
from tenants.directory.models import Tenant
from tenants.journal import events
from tenants.refusal import BadInput, Refused
from tenants.text import require_length, require_one_line

LONGEST_NAME = 100
MOST_DAYS = 365
# Digits before the point that a price has at most.
LARGEST = Decimal(10) ** 9


class AgreementExists(Refused):
    message = _("The organisation has an agreement of that name.")


class NeedsOperator(Refused):
    """Credit, or a price below the list: what the operator gives, nobody takes."""

    http_status = 403
    message = _(
        "Paying by invoice and prices below the price list are agreed with the operator. Ask the operator to set them."
    )


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What is agreed. `prices` are by plan id; `valid_to` is the first day on which it holds no longer."""

    valid_from: date
    valid_to: date | None = None
    pay_by_invoice: bool = False
    payment_days: int = 30
    prices: Mapping[str, Decimal]

    @classmethod
    def of(cls, agreement: Agreement) -> "Terms":
        return cls(
            valid_from=agreement.valid_from,
            valid_to=agreement.valid_to,
            pay_by_invoice=agreement.pay_by_invoice,
            payment_days=agreement.payment_days,
            prices={price.plan_id: price.amount for price in agreement.prices.all()},
        )

    @property
    def fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("valid_from", "valid_to", "pay_by_invoice", "payment_days")}

    def reaches_beyond(self, other: "Terms") -> bool:
        """Whether it holds on a day on which the other one does not."""
        later = other.valid_to is not None and (self.valid_to is None or self.valid_to > other.valid_to)
        return later or self.valid_from < other.valid_from


NOTHING_AGREED = Terms(valid_from=date.max, valid_to=date.max, payment_days=0, prices={})


@transaction.atomic
def add(*, tenant: Tenant, name: str, terms: Terms, by: Actor, at: datetime, currency: str = "") -> Agreement:
    """
    Agree with a tenant. `currency` defaults to the one that the tenant's prices are in, and never changes.

    :raises NotAllowed: neither an operator nor somebody who may buy for the tenant
    :raises NeedsOperator: paid by invoice, cheaper than the list or in another currency, and `by` is no operator
    :raises AgreementExists: the tenant has one of that name
    :raises BadInput: no name, dates that end before they begin, an unknown plan or currency, or an amount that is none
    """
    by.require_in(tenant, Right.BUY_CENTRALLY)
    name = _checked_name(name)
    if currency and not _is_sold_in(currency):
        raise BadInput(_("Nothing is sold in this currency."), field="currency", code="does_not_exist")
    own = currency_of(tenant)
    currency = currency or own
    if currency != own and not (by.is_system or by.is_operator):
        raise NeedsOperator  # another list may be the cheaper one
    _check(terms, currency)
    _require_operator_for(NOTHING_AGREED, terms, currency, tenant, by=by, at=at)
    agreement = Agreement(tenant=tenant, name=name, currency=currency, created_at=at, **terms.fields)
    _write(agreement)
    _write_prices(agreement, terms.prices)
    _record("agreement.added", agreement, terms, by=by, at=at)
    return agreement


@transaction.atomic
def change(*, agreement: Agreement, by: Actor, at: datetime, name: str | None = None, **changes: Any) -> Agreement:
    """
    Change the name, or `valid_from`, `valid_to`, `pay_by_invoice`, `payment_days`, `prices` (all of them, by plan id).
    It holds for the next order and renewal.

    :raises NotAllowed: as `add`. :raises AgreementExists: as `add`. :raises BadInput: as `add`
    :raises NeedsOperator: more credit, a lower price below the list, or either for longer, and `by` is no operator
    """
    by.require_in(agreement.tenant, Right.BUY_CENTRALLY)
    # Row lock: orders by this agreement are placed before the change or after it.
    agreement = Agreement.objects.locked().select_related("tenant").prefetch_related("prices").get(pk=agreement.pk)
    before = Terms.of(agreement)
    terms, wanted = replace(before, **changes), agreement.name if name is None else _checked_name(name)
    if (terms, wanted) == (before, agreement.name):
        return agreement
    _check(terms, agreement.currency)
    _require_operator_for(before, terms, agreement.currency, agreement.tenant, by=by, at=at)
    agreement.name = wanted
    for field, value in terms.fields.items():
        setattr(agreement, field, value)
    _write(agreement)
    if terms.prices != before.prices:
        agreement.prices.all().delete()
        _write_prices(agreement, terms.prices)
    _record("agreement.changed", agreement, terms, by=by, at=at)
    return agreement


def _write(agreement: Agreement) -> None:
    # Besides what a constraint refuses, in a savepoint: the caller's transaction goes on.
    try:
        with transaction.atomic():
            agreement.save()
    except IntegrityError as error:
        raise AgreementExists(field="name") from error


def _write_prices(agreement: Agreement, prices: Mapping[str, Decimal]) -> None:
    AgreementPrice.objects.bulk_create(
        AgreementPrice(tenant=agreement.tenant, agreement=agreement, plan_id=plan, amount=amount)
        for plan, amount in prices.items()
    )


def _checked_name(name: str) -> str:
    name = name.strip()
    require_one_line(name, field="name")
    if not name:
        raise BadInput(_("Give it a name."), field="name", code="required")
    require_length(name, LONGEST_NAME, field="name")
    return name


def currency_of(tenant: Tenant) -> str:
    """The currency of the price list in the tenant's market."""
    local = local_currency(tenant.country)
    return local if local and _is_sold_in(local) else FALLBACK_CURRENCY


def _is_sold_in(currency: str) -> bool:
    return Price.objects.filter(channel=Channel.CENTRAL, currency=currency).exists()


def _check(terms: Terms, currency: str) -> None:
    if terms.valid_to is not None and terms.valid_to <= terms.valid_from:
        raise BadInput(_("It must end after it begins."), field="valid_to", code="ends_before_it_begins")
    if not 0 <= terms.payment_days <= MOST_DAYS:
        most = {"most": MOST_DAYS}
        raise BadInput(_("Use 0 to %(most)s days.") % most, field="payment_days", code="out_of_range")
    for plan, amount in terms.prices.items():
        if not amount.is_finite() or not 0 < amount < LARGEST or not money.is_exact(amount, currency):
            told = {"plan": plan, "currency": currency}
            raise BadInput(_("The price of %(plan)s is no amount in %(currency)s.") % told, field="prices")
    unknown = set(terms.prices) - set(Plan.objects.filter(pk__in=terms.prices).values_list("pk", flat=True))
    if unknown:
        named = {"plan": min(unknown)}
        raise BadInput(_("There is no plan %(plan)s.") % named, field="prices", code="does_not_exist")


def _require_operator_for(
    before: Terms, after: Terms, currency: str, tenant: Tenant, *, by: Actor, at: datetime
) -> None:
    """:raises NeedsOperator: the tenant would get more than it had, and neither operator nor system says so"""
    if by.is_system or by.is_operator:
        return
    cheap = _below_the_list(after, currency, on=tenant.today(at))
    more_credit = after.pay_by_invoice and (not before.pay_by_invoice or after.payment_days > before.payment_days)
    cheaper = any(plan not in before.prices or after.prices[plan] < before.prices[plan] for plan in cheap)
    longer = after.reaches_beyond(before) and (after.pay_by_invoice or bool(cheap))
    if more_credit or cheaper or longer:
        raise NeedsOperator


def _below_the_list(terms: Terms, currency: str, *, on: date) -> set[str]:
    """The plans that cost less than in the list, or are not in it."""
    listed = Price.objects.in_force(Channel.CENTRAL, on).filter(plan__in=terms.prices, currency=currency)
    amounts = {price.plan_id: price.amount for price in listed}
    return {plan for plan, amount in terms.prices.items() if plan not in amounts or amount < amounts[plan]}


def _record(type: str, agreement: Agreement, terms: Terms, *, by: Actor, at: datetime) -> None:
    events.record(
        type,
        tenant=agreement.tenant,
        by=by,
        at=at,
        subject=agreement.pk,
        currency=agreement.currency,
        prices={plan: money.text(amount, agreement.currency) for plan, amount in sorted(terms.prices.items())},
        **terms.fields,
    )
