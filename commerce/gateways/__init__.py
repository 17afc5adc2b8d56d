"""Payment providers, behind one protocol; `PAYMENT_GATEWAY` names the one in use."""

from django.conf import settings
from django.utils.module_loading import import_string

from commerce.gateways.protocol import Gateway


def current() -> Gateway:
    """The gateway in use."""
    gateway: type[Gateway] = import_string(settings.PAYMENT_GATEWAYS[settings.PAYMENT_GATEWAY])
    return gateway()
