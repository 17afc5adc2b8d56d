"""Payment providers, behind one protocol; `PAYMENT_GATEWAY` names the one in use."""

from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from commerce.gateways.protocol import Gateway


def current() -> Gateway:
    """The gateway in use, with what the settings give it."""
    name = settings.PAYMENT_GATEWAY
    gateway: type[Gateway] = import_string(settings.PAYMENT_GATEWAYS[name])
    return gateway(**_given(name))


def listens(name: str) -> bool:
    """Whether events are taken from a provider: the one in use, and only while what proves them is set."""
    if name != settings.PAYMENT_GATEWAY:
        return False
    return name != "stripe" or bool(settings.STRIPE_WEBHOOK_SECRET.strip())


def _given(name: str) -> dict[str, Any]:
    if name != "stripe":
        return {}
    return {
        "secret_key": settings.STRIPE_SECRET_KEY,
        "webhook_secret": settings.STRIPE_WEBHOOK_SECRET,
        "api_base": settings.STRIPE_API_BASE,
    }
