"""What must always hold of taxes."""

from collections.abc import Iterator

from django.db.models import DecimalField, F, Q, Sum, Value
from django.db.models.functions import Coalesce

from commerce import money
from commerce.models import Order, OrderLine, RefundState
from commerce.tax import TaxTerms, as_seen, split

_NOTHING = Value(money.ZERO, output_field=DecimalField())


def taxes_add_up_to_orders() -> Iterator[str]:
    summed = Order.objects.annotate(lines_tax=Coalesce(Sum("lines__tax"), _NOTHING))
    for order in summed.exclude(tax=F("lines_tax")):
        yield f"order {order.pk}: a tax of {order.tax}, its lines have {order.lines_tax}"


def lines_are_taxed_as_their_order() -> Iterator[str]:
    """By the terms that stood in its quote, once for each line."""
    of_interest = Q(tax__gt=0) | Q(order__tax_rate__gt=0) | Q(tax_inclusive=True)
    for line in OrderLine.objects.filter(of_interest).select_related("order").iterator():
        terms = TaxTerms.of(line.order)
        parts = split(as_seen(line), terms, line.order.currency)
        if line.tax_inclusive != terms.inclusive or parts != (line.amount, line.tax):
            yield f"order {line.order_id}: a line has {line.tax} tax on {line.amount}, its terms make {parts[1]}"


def no_more_tax_goes_back_than_was_charged() -> Iterator[str]:
    succeeding = ~Q(refunds__state=RefundState.FAILED)
    given = OrderLine.objects.annotate(tax_given=Coalesce(Sum("refunds__tax", filter=succeeding), _NOTHING))
    for line in given.filter(tax_given__gt=F("tax")):
        yield f"order {line.order_id}: {line.tax_given} tax went back for a line that was charged {line.tax}"
