"""Invoices in tests: their numbers, and what brings a credit note."""

from commerce.models import Invoice
from commerce.operations.changes import cancellations
from tests.factories import acting


def cancel(subscription, at):
    cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(subscription.purchaser), at=at)


def numbers():
    return list(Invoice.objects.order_by("sequence").values_list("sequence", flat=True))
