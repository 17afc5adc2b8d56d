"""What must always hold of the ledger: that it balances, and that it says what the rows say that it is about."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    Count,
    DateField,
    DecimalField,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce

from commerce import money
from commerce.models import (
    Account,
    Dispute,
    DisputeState,
    Invoice,
    InvoiceKind,
    MonthlySpend,
    Movement,
    Order,
    OrderState,
    Payment,
    PaymentState,
    Posting,
    Refund,
    RefundState,
)
from commerce.models.spend import SPENT_ON
from commerce.operations.accounts import facts

_MONEY: DecimalField = DecimalField(max_digits=17, decimal_places=3)
_NOTHING = Value(money.ZERO, output_field=_MONEY)
_NONE = (money.ZERO, money.ZERO)


def movements_sum_to_zero() -> Iterator[str]:
    sums = Movement.objects.annotate(left=Coalesce(Sum("postings__amount"), _NOTHING), parts=Count("postings"))
    for movement in sums.filter(~Q(left=0) | Q(parts__lt=2)):
        yield f"movement {movement.pk}: {movement.parts} postings that sum to {movement.left}"


def every_fact_is_posted_once() -> Iterator[str]:
    """Each fact has its movement, and no movement is without its fact."""
    for fact in facts.FACTS:
        for row in fact.unposted():
            yield f"{row._meta.model_name} {row.pk}: its movement {fact.kind} is missing"
        stray = Movement.objects.filter(kind=fact.kind).exclude(Exists(fact.postable().filter(pk=OuterRef("source"))))
        for movement in stray:
            yield f"movement {movement.pk}: {movement.kind} of {movement.source}, which is no such fact"


def ledger_agrees_with_orders() -> Iterator[str]:
    """What the ledger says is owed for an order is what is due for it: nothing, unless its invoice is open."""
    due = Case(When(state=OrderState.INVOICED, then=F("total") - F("credited")), default=_NOTHING, output_field=_MONEY)
    owed = Order.objects.annotate(due_now=due, owed=_posted(Account.RECEIVABLE, movement__order=OuterRef("pk")))
    for order in owed.exclude(owed=F("due_now")):
        yield f"order {order.pk}: {order.due_now} due, {order.owed} receivable in the ledger"


def ledger_agrees_with_payments() -> Iterator[str]:
    """
    What lies at the provider, is promised to the card, set aside and contested, payment by payment, is what captures,
    refunds and disputes say.
    """
    promised = _summed(Refund.objects.promises().filter(payment=OuterRef("pk")), "payment")
    sent = _summed(Refund.objects.filter(payment=OuterRef("pk"), state=RefundState.SUCCEEDED), "payment")
    open_disputes = _summed(Dispute.objects.filter(payment=OuterRef("pk"), state=DisputeState.OPEN), "payment")
    of_this = {"movement__payment": OuterRef("pk")}
    rows = Payment.objects.filter(captured__gt=0).annotate(
        sent=sent,
        promised=Case(When(state=PaymentState.SURPLUS, then=F("captured")), default=promised, output_field=_MONEY),
        contested=open_disputes,
        at_provider=_posted(Account.PROVIDER, **of_this),
        refunds_due=_posted(Account.REFUNDS_DUE, **of_this),
        suspense=_posted(Account.SUSPENSE, **of_this),
        in_dispute=_posted(Account.DISPUTED, **of_this),
        is_lost=Exists(Dispute.objects.filter(payment=OuterRef("pk"), state=DisputeState.LOST)),
    )
    wrong = rows.filter(
        ~Q(at_provider=F("captured") - F("sent") - F("disputed"))
        | ~Q(in_dispute=F("contested"))
        # A bank that took money for good also took what was promised to the card and not sent.
        | Q(is_lost=False) & ~Q(refunds_due=F("sent") - F("promised"))
        | Q(state=PaymentState.SET_ASIDE) & ~Q(suspense=F("promised") - F("captured"))
    )
    for payment in wrong:
        yield (
            f"payment {payment.pk}: the ledger has {payment.at_provider} at the provider, {-payment.refunds_due} to be"
            f" given back, {-payment.suspense} set aside, {payment.in_dispute} contested; it should be"
            f" {payment.captured - payment.sent - payment.disputed}, {payment.promised - payment.sent},"
            f" {_set_aside(payment)}, {payment.contested}"
        )


def ledger_agrees_with_invoices() -> Iterator[str]:
    """Sales and tax, by organisation and currency, are what was billed less what was credited or is yet to be."""
    noted = Invoice.objects.filter(Q(refund=OuterRef("pk")) | Q(refund__replaces=OuterRef("pk")))
    waiting = Refund.objects.promises().filter(~Exists(noted), payment__state=PaymentState.SUCCEEDED)
    promised = waiting.annotate(currency=F("order__currency"), net=F("amount") - F("tax"))
    posted = Posting.objects.annotate(
        currency=F("movement__currency"), net=_when(Account.SALES), taxes=_when(Account.TAX)
    )
    # One statement, so that all of them are of one moment while people buy.
    rows = _by_tenant(posted, "posted", "net", "taxes").union(
        _by_tenant(Invoice.objects.filter(kind=InvoiceKind.INVOICE), "billed", "subtotal", "tax"),
        _by_tenant(Invoice.objects.filter(kind=InvoiceKind.CREDIT_NOTE), "credited", "subtotal", "tax"),
        _by_tenant(promised, "promised", "net", "tax"),
        all=True,
    )
    sums: dict[tuple[Any, str], dict[str, tuple[Decimal, Decimal]]] = defaultdict(dict)
    for tenant, currency, what, net, tax in rows:
        sums[tenant, currency][what] = (net, tax)
    for (tenant, currency), found in sorted(sums.items(), key=str):
        has = [-amount for amount in found.get("posted", _NONE)]
        billed, credited, owed = (found.get(what, _NONE) for what in ("billed", "credited", "promised"))
        should = [billed[n] - credited[n] - owed[n] for n in (0, 1)]
        if should != has:
            yield (
                f"tenant {tenant}: sales of {has[0]} and tax of {has[1]} {currency} in the ledger,"
                f" {should[0]} and {should[1]} by invoices and credit notes"
            )


def spend_agrees_with_ledger() -> Iterator[str]:
    """What each tenant spent in each month, as it is shown, is what the ledger says."""
    scope = ("tenant", "month", "channel", "currency")
    rows = MonthlySpend.objects.order_by().values_list(*scope).annotate(sum=Sum("amount"))
    kept = {tuple(row[:4]): row[4] for row in rows}
    local = Func(F("tenant__time_zone"), F("at"), function="timezone")
    month = Cast(Func(Value("month"), local, function="date_trunc"), DateField())
    movements: QuerySet[Any] = Movement.objects.order_by().annotate(month=month, channel=F("order__channel"))
    said = movements.filter(postings__account__in=SPENT_ON).values_list(*scope)
    posted = {tuple(row[:4]): -row[4] for row in said.annotate(sum=Sum("postings__amount"))}
    for key in sorted(kept.keys() | posted.keys(), key=str):
        tenant, of_month, channel, currency = key
        shown, spent = kept.get(key, money.ZERO), posted.get(key, money.ZERO)
        if shown != spent:
            yield f"tenant {tenant}, {of_month:%Y-%m}, {channel}: {shown} {currency} spent, {spent} in the ledger"


def _set_aside(payment: Any) -> Decimal:
    is_aside = payment.state == PaymentState.SET_ASIDE
    return payment.captured - payment.promised if is_aside else money.ZERO


def _posted(account: Account, **of: Any) -> Coalesce:
    """What an account has of something."""
    return _summed(Posting.objects.filter(account=account, **of), "account")


def _summed(rows: QuerySet[Any], by: str) -> Coalesce:
    return Coalesce(Subquery(rows.order_by().values(by).annotate(sum=Sum("amount")).values("sum")), _NOTHING)


def _when(account: Account) -> Case:
    return Case(When(account=account, then=F("amount")), default=_NOTHING, output_field=_MONEY)


def _by_tenant(rows: QuerySet[Any], what: str, net: str, tax: str) -> QuerySet[Any]:
    sums = rows.order_by().values("tenant", "currency").annotate(what=Value(what), a=Sum(net), b=Sum(tax))
    return sums.values_list("tenant", "currency", "what", "a", "b")
