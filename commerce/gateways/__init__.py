"""Payment providers, behind one protocol; `PAYMENT_GATEWAY` names the one in use."""

import os
import threading
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from commerce.gateways.protocol import Gateway

# One for each thread: a client waits for its answer in a thread of its own, so that people would wait for one another.
_kept = threading.local()


def current() -> Gateway:
    """The gateway in use, with what the settings give it; the same one, and its connections, as long as they do."""
    name = settings.PAYMENT_GATEWAY
    path, given = settings.PAYMENT_GATEWAYS[name], _given(name)
    # Neither threads nor connections outlive a fork.
    made_of = (os.getpid(), path, given)
    if getattr(_kept, "made_of", None) != made_of:
        kind: type[Gateway] = import_string(path)
        _kept.gateway, _kept.made_of = kind(**given), made_of
    gateway: Gateway = _kept.gateway
    return gateway


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
