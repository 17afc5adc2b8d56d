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
from commerce.models import Agreement, Order, OrderKind, PaymentSource
from commerce.operations.buying import quoted_orders
from commerce.operations.changes.quotes import Quote
from commerce.operations.paying import cards, charging, fulfilment, open_orders, orders, spending
from commerce.operations.paying.cards import Means, PaymentMethodNotAccepted
from licensing.models import Channel, Subscription, SubscriptionState
from licensing.operations import subscriptions
from policies import eligibility
from policies.eligibility import PurchaseRefused
from policies.operations import acknowledgements, commitments, decisions
from policies.operations.acknowledgements import Read
from policies.spending import Proposal
from tenants.access import Actor, Right
from tenants.ids import new_id
from tenants.journal import events
from tenants.refusal import NotAllowed, Refused


class ApprovedOnlyInACheckout(PurchaseRefused):
    """It needs an approval, and what waits for one is a new purchase."""

    code = PurchaseRefused.code
    message = _("More seats and another term can't wait for an approval. Buy them in a new checkout, which can.")


class NotDuringATrial(subscriptions.SubscriptionInactive):
    message = _("This is a trial. Its seats can be changed once it has become a purchase.")


class NothingToCharge(Refused):
    message = _("So little of the term is left that it costs nothing. Ask for the seats from the renewal on.")


def require_payer(subscription: Subscription, by: Actor) -> None:
    """
    Who may spend on a subscription: its owner; for the tenant's own, whoever buys centrally.

    :raises NotAllowed: anybody else
    :raises TrialEndsByItself: nobody spends on a trial without a card
    :raises NotDuringATrial: it has a card, which is not charged before it ends
    :raises RecordedByPartner: its partner is paid, elsewhere
    """
    subscriptions.require_paid_here(subscription)
    require_own_money(by)
    if subscription.owner_id is None:
        subscriptions.require_in_own_tenant(subscription, by, Right.BUY_CENTRALLY)
    else:
        subscriptions.require_manager(subscription, by)
    if subscription.never_charged:
        raise subscriptions.TrialEndsByItself
    if subscription.state == SubscriptionState.TRIAL:
        raise NotDuringATrial


def require_own_money(by: Actor) -> None:
    """:raises NotAllowed: somebody who acts for another organisation than their own"""
    if by.is_delegate:
        raise NotAllowed(_("A partner spends nothing of its customer's: somebody of the organisation has to do this."))


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
    acknowledge: Read | None = None,
    by: Actor,
    at: datetime,
) -> tuple[Quote, Order]:
    """
    Order what `quoted` says of the locked subscription, and charge it: the card that is named, else what pays for the
    subscription. On an agreement it is granted at once and billed; on a card the order comes back `paid`, or `pending`
    while its holder or the provider is awaited. `order_id` makes a repeated call find the order of the first one.
    `acknowledge` names the data policies that the buyer says to have read; none: nobody is asked.

    :raises PaymentMethodNotAccepted: no card that can be charged here, or none is known
    :raises ProviderUnavailable: the provider does not answer; nothing was tried
    :raises PaymentInProgress: another order of the subscription waits for its payment
    :raises PurchaseRefused: a rule of eligibility forbids it
    :raises BadInput: a data policy asks to be read first; nothing was ordered
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
            return quoted_orders.quote_of(placed, subscription), placed
        open_orders.require_nothing_pending(subscription)
        if not payment_method:
            means = _held(means, subscription, at=at)
        quote = quoted(subscription)
        order_id = order_id or new_id()
        acknowledgements.acknowledge_order(
            product=subscription.plan.product, order_id=order_id, read=acknowledge, by=by, at=at
        )
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


def require_room(quote: Quote, *, by: Actor, at: datetime) -> None:
    """
    Ask what `place` will ask, with what it costs; nothing is written down, and nothing is counted.

    :raises PurchaseRefused: :raises BadInput: as `require_rules`
    :raises SpendLimitExceeded: a limit has no room for what the tenant buys itself
    """
    subscription = quote.subscription
    proposal = spending.of_change(quote, order_id=new_id())
    require_rules(subscription, quote.after, keep=False, proposal=proposal, by=by, at=at)
    if subscription.channel != Channel.SELF_SERVICE:
        commitments.require_room(proposal=proposal, member=by.home, product=subscription.plan.product, at=at)


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


def _insert(quote: Quote, kind: OrderKind, *, pk: UUID | None, by: Actor, at: datetime) -> Order:
    subscription = quote.subscription
    order = orders.place(
        pk=pk,
        buyer=by.home,
        kind=kind,
        channel=subscription.channel,
        subscription=subscription,
        anchor_at=quote.anchor_at,
        currency=quote.currency,
        terms=quote.terms,
        lines=map(quoted_orders.as_line, quote.lines),
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
        quantity=max(line.quantity for line in quote.lines),
        total=money.text(order.total, order.currency),
        currency=order.currency,
    )
    return order
