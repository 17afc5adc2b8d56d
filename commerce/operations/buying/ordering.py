"""
Orders for a subscription that is there already: more seats, another term. Placed and paid as a checkout is, but ordered
anew where a card is declined.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce import money
from commerce.models import Agreement, Order, OrderKind, OrderLine, PaymentSource
from commerce.models.order import GRANTED
from commerce.operations.changes.quotes import Direction, Position, Quote, Why
from commerce.operations.paying import cards, charging, fulfilment, open_orders, orders, spending
from commerce.operations.paying.cards import Means, PaymentMethodNotAccepted
from commerce.proration import Part
from commerce.tax import TaxTerms
from licensing.models import Channel, Subscription
from licensing.operations import subscriptions
from policies import eligibility
from policies.eligibility import PurchaseRefused
from policies.operations import commitments, decisions
from policies.spending import Proposal
from tenants.access import Actor, Right
from tenants.ids import new_id
from tenants.journal import events
from tenants.refusal import Refused


class ApprovedOnlyInACheckout(PurchaseRefused):
    """It needs an approval, and what waits for one is a new purchase."""

    code = PurchaseRefused.code
    message = _("More seats and another term can't wait for an approval. Buy them in a new checkout, which can.")


class NothingToCharge(Refused):
    message = _("So little of the term is left that it costs nothing. Ask for the seats from the renewal on.")


def require_payer(subscription: Subscription, by: Actor) -> None:
    """
    Who may spend on a subscription: its owner; for the tenant's own, whoever buys centrally.

    :raises NotAllowed: anybody else
    :raises TrialEndsByItself: nobody spends on a trial
    """
    if subscription.owner_id is None:
        subscriptions.require_in_own_tenant(subscription, by, Right.BUY_CENTRALLY)
    else:
        subscriptions.require_manager(subscription, by)
    if subscription.is_trial:
        raise subscriptions.TrialEndsByItself


def require_rules(
    subscription: Subscription,
    quantity: int,
    *,
    keep: bool,
    proposal: Proposal | None = None,
    by: Actor,
    at: datetime,
) -> None:
    """
    Ask the rules of eligibility again for the whole number of seats; of the tenant's own only the plan's bounds.

    :raises PurchaseRefused: a rule forbids it; `keep` writes the decision down. :raises BadInput: out of the bounds
    :raises ApprovedOnlyInACheckout: somebody would have to approve it
    """
    plan = subscription.plan
    if subscription.channel != Channel.SELF_SERVICE:
        orders.require_bounds(plan, quantity)
        return
    answer = eligibility.decide(by.home, plan.product, plan=plan, quantity=quantity, proposal=proposal, at=at)
    if keep:
        decisions.keep(answer=answer, plan=plan, quantity=quantity, by=by, at=at)
    if answer.needs_approval:
        raise ApprovedOnlyInACheckout(answer)
    if not answer.allowed:
        raise PurchaseRefused(answer)


def place(
    *,
    subscription: Subscription,
    kind: OrderKind,
    quoted: Callable[[Subscription], Quote],
    payment_method: str,
    return_url: str,
    order_id: UUID | None,
    by: Actor,
    at: datetime,
) -> tuple[Quote, Order]:
    """
    Order what `quoted` says of the locked subscription, and charge it: the card that is named, else what pays for the
    subscription. On an agreement it is granted at once and billed; on a card the order comes back `paid`, or `pending`
    while its holder or the provider is awaited. `order_id` makes a repeated call find the order of the first one.

    :raises PaymentMethodNotAccepted: no card that can be charged here, or none is known
    :raises ProviderUnavailable: the provider does not answer; nothing was tried
    :raises PaymentInProgress: another order of the subscription waits for its payment
    :raises PurchaseRefused: a rule of eligibility forbids it
    :raises CardDeclined: declined; the order is canceled. :raises PaymentCanceled: called off; so is the order
    :raises PaymentNotNeeded: :raises PaymentSetAside: it was taken and brought nothing; the order is canceled
    :raises TooManyDeclines: the person or the tenant had too many
    """
    means = means_for(subscription, payment_method, by=by, at=at)
    payment, refused = None, None
    with transaction.atomic():
        subscription = Subscription.objects.locked().with_people().get(pk=subscription.pk)
        placed = past_order(subscription, order_id, by=by) if order_id else None
        if placed:
            return quote_of(placed, subscription), placed
        open_orders.require_nothing_pending(subscription)
        if not payment_method:
            means = _held(means, subscription, at=at)
        quote = quoted(subscription)
        order_id = order_id or new_id()
        proposal = spending.of_change(quote, order_id=order_id)
        try:
            _weigh(quote, proposal, by=by, at=at)
        except PurchaseRefused as no:
            refused = no  # its decision stays, so the transaction goes through
        else:
            order = _insert(quote, kind, pk=order_id, by=by, at=at)
            if isinstance(means, Agreement):
                order.agreement = means
                order.save(update_fields=["agreement"])
                fulfilment.fulfil_on_invoice(order=order, at=at)
            else:
                payment = charging.start(order=order, means=means, by=by, at=at)
    if refused:
        raise refused
    if payment:
        charging.send(payment=payment, return_url=return_url, at=at)
    return quote, open_orders.outcome(order.pk)


def _weigh(quote: Quote, proposal: Proposal, *, by: Actor, at: datetime) -> None:
    """
    Ask the rules with what it costs, and count that towards the spend limits.

    :raises PurchaseRefused: :raises BadInput: as `require_rules`
    :raises SpendLimitExceeded: a limit has no room for what the tenant buys itself
    """
    subscription, plan = quote.subscription, quote.subscription.plan
    is_own = subscription.channel != Channel.SELF_SERVICE
    if not is_own:
        commitments.lock_limits(member=by.home, product=plan.product)
    require_rules(subscription, quote.after, keep=True, proposal=proposal, by=by, at=at)
    if is_own:
        spending.weigh(proposal=proposal, member=by.home, plan=plan, at=at)
    else:
        commitments.commit_spend(proposal=proposal, member=by.home, product=plan.product, at=at)


def means_for(subscription: Subscription, payment_method: str, *, by: Actor, at: datetime) -> Means | Agreement:
    """:raises PaymentMethodNotAccepted: as `place`. :raises ProviderUnavailable: as `place`"""
    if payment_method:
        return cards.means(payment_method=payment_method, by=by)
    source = PaymentSource.objects.filter(subscription=subscription).select_related("payment_method").first()
    if source and source.payment_method_id:
        return cards.means(payment_method=str(source.payment_method_id), by=by)
    if source and source.by_invoice and source.agreement_id:
        today = subscription.tenant.today(at)
        agreement = Agreement.objects.of(subscription.tenant).in_force(today).filter(pk=source.agreement_id).first()
        if agreement and agreement.pay_by_invoice:
            return agreement
    raise _nothing_pays()


def _held(means: Means | Agreement, subscription: Subscription, *, at: datetime) -> Means | Agreement:
    """
    What pays for a locked subscription, looked at once more: till the order is placed, nobody takes it away.

    :raises PaymentMethodNotAccepted: another card pays by now, or the agreement no longer lets it be paid by invoice
    """
    source = PaymentSource.objects.filter(subscription=subscription).first()
    if not isinstance(means, Agreement):
        if source is None or means.card is None or source.payment_method_id != means.card.pk:
            raise _nothing_pays()
        return means
    agreement = Agreement.objects.of(subscription.tenant).locked().get(pk=means.pk)
    holds = agreement.pay_by_invoice and agreement.is_in_force(subscription.tenant.today(at))
    if source is None or not source.by_invoice or source.agreement_id != agreement.pk or not holds:
        raise _nothing_pays()
    return agreement


def _nothing_pays() -> PaymentMethodNotAccepted:
    message = _("No card is known that pays for this subscription. Name one.")
    return PaymentMethodNotAccepted(message, field="payment_method")


def past_order(subscription: Subscription, order_id: UUID, *, by: Actor) -> Order | None:
    """
    The order of that id: for the retry of a call that died before it could answer.

    :raises: as `open_orders.outcome`: what that call would have said
    """
    order = Order.objects.by_buyer(by.home).filter(subscription=subscription, pk=order_id).first()
    return open_orders.outcome(order.pk) if order else None


def quote_of(order: Order, subscription: Subscription) -> Quote:
    """What was quoted for an order when it was placed."""
    positions = tuple(_as_placed(line, order) for line in order.lines.select_related("plan__product").order_by("pk"))
    seats = sum(line.quantity for line in positions) if order.kind == OrderKind.SEATS else 0
    before = subscription.quantity - (seats if order.state in GRANTED else 0)
    return Quote(
        subscription=subscription,
        direction=Direction.CHARGE,
        lines=positions,
        currency=order.currency,
        terms=TaxTerms.of(order),
        before=before,
        after=before + seats,
        takes_effect_at=positions[0].starts_at,
        as_of=order.created_at,
    )


def _insert(quote: Quote, kind: OrderKind, *, pk: UUID | None, by: Actor, at: datetime) -> Order:
    subscription = quote.subscription
    order = orders.place(
        pk=pk,
        buyer=by.home,
        kind=kind,
        channel=subscription.channel,
        subscription=subscription,
        currency=quote.currency,
        terms=quote.terms,
        lines=map(_as_line, quote.lines),
        at=at,
    )
    events.record(
        "order.placed",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=order.pk,
        subscription=subscription.pk,
        kind=kind,
        quantity=sum(line.quantity for line in quote.lines),
        total=money.text(order.total, order.currency),
        currency=order.currency,
    )
    return order


def _as_line(position: Position) -> OrderLine:
    is_whole = position.part.seconds == position.part.of
    return OrderLine(
        plan=position.plan,
        quantity=position.quantity,
        unit_price=position.unit_price,
        amount=position.amount,
        tax=position.tax,
        part_seconds=None if is_whole else position.part.seconds,
        term_seconds=None if is_whole else position.part.of,
        starts_at=position.starts_at,
        ends_at=position.ends_at,
    )


def _as_placed(line: OrderLine, order: Order) -> Position:
    starts_at, ends_at = line.starts_at or order.created_at, line.ends_at or order.created_at
    whole = Part.whole(start=starts_at, end=ends_at)
    is_part = line.part_seconds is not None and line.term_seconds is not None
    if order.kind == OrderKind.SEATS:
        why = Why.REST_OF_TERM
    else:
        why = Why.NEXT_TERM if starts_at < order.created_at else Why.NEW_TERM
    return Position(
        plan=line.plan,
        quantity=line.quantity,
        unit_price=line.unit_price,
        currency=order.currency,
        starts_at=starts_at,
        ends_at=ends_at,
        part=Part(seconds=line.part_seconds or 0, of=line.term_seconds or 0) if is_part else whole,
        amount=line.amount,
        tax=line.tax,
        tax_inclusive=line.tax_inclusive,
        why=why,
    )
