"""
Paying for a checkout: two transactions with the provider's call between them, and never inside one.

Whoever learns what became of a charge (the page, the API, a sweep) ends in `settle_payment`, which is safe to
repeat and to run at the same time.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from commerce import gateways, money
from commerce.gateways.protocol import Charge, ChargeRequest, GatewayUnavailable, Outcome, UnknownPaymentMethod
from commerce.models import Checkout, CheckoutState, Order, OrderLine, OrderState, Payment, PaymentState
from commerce.models.payment import LIVE
from commerce.operations import fulfilment, refunds
from policies import eligibility
from policies.eligibility import PurchaseRefused
from tenants.access import SYSTEM, Actor
from tenants.journal import events
from tenants.refusal import NotAllowed, Refused

ASK_AFTER = timedelta(seconds=60)

DECLINES_PER_CHECKOUT = 5
DECLINES_PER_PERSON = (10, timedelta(days=1))
DECLINES_PER_TENANT = (20, timedelta(hours=1))
DECLINES_LOCK = 7_302


class CheckoutClosed(Refused):
    """The checkout has reached an end, whichever it is."""


class CheckoutExpired(CheckoutClosed):
    message = _("This checkout has expired. Start again to see today's price.")


class CheckoutCanceled(CheckoutClosed):
    message = _("This checkout was canceled.")


class CheckoutCompleted(CheckoutClosed):
    message = _("This checkout was paid already.")


class PaymentInProgress(Refused):
    message = _("A payment of this checkout is in progress. Wait for its result before you try again.")


class NothingToConfirm(Refused):
    message = _("No payment of this checkout waits for a confirmation.")


class CardDeclined(Refused):
    """The card was declined; the checkout stays open for another one."""

    http_status = 402
    message = _("Your card was declined. Nothing was charged; try another card.")


class PaymentCanceled(Refused):
    message = _("The payment took too long and was canceled. Nothing was charged; try again.")


class TooManyDeclines(Refused):
    http_status = 429
    message = _("Too many cards were declined. Wait a while before you try again.")


class PaymentMethodNotAccepted(Refused):
    http_status = 400
    message = _("This is no credit card that can be charged. Self-service is paid by credit card only.")


def pay_checkout(*, checkout: Checkout, payment_method: str, return_url: str, by: Actor, at: datetime) -> Checkout:
    """
    Try a card. Returns the checkout `completed`, `requires_action`, or `processing` when the provider's answer is
    not known: the sweep will find out. A repeat while a payment is under way never charges again. `return_url` is
    where the bank's page sends the cardholder back.

    :raises CardDeclined: declined; the checkout is open again
    :raises PaymentMethodNotAccepted: the token is no credit card that the provider knows
    :raises PurchaseRefused: a rule of eligibility forbids it by now
    :raises PaymentInProgress: another try is under way
    :raises CheckoutClosed: completed, expired or canceled
    :raises TooManyDeclines: the checkout, the person or the tenant had too many
    """
    gateway = gateways.current()
    try:
        gateway.check(payment_method)
    except UnknownPaymentMethod:
        raise PaymentMethodNotAccepted(field="payment_method") from None
    payment = _start(checkout, payment_method, gateway=gateway.name, by=by, at=at)
    request = ChargeRequest(
        key=payment.pk,
        amount=payment.amount,
        currency=payment.currency,
        payment_method=payment_method,
        customer=str(payment.payer_id),
        return_url=return_url,
    )
    try:
        charge = gateway.charge(request)
    except GatewayUnavailable:
        return Checkout.objects.get(pk=checkout.pk)
    return _shown(settle_payment(payment=payment, charge=charge, at=at))


def confirm_checkout(*, checkout: Checkout, by: Actor, at: datetime) -> Checkout:
    """
    After the cardholder's step, ask the provider what became of it. Completed already: the checkout as it is.

    :raises CardDeclined: the bank or the cardholder said no
    :raises NothingToConfirm: no payment waits for a step
    """
    return _learn(checkout, by=by, at=at, ask=lambda key: gateways.current().confirm(key))


def refresh_checkout(*, checkout: Checkout, by: Actor, at: datetime) -> Checkout:
    """As `confirm_checkout`, when the cardholder comes back from the bank's page: it only asks, it never answers."""
    return _learn(checkout, by=by, at=at, ask=lambda key: gateways.current().find(key))


def settle_payment(*, payment: Payment, charge: Charge, at: datetime) -> Payment:
    """
    Write down what the provider says of a charge, and grant what it paid for. Once, however often it is called.

    What was captured is granted even if a rule changed meanwhile. Captured for a checkout that ended, or for an
    order that is paid: refunded in full. Captured with another amount or currency: set aside, nothing granted.
    """
    with transaction.atomic():
        checkout = Checkout.objects.locked().get(orders__payments=payment.pk)
        payment = Payment.objects.select_related("order", "tenant").get(pk=payment.pk)
        if payment.state in LIVE or (payment.state == PaymentState.CANCELED and charge.outcome == Outcome.CAPTURED):
            _SETTLE[charge.outcome](checkout, payment, charge, at)
    refunds.send_waiting(payment, at=at)
    return payment


def reconcile(*, at: datetime, limit: int = 500) -> list[Payment]:
    """
    Ask the provider about each payment whose answer is not known here, never before 60 s have passed. Returns those
    that were settled.

    A key that the provider never saw is canceled there before it counts as dead: a request that is still on the way
    then charges nothing.
    """
    gateway = gateways.current()
    settled = []
    for payment in Payment.objects.unanswered(at - ASK_AFTER)[:limit]:
        try:
            charge = gateway.find(payment.pk) or gateway.cancel(payment.pk)
        except GatewayUnavailable:
            continue
        payment = settle_payment(payment=payment, charge=charge, at=at)
        if payment.state not in LIVE:
            settled.append(payment)
    refunds.retry_unsettled(started_before=at - ASK_AFTER, at=at, limit=limit)
    return settled


def live_payment(checkout: Checkout) -> Payment | None:
    """The try that is under way, if one is."""
    return Payment.objects.live().filter(order__checkout=checkout).first()


def give_up_waiting(*, checkout: Checkout, by: Actor, at: datetime) -> Checkout:
    """
    Release a card that waits for its holder, so that another one can be tried. Nothing waits: nothing changes.

    :raises CheckoutCompleted: the cardholder was faster
    :raises PaymentInProgress: the provider does not answer now
    """
    require_buyer(checkout, by)
    release_card(checkout, at=at)
    checkout.refresh_from_db()
    if checkout.state == CheckoutState.COMPLETED:
        raise CheckoutCompleted
    return checkout


def release_card(checkout: Checkout, *, at: datetime) -> None:
    """
    Call off a charge that waits for its holder. Outside any transaction: the provider decides who was first.

    :raises PaymentInProgress: the provider does not answer now
    """
    waiting = live_payment(checkout)
    if waiting is None or waiting.state != PaymentState.REQUIRES_ACTION:
        return
    try:
        charge = gateways.current().cancel(waiting.pk)
    except GatewayUnavailable:
        raise PaymentInProgress from None
    settle_payment(payment=waiting, charge=charge, at=at)


def require_buyer(checkout: Checkout, by: Actor) -> None:
    """:raises NotAllowed: a checkout is paid, confirmed and canceled by the person who opened it"""
    if not by.is_member(checkout.buyer_id):
        raise NotAllowed(_("Only the person who opened this checkout can do this."))


def require_open(checkout: Checkout, *, at: datetime | None) -> None:
    """:raises CheckoutClosed: it has ended. :raises PaymentInProgress: a card is being tried"""
    closed = {
        CheckoutState.COMPLETED: CheckoutCompleted,
        CheckoutState.EXPIRED: CheckoutExpired,
        CheckoutState.CANCELED: CheckoutCanceled,
    }
    if checkout.state in closed:
        raise closed[CheckoutState(checkout.state)]
    if checkout.state != CheckoutState.OPEN:
        raise PaymentInProgress
    if at is not None and checkout.expires_at <= at:
        raise CheckoutExpired


def _start(checkout: Checkout, payment_method: str, *, gateway: str, by: Actor, at: datetime) -> Payment:
    """Transaction 1: decide again, and commit the try before the provider hears of it."""
    require_buyer(checkout, by)
    with transaction.atomic():
        checkout = Checkout.objects.locked().select_related("plan__product", "buyer__tenant").get(pk=checkout.pk)
        require_open(checkout, at=at)
        answer = eligibility.decide(
            by.home, checkout.plan.product, plan=checkout.plan, quantity=checkout.quantity, at=at
        )
        eligibility.keep(answer, plan=checkout.plan, quantity=checkout.quantity, at=at)
        if answer.allowed:
            _refuse_after_declines(checkout, at=at)
            payment = _record_try(checkout, payment_method, gateway=gateway, by=by, at=at)
    if not answer.allowed:
        raise PurchaseRefused(answer)
    return payment


def _record_try(checkout: Checkout, payment_method: str, *, gateway: str, by: Actor, at: datetime) -> Payment:
    order = Order.objects.filter(checkout=checkout).first() or _place_order(checkout, at=at)
    payment = Payment.objects.create(
        tenant=checkout.tenant,
        order=order,
        payer=checkout.buyer,
        amount=order.total,
        currency=order.currency,
        payment_method=payment_method,
        gateway=gateway,
        started_at=at,
    )
    checkout.state = CheckoutState.PROCESSING
    checkout.save(update_fields=["state"])
    events.record("payment.started", tenant=checkout.tenant, by=by, at=at, subject=checkout.pk, payment=payment.pk)
    return payment


def _place_order(checkout: Checkout, *, at: datetime) -> Order:
    order = Order.objects.create(
        tenant=checkout.tenant,
        buyer=checkout.buyer,
        checkout=checkout,
        currency=checkout.currency,
        subtotal=checkout.subtotal,
        tax=checkout.tax,
        total=checkout.total,
        created_at=at,
    )
    OrderLine.objects.create(
        tenant=checkout.tenant,
        order=order,
        plan=checkout.plan,
        quantity=checkout.quantity,
        unit_price=checkout.unit_price,
        amount=checkout.subtotal,
        tax=checkout.tax,
    )
    return order


def _refuse_after_declines(checkout: Checkout, *, at: datetime) -> None:
    """
    Count declines, and tries that may still be declined, of the checkout, the person and the tenant.

    :raises TooManyDeclines: one of the three is at its limit
    """
    # One lock a tenant: cards tried at the same moment in many checkouts are counted one after another.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [DECLINES_LOCK, str(checkout.tenant_id)])
    tries = Payment.objects.filter(tenant_id=checkout.tenant_id)
    if tries.filter(order__checkout=checkout, state=PaymentState.FAILED).count() >= DECLINES_PER_CHECKOUT:
        raise TooManyDeclines(_("Too many cards were declined for this checkout. Start a new one tomorrow."))
    most, window = DECLINES_PER_PERSON
    if tries.filter(payer=checkout.buyer).declined_since(at - window).count() >= most:
        raise TooManyDeclines(retry_after=int(window.total_seconds()))
    most, window = DECLINES_PER_TENANT
    if tries.declined_since(at - window).count() >= most:
        raise TooManyDeclines(retry_after=int(window.total_seconds()))


def _learn(checkout: Checkout, *, by: Actor, at: datetime, ask: Callable[[UUID], Charge | None]) -> Checkout:
    require_buyer(checkout, by)
    waiting = live_payment(checkout)
    if waiting is None:
        if checkout.state == CheckoutState.COMPLETED:
            return checkout
        require_open(checkout, at=None)
        raise NothingToConfirm
    try:
        charge = ask(waiting.pk) if waiting.state == PaymentState.REQUIRES_ACTION else None
    except GatewayUnavailable:
        charge = None
    if charge is None:
        return checkout
    return _shown(settle_payment(payment=waiting, charge=charge, at=at))


def _shown(payment: Payment) -> Checkout:
    """The checkout after a try, or why it is not paid."""
    if payment.state == PaymentState.FAILED:
        raise CardDeclined(decline_code=payment.decline_code)
    if payment.state == PaymentState.CANCELED:
        raise PaymentCanceled
    return Checkout.objects.get(orders__payments=payment.pk)


def _captured(checkout: Checkout, payment: Payment, charge: Charge, at: datetime) -> None:
    payment.captured = charge.amount
    others = Payment.objects.filter(order=payment.order).exclude(pk=payment.pk)
    closed = checkout.state in (CheckoutState.CANCELED, CheckoutState.EXPIRED, CheckoutState.COMPLETED)
    if (charge.amount, charge.currency) != (payment.amount, payment.currency):
        _close(payment, PaymentState.SET_ASIDE, charge, at)
        _turn(checkout, CheckoutState.CANCELED)
        Order.objects.filter(pk=payment.order_id, state=OrderState.PENDING).update(state=OrderState.CANCELED)
    elif closed or others.filter(state__in=(*LIVE, PaymentState.SUCCEEDED)).exists():
        _close(payment, PaymentState.SURPLUS, charge, at)
        refunds.give_back_surplus(payment, at=at)
    else:
        _close(payment, PaymentState.SUCCEEDED, charge, at)
        fulfilment.fulfil(checkout=checkout, order=payment.order, at=at)


def _declined(checkout: Checkout, payment: Payment, charge: Charge, at: datetime) -> None:
    payment.decline_code = charge.decline_code
    _close(payment, PaymentState.FAILED, charge, at)
    _turn(checkout, CheckoutState.OPEN)


def _canceled(checkout: Checkout, payment: Payment, charge: Charge, at: datetime) -> None:
    _close(payment, PaymentState.CANCELED, charge, at)
    _turn(checkout, CheckoutState.OPEN)


def _awaits_step(checkout: Checkout, payment: Payment, charge: Charge, at: datetime) -> None:
    if payment.state == PaymentState.REQUIRES_ACTION:
        return
    payment.state = PaymentState.REQUIRES_ACTION
    payment.gateway_ref = charge.reference
    payment.action_url = charge.action_url
    payment.save(update_fields=["state", "gateway_ref", "action_url"])
    _turn(checkout, CheckoutState.REQUIRES_ACTION)


_SETTLE: dict[Outcome, Callable[[Checkout, Payment, Charge, datetime], None]] = {
    Outcome.CAPTURED: _captured,
    Outcome.DECLINED: _declined,
    Outcome.CANCELED: _canceled,
    Outcome.REQUIRES_ACTION: _awaits_step,
}


def _close(payment: Payment, state: PaymentState, charge: Charge, at: datetime) -> None:
    payment.state = state
    payment.gateway_ref = charge.reference
    payment.settled_at = at
    payment.save(update_fields=["state", "gateway_ref", "settled_at", "captured", "decline_code"])
    events.record(
        f"payment.{state.value}",
        tenant=payment.tenant,
        by=SYSTEM,
        at=at,
        subject=payment.order.checkout_id,
        payment=payment.pk,
        amount=money.text(charge.amount, charge.currency),
        currency=charge.currency,
        decline_code=payment.decline_code,
    )


def _turn(checkout: Checkout, state: CheckoutState) -> None:
    if checkout.state in (CheckoutState.PROCESSING, CheckoutState.REQUIRES_ACTION):
        checkout.state = state
        checkout.save(update_fields=["state"])
