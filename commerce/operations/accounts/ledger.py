"""
What is posted of each fact about money, one function for each. Called in the transaction in which the fact is written
down, under its order's lock; the database refuses to post one a second time.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection

from commerce.models import Account, Dispute, Movement, MovementKind, Order, Payment, PaymentState, Refund
from commerce.models.spend import SPENT_ON
from commerce.money import ZERO
from tenants.ids import new_id

# Each charge is posted twice, as billed and as taken: one statement for each, with what it adds to a month's spend.
POST = """
    WITH movement AS (
        INSERT INTO commerce_movement (id, tenant_id, kind, source, order_id, payment_id, currency, at)
        VALUES (%(id)s, %(tenant)s, %(kind)s, %(source)s, %(order)s, %(payment)s, %(currency)s, %(at)s)
        RETURNING id, tenant_id
    ), spend AS (
        INSERT INTO commerce_monthlyspend (tenant_id, month, channel, currency, amount, folded)
        SELECT tenant.id, date_trunc('month', %(at)s::timestamptz AT TIME ZONE tenant.time_zone)::date,
               %(channel)s, %(currency)s, %(spent)s, false
        FROM tenants_tenant AS tenant WHERE tenant.id = %(tenant)s AND %(spent)s <> 0
    )
    INSERT INTO commerce_posting (id, tenant_id, movement_id, account, amount)
    SELECT posting.id, movement.tenant_id, movement.id, posting.account, posting.amount
    FROM movement,
    unnest(%(ids)s::uuid[], %(accounts)s::text[], %(amounts)s::numeric[]) AS posting (id, account, amount)
"""


def order_billed(*, order: Order, at: datetime) -> None:
    """What it is for was granted: its buyer owes the total, whether it was paid at once or is paid later."""
    _post(
        MovementKind.ORDER_BILLED,
        source=order.pk,
        order=order,
        currency=order.currency,
        at=at,
        postings={Account.RECEIVABLE: order.total, Account.SALES: -order.subtotal, Account.TAX: -order.tax},
    )


def captured(*, payment: Payment, at: datetime) -> None:
    """A card paid for its order."""
    _taken(MovementKind.CAPTURED, payment, payment.currency, Account.RECEIVABLE, at)


def surplus_captured(*, payment: Payment, at: datetime) -> None:
    """A card paid although nothing was left to pay for: owed back from this moment."""
    _taken(MovementKind.SURPLUS_CAPTURED, payment, payment.currency, Account.REFUNDS_DUE, at)


def set_aside_captured(*, payment: Payment, currency: str, at: datetime) -> None:
    """A card was charged another amount than agreed, in `currency`, which need not be the agreed one either."""
    _taken(MovementKind.SET_ASIDE_CAPTURED, payment, currency, Account.SUSPENSE, at)


def refund_promised(*, refund: Refund, at: datetime) -> None:
    """A part of what was paid for an order is to go back to the card."""
    _given_up(MovementKind.REFUND_PROMISED, refund, Account.REFUNDS_DUE, at)


def credited(*, refund: Refund, at: datetime) -> None:
    """Less is to be paid for an order whose invoice is open."""
    _given_up(MovementKind.CREDITED, refund, Account.RECEIVABLE, at)


def set_aside_released(*, refund: Refund, at: datetime) -> None:
    """What was set aside is to go back to the card."""
    _of_refund(MovementKind.SET_ASIDE_RELEASED, refund, Account.SUSPENSE, Account.REFUNDS_DUE, at)


def refund_sent(*, refund: Refund, at: datetime) -> None:
    """The provider gave it back."""
    _of_refund(MovementKind.REFUND_SENT, refund, Account.REFUNDS_DUE, Account.PROVIDER, at)


def refund_returned(*, refund: Refund, at: datetime) -> None:
    """The card did not take what had been given back: it lies at the provider again, and is owed again."""
    _of_refund(MovementKind.REFUND_RETURNED, refund, Account.PROVIDER, Account.REFUNDS_DUE, at)


def dispute_opened(*, dispute: Dispute, at: datetime) -> None:
    """The bank took it until it has decided."""
    _of_dispute(MovementKind.DISPUTE_OPENED, dispute, Account.DISPUTED, Account.PROVIDER, at)


def dispute_won(*, dispute: Dispute, at: datetime) -> None:
    """The bank gave it back."""
    _of_dispute(MovementKind.DISPUTE_WON, dispute, Account.PROVIDER, Account.DISPUTED, at)


def dispute_lost(*, dispute: Dispute, promised: Decimal, at: datetime) -> None:
    """
    The bank keeps it for the cardholder. `promised` of it was owed to the card already, by refunds that were never
    sent: that part is no loss, it is paid.
    """
    lost = dispute.amount - promised
    _post(
        MovementKind.DISPUTE_LOST,
        source=dispute.pk,
        order=dispute.payment.order,
        payment=dispute.payment,
        currency=currency_of(dispute.payment),
        at=at,
        postings={
            Account.LOSSES: lost,
            Account.DISPUTED: -lost,
            Account.REFUNDS_DUE: promised,
            Account.PROVIDER: -promised,
        },
    )


def currency_of(payment: Payment) -> str:
    """What a payment was captured in: the agreed currency, unless it was set aside."""
    if payment.state != PaymentState.SET_ASIDE:
        return payment.currency
    kept = Movement.objects.filter(kind=MovementKind.SET_ASIDE_CAPTURED, source=payment.pk)
    return kept.values_list("currency", flat=True).first() or payment.currency


def _taken(kind: MovementKind, payment: Payment, currency: str, account: Account, at: datetime) -> None:
    _post(
        kind,
        source=payment.pk,
        order=payment.order,
        payment=payment,
        currency=currency,
        at=at,
        postings={Account.PROVIDER: payment.captured, account: -payment.captured},
    )


def _given_up(kind: MovementKind, refund: Refund, account: Account, at: datetime) -> None:
    _post(
        kind,
        source=refund.pk,
        order=refund.order,
        payment=refund.payment,
        currency=refund.order.currency,
        at=at,
        postings={Account.SALES: refund.amount - refund.tax, Account.TAX: refund.tax, account: -refund.amount},
    )


def _of_refund(kind: MovementKind, refund: Refund, into: Account, out_of: Account, at: datetime) -> None:
    if refund.payment is None:
        raise ValueError(f"refund {refund.pk} is a credit: nothing of it moves")
    _post(
        kind,
        source=refund.pk,
        order=refund.order,
        payment=refund.payment,
        currency=currency_of(refund.payment),
        at=at,
        postings={into: refund.amount, out_of: -refund.amount},
    )


def _of_dispute(kind: MovementKind, dispute: Dispute, into: Account, out_of: Account, at: datetime) -> None:
    _post(
        kind,
        source=dispute.pk,
        order=dispute.payment.order,
        payment=dispute.payment,
        currency=currency_of(dispute.payment),
        at=at,
        postings={into: dispute.amount, out_of: -dispute.amount},
    )


def _post(
    kind: MovementKind,
    *,
    source: UUID,
    order: Order,
    currency: str,
    at: datetime,
    postings: dict[Account, Decimal],
    payment: Payment | None = None,
) -> None:
    """What moves nothing is not posted."""
    entries = {account: amount for account, amount in postings.items() if amount}
    if not entries:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            POST,
            {
                "id": new_id(),
                "tenant": order.tenant_id,
                "kind": kind,
                "source": source,
                "order": order.pk,
                "payment": payment.pk if payment else None,
                "currency": currency,
                "at": at,
                "channel": order.channel,
                "spent": -sum(entries.get(account, ZERO) for account in SPENT_ON),
                "ids": [new_id() for _entry in entries],
                "accounts": list(entries),
                "amounts": list(entries.values()),
            },
        )
