"""Whether a take-over is open, which may yet be undone: until then nobody else changes what was taken over."""

from django.utils.translation import gettext_lazy as _

from commerce.models import TakeOver
from licensing.models import Subscription
from tenants.refusal import Refused


class TakenOver(Refused):
    message = _("The organisation is just taking this subscription over. Settle that, or undo it, first.")


def is_open(subscription: Subscription) -> bool:
    return TakeOver.objects.open().filter(subscription=subscription).exists()


def require_none(subscription: Subscription) -> None:
    """:raises TakenOver: one is open"""
    if is_open(subscription):
        raise TakenOver
