"""The codes of a second factor: what the app shows each half minute (RFC 6238), and those for the day it is lost."""

import secrets
from base64 import b32encode, b64encode
from datetime import datetime
from io import BytesIO
from urllib.parse import quote, urlencode

import qrcode
from django.utils.crypto import salted_hmac
from django_otp.oath import TOTP
from qrcode.image.svg import SvgPathImage

from tenants import sealing

ISSUER = "Seatwise"
PURPOSE = "second-factor"
DIGITS = 6
# A telephone's clock may be wrong by so many half minutes.
TOLERANCE = 1
RECOVERY_CODES = 10
# Without letters and figures that people take for each other.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, GROUP = 3, 4


def new_key() -> bytes:
    return secrets.token_bytes(20)


def sealed(key: bytes) -> str:
    """As it is kept: what stands in the database makes no code without the service's own secret."""
    return sealing.sealed(key, purpose=PURPOSE)


def opened(kept: str) -> bytes | None:
    """None where it was sealed with another secret than the service has now."""
    return sealing.opened(kept, purpose=PURPOSE)


def step_of(code: str, key: bytes, *, at: datetime, after: int = -1) -> int | None:
    """The half minute that a code is of; None where it is of none, or of none later than `after`."""
    digits = "".join(code.split())
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    totp = TOTP(key)
    totp.time = at.timestamp()
    return int(totp.t()) if totp.verify(int(digits), tolerance=TOLERANCE, min_t=after + 1) else None


def in_letters(key: bytes) -> str:
    """For whoever types the key: groups of four."""
    letters = b32encode(key).decode()
    return " ".join(letters[i : i + 4] for i in range(0, len(letters), 4))


def address(key: bytes, email: str) -> str:
    """What an app reads from the picture."""
    query = urlencode({"secret": b32encode(key).decode(), "issuer": ISSUER}, quote_via=quote)
    return f"otpauth://totp/{quote(f'{ISSUER}:{email}')}?{query}"


def picture(key: bytes, email: str) -> str:
    """The address as a QR code, to stand in the `src` of an image."""
    drawn = BytesIO()
    qrcode.make(address(key, email), image_factory=SvgPathImage, border=4).save(drawn)
    return f"data:image/svg+xml;base64,{b64encode(drawn.getvalue()).decode()}"


def new_recovery_codes() -> list[str]:
    return [
        "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))
        for _ in range(RECOVERY_CODES)
    ]


def digest(recovery_code: str) -> str:
    """What is kept of a recovery code, however it was typed."""
    return digests(recovery_code)[0]


def digests(recovery_code: str) -> list[str]:
    """What may be kept of it: also by a secret that the service had when it was made."""
    typed = "".join(letter for letter in recovery_code.lower() if letter.isalnum())
    return [
        salted_hmac("seatwise.recovery-code", typed, secret=secret, algorithm="sha256").hexdigest()
        for secret in sealing.service_secrets()
    ]
