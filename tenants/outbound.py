"""
The one way out to addresses that an organisation gave: never into the service's own network, whatever a name says.

The address is looked up once, checked, and connected to; the name still stands in the request and in the certificate.
No redirect is followed, no proxy is asked, and after some seconds it ends, however slowly somebody talks.
"""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import IPv6Address, IPv6Network, ip_address
from threading import Timer
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _

from tenants.refusal import BadInput
from tenants.text import is_clean

SECONDS = 10.0
LONGEST_ADDRESS = 500
# What is read and kept of an answer.
BYTES, CHARACTERS = 4000, 500

_TLS = ssl.create_default_context()
_UNICAST = IPv6Network("2000::/3")
# Behind these stands an IPv4 address that nobody has checked.
_TUNNELS = (IPv6Network("2001::/32"), IPv6Network("2002::/16"))


class Silence(StrEnum):
    """Why no answer came; a stable code for whoever owns the address, without what stands behind a name."""

    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    NAME_NOT_FOUND = "name_not_found"
    TIMEOUT = "timeout"
    TLS_FAILED = "tls_failed"
    CONNECTION_FAILED = "connection_failed"
    NO_HTTP = "no_http"


class NoAnswer(Exception):
    """There is no answer, or nobody was asked."""

    def __init__(self, why: Silence) -> None:
        self.why = why
        super().__init__(why.value)


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    # Its beginning, as text.
    text: str = ""


def require_address(url: str, *, field: str, loopback: bool) -> None:
    """
    Names are looked up when they are used. `loopback`: this machine itself may be named, and without encryption.

    :raises BadInput: no https address that could be one of the public network
    """
    if len(url) > LONGEST_ADDRESS or not (url.isascii() and url.isprintable()):
        raise BadInput(_("Use at most 500 plain characters."), field=field, code="invalid")
    parts = _parts(url, field)
    if loopback and _is_loopback(parts.hostname or ""):
        return
    if parts.scheme != "https":
        raise BadInput(_("The address must begin with https://."), field=field, code="https_only")
    if not _may_be_public(parts.hostname or ""):
        raise BadInput(_("The address must be one of the public network."), field=field, code="address_not_allowed")


def _parts(url: str, field: str) -> SplitResult:
    bad = BadInput(_("This is no address that can be called."), field=field, code="invalid")
    try:
        URLValidator(schemes=["http", "https"])(url)
        parts = urlsplit(url)
        _port = parts.port
    except (ValidationError, ValueError):
        raise bad from None
    if parts.username is not None or parts.password is not None or parts.fragment or parts.port == 0:
        raise bad
    return parts


def _may_be_public(host: str) -> bool:
    """A name may be; what stands behind it is seen when it is called."""
    if host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return is_public(str(ip_address(host)))
    except ValueError:
        return True


def _is_loopback(host: str) -> bool:
    """By what is written there: a name that only leads here is none."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Not private, loopback, link-local, multicast, reserved, nor one that hides such a one."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif found not in _UNICAST or any(found in tunnel for tunnel in _TUNNELS):
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def post(
    url: str, *, body: bytes, headers: Mapping[str, str], loopback: bool = False, seconds: float = SECONDS
) -> Answer:
    """
    Post a body, and return whatever is answered. `loopback` as in `require_address`.

    :raises NoAnswer: nobody was asked, or nobody answered in time
    """
    until, parts = time.monotonic() + seconds, urlsplit(url)
    try:
        with _connected(parts, _addresses(parts, loopback), until) as connection:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, {"Accept-Encoding": "identity", "Connection": "close", **headers})
            answer = connection.getresponse()
            _time_left = _left(until)  # one that was cut off may look whole
            return Answer(status=answer.status, text=_beginning(answer))
    except (OSError, HTTPException) as error:
        raise NoAnswer(_why(error, until)) from error


def _addresses(parts: SplitResult, loopback: bool) -> list[str]:
    """All of them checked: one that is not allowed makes the name one that nobody is asked for."""
    host = parts.hostname or ""
    try:
        found = socket.getaddrinfo(host, _port_of(parts), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoAnswer(Silence.NAME_NOT_FOUND) from error
    addresses = list(dict.fromkeys(str(address[0]) for *_others, address in found))
    if loopback and _is_loopback(host):
        allowed = all(_is_loopback(address) for address in addresses)
    else:
        allowed = parts.scheme == "https" and all(is_public(address) for address in addresses)
    if not allowed:
        raise NoAnswer(Silence.ADDRESS_NOT_ALLOWED)
    return addresses


def _port_of(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


@contextmanager
def _connected(parts: SplitResult, addresses: list[str], until: float) -> Iterator[HTTPConnection]:
    """To one of these very addresses, with the name in the request and in what the certificate must say."""
    host, port = parts.hostname or "", _port_of(parts)
    plain = parts.scheme != "https"
    connection = HTTPConnection(host, port) if plain else HTTPSConnection(host, port, context=_TLS)
    sock = _socket(addresses, port, until)
    if not plain:
        sock = _TLS.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    connection.sock = sock
    # A socket's own timeout begins anew with each byte.
    end = Timer(max(until - time.monotonic(), 0), _shut, [sock])
    end.daemon = True
    end.start()
    try:
        if isinstance(sock, ssl.SSLSocket):
            sock.do_handshake()
        yield connection
    finally:
        end.cancel()
        connection.close()
        sock.close()


def _socket(addresses: list[str], port: int, until: float) -> socket.socket:
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), timeout=_left(until) / 2)
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), timeout=_left(until))


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _shut(sock: socket.socket) -> None:
    try:
        # Not the method of an encrypted one, which would change it under the hands of who reads from it.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return  # closed already


def _beginning(answer: HTTPResponse) -> str:
    """What can be read of it: whoever has given a status has answered."""
    try:
        text = answer.read(BYTES).decode(errors="replace")
    except (OSError, HTTPException):
        return ""
    return "".join(character for character in text if is_clean(character))[:CHARACTERS]


def _why(error: OSError | HTTPException, until: float) -> Silence:
    if isinstance(error, TimeoutError) or time.monotonic() >= until:
        return Silence.TIMEOUT
    if isinstance(error, ssl.SSLError):
        return Silence.TLS_FAILED
    if isinstance(error, ConnectionError) or not isinstance(error, HTTPException):
        return Silence.CONNECTION_FAILED
    return Silence.NO_HTTP
