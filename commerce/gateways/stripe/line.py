"""The line to Stripe: ten seconds for one call of the protocol, however many requests it takes."""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import stripe

from commerce.gateways.protocol import GatewayUnavailable

log = logging.getLogger(__name__)

AT_MOST = 10.0
CONNECT_AT_MOST = 3.0
PAUSES = (0.5, 1.0)  # before the second and the third try of one request

# It would write an id into the home folder, and fails where there is none; and whom we charge how fast is our affair.
stripe.enable_telemetry = False

Answer = tuple[Any, int, Mapping[str, str]]


class OutOfTime(stripe.APIConnectionError):
    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]  # their base class has no types


class Line:
    """What the gateway speaks to Stripe through. Everything but a clear answer is `GatewayUnavailable`."""

    def __init__(
        self, *, secret_key: str, api_base: str, transport: stripe.HTTPClient | None = None, at_most: float = AT_MOST
    ) -> None:
        self._at_most = at_most
        self._patient = _Patient(transport or _Direct(at_most))
        client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base.rstrip("/")} if api_base else None,
            max_network_retries=0,  # `_Patient` tries again itself: it knows how much time is left
            http_client=self._patient,
        )
        self.api = client.v1
        self.construct_event = client.construct_event

    @contextmanager
    def limited(self) -> Iterator[None]:
        """
        Around all the requests of one call of the protocol.

        :raises GatewayUnavailable: no answer in time, or one that says nothing of what was asked
        """
        self._patient.until(time.monotonic() + self._at_most)
        try:
            yield
        except (stripe.APIConnectionError, stripe.RateLimitError) as error:
            raise GatewayUnavailable from error
        except stripe.StripeError as error:
            # Ids and codes only: a message may quote what people typed.
            log.error("stripe: %s %s, request %s", type(error).__name__, error.code, error.request_id)
            raise GatewayUnavailable from error


class _Patient(stripe.HTTPClient):
    """Tries a request again while time is left, with the headers of the first try: the idempotency key is in them."""

    name = "seatwise"

    def __init__(self, transport: "stripe.HTTPClient | _Direct") -> None:
        super().__init__()
        self._transport = transport
        self._own = threading.local()

    def until(self, moment: float) -> None:
        self._own.until = moment

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_more: Any
    ) -> Answer:
        for pause in PAUSES:
            try:
                answer = self._try(method, url, headers, post_data)
            except stripe.APIConnectionError as error:
                if not error.should_retry or self._left() <= pause:
                    raise
            else:
                if not _is_worth_repeating(answer) or self._left() <= pause:
                    return answer
            time.sleep(pause)
        return self._try(method, url, headers, post_data)

    def _try(self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any) -> Answer:
        left = self._left()
        if left <= 0:
            raise OutOfTime("No time is left for another request.")
        if isinstance(self._transport, _Direct):
            return self._transport.within(left, method, url, headers or {}, post_data)
        return self._transport.request(method, url, headers, post_data)

    def _left(self) -> float:
        return self._own.until - time.monotonic()


class _Direct:
    """HTTP itself, in a thread of its own: neither looking up a name nor an answer that trickles in ends by itself."""

    def __init__(self, at_most: float) -> None:
        self._client = stripe.RequestsClient(timeout=(min(CONNECT_AT_MOST, at_most), at_most))
        self._thread = _one_thread()

    def within(self, seconds: float, method: str, url: str, headers: Mapping[str, str], post_data: Any) -> Answer:
        try:
            return self._thread.submit(self._client.request, method, url, headers, post_data).result(timeout=seconds)
        except TimeoutError as error:
            self._thread = _one_thread()  # the other one still waits; its connection is not used again
            raise OutOfTime("Stripe did not answer in time.") from error


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="stripe")


def _is_worth_repeating(answer: Answer) -> bool:
    """Stripe's own word, else: a collision with a request that still runs, or trouble on its side."""
    _body, status, headers = answer
    asked = {name.lower(): value for name, value in headers.items()}.get("stripe-should-retry")
    if asked in ("true", "false"):
        return asked == "true"
    return status == 409 or status >= 500
