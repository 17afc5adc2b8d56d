"""How the sandbox's events travel to the site: over HTTP, as a real provider's would."""

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any

TIMEOUT = 5.0


class NobodyListens(Exception):
    """There is no answer at all at the address."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An event is for one address: whoever answers there with another one has not taken it."""

    def redirect_request(self, *args: Any, **options: Any) -> None:
        return None


# No proxy leads to ourselves.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())


def poster(url: str) -> Callable[[bytes, Mapping[str, str]], bool]:
    """What posts a body with its headers to an address and says whether it was taken; raises NobodyListens."""

    def post(body: bytes, headers: Mapping[str, str]) -> bool:
        request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 (our own address, from the settings)
        try:
            with _DIRECT.open(request, timeout=TIMEOUT) as answer:
                return 200 <= int(answer.status) < 300
        except urllib.error.HTTPError:
            return False
        except (OSError, HTTPException) as error:
            raise NobodyListens from error

    return post
