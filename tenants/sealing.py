"""Secrets as they are kept: what stands in the database is worth nothing without the service's own secret."""

from base64 import urlsafe_b64encode
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.encoding import force_bytes


def sealed(secret: bytes, *, purpose: str) -> str:
    """What is sealed for one purpose cannot be opened for another."""
    return _box(purpose).encrypt(secret).decode()


def opened(kept: str, *, purpose: str) -> bytes | None:
    """None where it was sealed with another secret than the service has now."""
    try:
        return _box(purpose).decrypt(kept.encode())
    except InvalidToken:
        return None


def _box(purpose: str) -> MultiFernet:
    known = [sha256(f"{purpose}:".encode() + force_bytes(secret)).digest() for secret in service_secrets()]
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in known])


def service_secrets() -> list[str | bytes]:
    """The service's own, and those that it had before and still takes."""
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
