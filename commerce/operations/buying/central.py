"""What a tenant buys itself: by an agreement, or with a card of its own. Whose seats they become, its admins say."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce import money
from commerce.models import Agreement, AgreementPrice, Order, OrderLine, Payment, Price
from commerce.operations.paying import cards, charging, fulfilment, open_orders, orders, spending
from commerce.operations.paying.cards import Means
from commerce.operations.pricing.prices import NotPriced, price_for
from commerce.operations.pricing.taxes import terms_for
from commerce.tax import TaxTerms, split
from licensing.models import Channel, Plan
from policies.operations import acknowledgements
from policies.operations.acknowledgements import Read
from tenants.access import Actor, Right, actor_of
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.journal import events
from tenants.refusal import BadInput, Refused


class AgreementNotInForce(Refused):
    message = _("This agreement does not hold today.")


class NotPaidByInvoice(Refused):
    message = _("Purchases under this agreement are not paid by invoice. Choose a card.")


class PriceChanged(Refused):
    """Nobody pays a total that they have not seen."""

    message = _("The total has changed since you saw it. Look at it, then order.")


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What an order would cost at this moment."""

    plan: Plan
    quantity: int
    unit_price: Decimal
    currency: str
    subtotal: Decimal
    tax: Decimal
    tax_name: str
    tax_rate: Decimal
    tax_inclusive: bool
    reverse_charge: bool
    seller_id: UUID | None

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax


def quote(*, tenant: Tenant, plan: Plan, quantity: int, agreement: Agreement | None = None, at: datetime) -> Quote:
    """
    At the agreement's price of the plan, else at the list price of central purchases.

    :raises BadInput: a quantity that the plan is not sold in
    :raises AgreementNotInForce: not on the tenant's own date
    :raises NotPriced: no price in the tenant's market, or in the agreement's currency
    """
    orders.require_bounds(plan, quantity)
    unit_price, currency = _price(tenant, plan, agreement, at)
    terms = terms_for(tenant=tenant, at=at)
    net, tax = split(unit_price * quantity, terms, currency)
    return Quote(
        plan=plan,
        quantity=quantity,
        unit_price=unit_price,
        currency=currency,
        subtotal=net,
        tax=tax,
        **terms.fields,
    )


def order(
    *,
    plan: Plan,
    quantity: int,
    agreement: Agreement | None = None,
    payment_method: str = "",
    return_url: str,
    buyer: Membership | None = None,
    order_id: UUID | None = None,
    expecting: Decimal | None = None,
    acknowledge: Read | None = None,
    by: Actor,
    at: datetime,
) -> Order:
    """
    Buy for the tenant. By an agreement that is paid by invoice it is granted at once; with a card (the tenant's, or a
    provider's token, which becomes the tenant's) it is granted when that has paid: till then the order is `pending`.

    `buyer` is who buys where an operator places the order. `order_id` makes a repeated call find the order of the first
    one. `expecting` is the total that was shown. `acknowledge` names the data policies that the buyer says to have
    read; none: nobody is asked.

    :raises NotAllowed: neither an operator nor somebody who may buy for the tenant; or the buyer may not
    :raises BadInput: a quantity that the plan is not sold in, or neither agreement nor card; or a data policy asks to
        be read first
    :raises AgreementNotInForce: :raises NotPriced: as `quote`
    :raises NotPaidByInvoice: the agreement wants a card
    :raises PriceChanged: another total than the expected one
    :raises SpendLimitExceeded: a spend limit that counts it, and that refuses, has no room
    :raises PaymentMethodNotAccepted: no card that the provider knows and that may pay here
    :raises ProviderUnavailable: the provider does not answer; nothing was ordered
    :raises CardDeclined: :raises PaymentCanceled: nothing was charged, the order is canceled
    :raises PaymentNotNeeded: :raises PaymentSetAside: it was taken and brought nothing; the order is canceled
    :raises TooManyDeclines: :raises TooManyCardsAtOnce: as for a checkout
    """
    buyer = buyer or by.home
    by.require_in(buyer.tenant, Right.BUY_CENTRALLY)
    actor_of(buyer).require(Right.BUY_CENTRALLY)
    if not payment_method and agreement is None:
        raise BadInput(_("Name an agreement or a card."), field="payment_method", code="required")
    means = cards.means(payment_method=payment_method, by=actor_of(buyer)) if payment_method else None
    pk = order_id or new_id()
    placed, payment = _place(
        plan, quantity, agreement, means, acknowledge, buyer=buyer, pk=pk, expecting=expecting, by=by, at=at
    )
    if payment is not None:
        charging.send(payment=payment, return_url=return_url, at=at)
    return open_orders.outcome(placed.pk)


@transaction.atomic
def _place(
    plan: Plan,
    quantity: int,
    agreement: Agreement | None,
    means: Means | None,
    read: Read | None,
    *,
    buyer: Membership,
    pk: UUID,
    expecting: Decimal | None,
    by: Actor,
    at: datetime,
) -> tuple[Order, Payment | None]:
    # Row lock: one person's orders are placed one after another, so that the second call finds what the first placed.
    Membership.objects.select_for_update(of=("self",), no_key=True).get(pk=buyer.pk)
    found = Order.objects.of(buyer.tenant).by_buyer(buyer).filter(pk=pk).first()
    if found is not None:
        return open_orders.outcome(found.pk), None
    agreement = Agreement.objects.of(buyer.tenant).locked().get(pk=agreement.pk) if agreement else None
    told = quote(tenant=buyer.tenant, plan=plan, quantity=quantity, agreement=agreement, at=at)
    if expecting is not None and expecting != told.total:
        raise PriceChanged
    if means is None and (agreement is None or not agreement.pay_by_invoice):
        raise NotPaidByInvoice
    proposal = spending.of_plan(
        plan,
        quantity,
        unit_price=told.unit_price,
        currency=told.currency,
        total=told.total,
        terms=TaxTerms.of(told),
        tenant=buyer.tenant,
        channel=Channel.CENTRAL,
        subject=pk,
        at=at,
    )
    acknowledgements.acknowledge_order(product=plan.product, order_id=pk, read=read, by=by, at=at)
    spending.weigh(proposal=proposal, member=buyer, plan=plan, at=at)
    placed = _write(told, agreement, buyer=buyer, pk=pk, by=by, at=at)
    if means is not None:
        return placed, charging.start(order=placed, means=means, by=actor_of(buyer), at=at)
    fulfilment.fulfil_on_invoice(order=placed, at=at)
    return placed, None


def _write(told: Quote, agreement: Agreement | None, *, buyer: Membership, pk: UUID, by: Actor, at: datetime) -> Order:
    line = OrderLine(
        plan=told.plan, quantity=told.quantity, unit_price=told.unit_price, amount=told.subtotal, tax=told.tax
    )
    placed = orders.place(
        pk=pk,
        buyer=buyer,
        channel=Channel.CENTRAL,
        agreement=agreement,
        currency=told.currency,
        terms=TaxTerms.of(told),
        lines=[line],
        at=at,
    )
    events.record(
        "order.placed",
        tenant=buyer.tenant,
        by=by,
        at=at,
        subject=placed.pk,
        member=buyer.pk,
        plan=told.plan.pk,
        quantity=told.quantity,
        agreement=agreement.pk if agreement else None,
        total=money.text(told.total, told.currency),
        currency=told.currency,
    )
    return placed


def _price(tenant: Tenant, plan: Plan, agreement: Agreement | None, at: datetime) -> tuple[Decimal, str]:
    if agreement is None:
        listed = price_for(plan, tenant=tenant, channel=Channel.CENTRAL, at=at)
        return listed.amount, listed.currency
    if not agreement.is_in_force(tenant.today(at)):
        raise AgreementNotInForce
    agreed = AgreementPrice.objects.filter(agreement=agreement, plan=plan).first()
    if agreed is not None:
        return agreed.amount, agreement.currency
    prices = Price.objects.in_force(Channel.CENTRAL, tenant.today(at))
    in_its_currency = prices.filter(plan=plan, currency=agreement.currency).first()
    if in_its_currency is None:
        raise NotPriced
    return in_its_currency.amount, agreement.currency
