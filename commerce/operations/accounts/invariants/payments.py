"""What must always hold of payments, refunds and disputes, here and at the provider."""

from collections.abc import Iterator

from django.db.models import DecimalField, F, Q, Sum, Value
from django.db.models.functions import Coalesce

from commerce import gateways, money
from commerce.gateways.protocol import GatewayUnavailable
from commerce.models import Difference, Payment, Refund, RefundState
from commerce.models.payment import TAKING
from commerce.operations.accounts import books, comparison

_NOTHING = Value(money.ZERO, output_field=DecimalField())


def refunds_add_up() -> Iterator[str]:
    """What a payment says was refunded is the sum of its refunds that did not fail."""
    summed = Payment.objects.annotate(
        given_back=Coalesce(Sum("refunds__amount", filter=~Q(refunds__state=RefundState.FAILED)), _NOTHING)
    )
    for payment in summed.exclude(refunded=F("given_back")):
        yield f"payment {payment.pk}: {payment.refunded} refunded, its refunds add up to {payment.given_back}"


def disputes_add_up() -> Iterator[str]:
    """What a payment says is disputed is the sum of its disputes that are open or lost."""
    summed = Payment.objects.annotate(
        taken=Coalesce(Sum("disputes__amount", filter=Q(disputes__state__in=TAKING)), _NOTHING)
    )
    for payment in summed.exclude(disputed=F("taken")):
        yield f"payment {payment.pk}: {payment.disputed} disputed, its disputes add up to {payment.taken}"


def provider_agrees() -> Iterator[str]:
    """What counts as captured, refunded and contested here is so at the provider, and nothing else is."""
    gateway = gateways.current()
    try:
        for found in books.compare(gateway, books.everything(gateway)):
            yield comparison.sentence(found)
    except GatewayUnavailable:
        yield f"{gateway.name}: does not answer, so its books could not be read to the end"


def nothing_waits_for_the_operator() -> Iterator[str]:
    """What only a person may repair, on the page of differences."""
    for payment in Payment.objects.set_aside():
        yield f"payment {payment.pk}: set aside, {payment.captured} captured for {payment.amount} {payment.currency}"
    for refund in Refund.objects.to_be_made_good().select_related("order", "payment"):
        currency = refund.payment.captured_in if refund.payment else refund.order.currency
        amount = money.text(refund.amount, currency)
        yield f"refund {refund.pk}: failed, {amount} {currency} are still to be given back"
    for difference in Difference.objects.open():
        yield f"difference {difference.pk}: {difference.kind} {difference.reference}"
