"""
Stripe as it looks on the wire: an HTTP client of our own that answers with the shapes of Stripe's public API
documentation, and keeps what was sent. A request that no test asked for is a failure, not an answer.
"""

import json
from collections import defaultdict, deque
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import stripe

from commerce.gateways.stripe import StripeGateway

SECRET_KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
WEBHOOK_SECRET = "whsec_wRNftLajMZNeslQOP6vEPm4iVx5NlZ6z"
CREATED = 1773144000  # 2026-03-10 12:00 UTC


@dataclass(frozen=True)
class Sent:
    method: str
    path: str
    form: dict
    key: str
    headers: dict = field(repr=False, compare=False)


class Wire(stripe.HTTPClient):
    name = "recorded"

    def __init__(self):
        super().__init__()
        self.sent, self._answers = [], defaultdict(deque)

    def on(self, method, path, *answers):
        """The answers to a request, in turn: a shape, (status, shape), an exception, or what a call makes of it."""
        self._answers[method, path].extend(answers)
        return self

    def request(self, method, url, headers, post_data=None):
        parts = urlsplit(url)
        form = {name: values[0] for name, values in parse_qs(post_data or parts.query).items()}
        sent = Sent(method.upper(), parts.path, form, headers.get("Idempotency-Key", ""), dict(headers))
        self.sent.append(sent)
        waiting = self._answers[sent.method, sent.path]
        assert waiting, f"nobody expected {sent}"
        answer = waiting.popleft()
        if callable(answer):
            answer = answer(sent)
        if isinstance(answer, Exception):
            raise answer
        status, body, *more = answer if isinstance(answer, tuple) else (200, answer)
        text = body if isinstance(body, str) else json.dumps(body)
        return text, status, {"request-id": "req_1", **(more[0] if more else {})}

    def told(self):
        return [f"{sent.method} {sent.path}" for sent in self.sent]

    def one(self, method, path):
        (found,) = [sent for sent in self.sent if (sent.method, sent.path) == (method, path)]
        return found

    def all_answered(self):
        return not any(self._answers.values())


def gateway_on(wire, **given):
    return StripeGateway(secret_key=SECRET_KEY, webhook_secret=WEBHOOK_SECRET, transport=wire, **given)


def timeout():
    return stripe.APIConnectionError("Request timed out", should_retry=True)


def error(kind, **more):
    return {"error": {"type": kind, "message": "…", **more}}


def invalid(code, param=None):
    return 400, error("invalid_request_error", code=code, param=param)


def missing(param="id"):
    return 404, error("invalid_request_error", code="resource_missing", param=param)


TROUBLE = 500, error("api_error")
COLLISION = 409, error("idempotency_error", code="idempotency_key_in_use")
TOO_MANY = 429, error("invalid_request_error", code="rate_limit")
NO_SUCH_KEY = 401, error("invalid_request_error")
NOT_JSON = 200, "<html>Bad gateway</html>"


CUSTOMER = {"id": "cus_NffrFeUfNV2Hib", "object": "customer", "created": CREATED, "livemode": False, "metadata": {}}


def card(pm="pm_1MoWDA2eZvKYlo2CMXbWCm2m", **more):
    """A PaymentMethod of type card."""
    details = {
        "brand": "visa", "checks": {"cvc_check": "pass"}, "country": "US", "exp_month": 8, "exp_year": 2029,
        "fingerprint": "Xt5EWLLDS7FJjR1c", "funding": "credit", "last4": "4242", "wallet": None,
    }  # fmt: skip
    return {
        "id": pm, "object": "payment_method", "type": "card", "customer": None, "created": CREATED,
        "livemode": False, "metadata": {}, "card": {**details, **more},
    }  # fmt: skip


def payment(status, key="", *, pi="pi_3MtwBwLkdIwHu7ix28a3tqPa", amount=1998, currency="usd", **more):
    """A PaymentIntent."""
    return {
        "id": pi, "object": "payment_intent", "status": status, "amount": amount,
        "amount_received": amount if status == "succeeded" else 0, "currency": currency, "created": CREATED,
        "customer": CUSTOMER["id"], "client_secret": f"{pi}_secret_YrKJUKribcBjcG8HVhfZluoGH", "livemode": False,
        "capture_method": "automatic_async", "confirmation_method": "automatic", "latest_charge": None,
        "last_payment_error": None, "next_action": None, "payment_method": card(), "payment_method_types": ["card"],
        "setup_future_usage": "off_session", "metadata": {"key": str(key)} if key else {}, **more,
    }  # fmt: skip


def setup(status, key="", *, seti="seti_1Mm8s8LkdIwHu7ix0OXBfTRG", **more):
    """A SetupIntent."""
    return {
        "id": seti, "object": "setup_intent", "status": status, "created": CREATED, "customer": CUSTOMER["id"],
        "client_secret": f"{seti}_secret_NXDICkPqPeiBTAFqWmkbff09lRmSVXe", "last_setup_error": None,
        "next_action": None, "payment_method": card(), "payment_method_types": ["card"], "usage": "off_session",
        "livemode": False, "metadata": {"key": str(key)} if key else {}, **more,
    }  # fmt: skip


STEP_URL = "https://hooks.stripe.com/3d_secure_2/hosted?merchant=acct_1&payment_intent=pi_3MtwBwLkdIwHu7ix28a3tqPa"
ASKS = {"next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": STEP_URL, "return_url": "https://s/"}}}


def failure(code="card_declined", decline_code="insufficient_funds"):
    """What an intent says of its last try."""
    return {"code": code, "decline_code": decline_code, "type": "card_error", "payment_method": card()}


def declined(code="card_declined", decline_code="insufficient_funds"):
    """The answer to a confirmation that the bank refused."""
    return 402, error("card_error", code=code, decline_code=decline_code)


def refund(status="succeeded", key="", *, re="re_1Nispe2eZvKYlo2Cd31jOCgZ", amount=500, currency="usd", **more):
    return {
        "id": re, "object": "refund", "status": status, "amount": amount, "currency": currency, "created": CREATED,
        "charge": "ch_3MmlLrLkdIwHu7ix0snN0B15", "payment_intent": "pi_3MtwBwLkdIwHu7ix28a3tqPa", "reason": None,
        "metadata": {"key": str(key)} if key else {}, **more,
    }  # fmt: skip


def dispute(status="needs_response", *, dp="du_1MtJUT2eZvKYlo2CNaw2HvEv", amount=1998, **more):
    return {
        "id": dp, "object": "dispute", "status": status, "amount": amount, "currency": "usd", "created": CREATED,
        "charge": "ch_3MmlLrLkdIwHu7ix0snN0B15", "payment_intent": "pi_3MtwBwLkdIwHu7ix28a3tqPa",
        "reason": "fraudulent", "is_charge_refundable": False, "livemode": False, "metadata": {}, **more,
    }  # fmt: skip


def lone_charge(status="succeeded", *, ch="ch_3MmlLrLkdIwHu7ix0snN0B15", **more):
    return {
        "id": ch, "object": "charge", "status": status, "amount": 700, "currency": "usd", "created": CREATED,
        "captured": True, "payment_intent": None, "failure_code": None, "metadata": {}, **more,
    }  # fmt: skip


def page(url, *things, more=False):
    return {"object": "list", "url": url, "has_more": more, "data": list(things)}
