"""Payment providers, behind one protocol; `PAYMENT_GATEWAY` names the one in use."""

from django.conf import settings

from commerce.gateways.protocol import Gateway
from commerce.gateways.sandbox import SandboxGateway

_KNOWN: dict[str, type[Gateway]] = {"sandbox": SandboxGateway}


def current() -> Gateway:
    """The gateway in use."""
    return _KNOWN[settings.PAYMENT_GATEWAY]()
