"""What the organisation pays for what it adopts: the rest of the term where it takes that on, and what follows."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from commerce import money
from commerce.models import AgreementPrice, Price
from commerce.operations.changes import quotes, scheduled
from commerce.operations.changes.quotes import Position, Why
from commerce.operations.leaving.adoption import Payer
from commerce.operations.pricing.next_charge import NextCharge
from commerce.operations.pricing.prices import NotPriced, renewal_price
from commerce.operations.pricing.taxes import terms_for
from commerce.tax import TaxTerms, split
from licensing.models import Channel, Subscription


def taken_on(subscription: Subscription, back: Iterable[Position], *, at: datetime) -> tuple[Position, ...]:
    """As much as goes back, line by line, taxed as the organisation is today."""
    return taxed_anew(back, terms_for(tenant=subscription.tenant, at=at))


def taxed_anew(back: Iterable[Position], terms: TaxTerms) -> tuple[Position, ...]:
    charged = []
    for line in back:
        if not line.total:
            continue
        amount, tax = split(line.seen, terms, line.currency)
        charged.append(
            replace(
                line, amount=amount, tax=tax, tax_inclusive=terms.inclusive, why=Why.TAKES_ON, line=None, payment=None,
                charged=money.ZERO, charged_tax=money.ZERO,
            )
        )  # fmt: skip
    return tuple(charged)


def next_term(subscription: Subscription, payer: Payer | None, *, at: datetime) -> NextCharge | None:
    """What the next renewal charges the organisation. None: it does not renew, or nothing was ever charged for it."""
    currency = quotes.currency_of(subscription)
    if not currency or not subscription.auto_renew:
        return None
    unit_price = _unit_price(subscription, payer, currency, at=at)
    quantity = scheduled.expected_quantity(subscription, scheduled.waiting(subscription))
    terms = terms_for(tenant=subscription.tenant, at=subscription.paid_until)
    subtotal, tax = split(unit_price * quantity, terms, currency)
    return NextCharge(
        at=subscription.paid_until,
        unit_price=unit_price,
        quantity=quantity,
        amount=unit_price * quantity,
        subtotal=subtotal,
        tax=tax,
        currency=currency,
        terms=terms,
    )


def _unit_price(subscription: Subscription, payer: Payer | None, currency: str, *, at: datetime) -> Decimal:
    """By the agreement that is to pay, else the central price that is known by now, else what it costs today."""
    plan, day = subscription.plan, subscription.paid_until.astimezone(subscription.zone).date()
    agreement = payer.agreement if payer else None
    if agreement is not None and agreement.currency == currency and agreement.is_in_force(day):
        agreed = AgreementPrice.objects.filter(agreement=agreement, plan=plan).first()
        if agreed is not None:
            return agreed.amount
    central = Price.objects.known_by(at).in_force(Channel.CENTRAL, day).filter(plan=plan, currency=currency).first()
    if central is not None:
        return central.amount
    try:
        return renewal_price(subscription, subscription.renewed_until)[0]
    except NotPriced:
        return money.ZERO
