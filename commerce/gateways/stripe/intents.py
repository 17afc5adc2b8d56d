"""
Payment and setup intents, which live alike: created, stored here, confirmed, and dead once declined or canceled.

An intent is only confirmed when its id is stored with its key, and a key has one id at most: so whatever becomes of
a request, nothing is charged that a key does not lead to. A key that was canceled before takes no intent any more.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

import stripe
from django.db import transaction

from commerce.gateways.protocol import GatewayUnavailable, Outcome
from commerce.gateways.stripe import shapes
from commerce.gateways.stripe.amounts import AmountNotSupported
from commerce.gateways.stripe.shapes import Shape
from commerce.models.stripe import StripeIntent

EXPANDED = ["payment_method"]
# What Stripe can find wrong with what the payer chose, before there is an intent. Anything else is ours to mend.
OF_THE_PAYER = {"amount": "amount_not_supported", "currency": "amount_not_supported", "payment_method": "unknown_card"}


class Service(Protocol):
    """`payment_intents` and `setup_intents` of Stripe's library."""

    def create(self, params: Any, options: Any) -> stripe.StripeObject: ...
    def retrieve(self, intent: str, params: Any, options: Any = None) -> stripe.StripeObject: ...
    def confirm(self, intent: str, params: Any, options: Any) -> stripe.StripeObject: ...
    def cancel(self, intent: str, params: Any, options: Any = None) -> stripe.StripeObject: ...


class Intents:
    """One of the two kinds. Every method belongs inside `Line.limited()`."""

    def __init__(self, service: Any) -> None:
        self._service: Service = service

    def push(self, row: StripeIntent, intent: Shape | None) -> Shape | None:
        """As far as it goes without its holder; None when the key has no intent and never will."""
        intent = intent or self.look_at(row)
        if intent is None or intent["status"] != "requires_confirmation":
            return intent
        params = {"off_session": True} if row.off_session else on_session(row.return_url)
        return self._confirm(row, intent, f"{row.key}-confirm", params)

    def with_holder(self, row: StripeIntent) -> Shape | None:
        """Once more, now that somebody sits in front of it: the bank had asked for them."""
        intent = self.look_at(row)
        if intent is None or not (row.off_session and intent["status"] == "requires_payment_method"):
            return intent
        params = on_session(row.return_url, shapes.method_of(intent))
        intent = self._confirm(row, intent, f"{row.key}-with-holder", params)
        # Not before the answer is known: until then the intent looks as if nobody had been there yet.
        StripeIntent.objects.filter(key=row.key).update(off_session=False)
        row.off_session = False
        return intent

    def look_at(self, row: StripeIntent) -> Shape | None:
        return self.retrieve(row.reference) if row.reference else None

    def retrieve(self, reference: str) -> Shape:
        return self._service.retrieve(reference, {"expand": EXPANDED}).to_dict()

    def cancel(self, reference: str) -> Shape:
        """Canceled if it still can be; else as it stands."""
        # Without a key of its own: an answer that Stripe keeps could be the refusal of an hour ago.
        try:
            return self._service.cancel(reference, {"expand": EXPANDED}).to_dict()
        except stripe.InvalidRequestError:  # succeeded or canceled already
            return self.retrieve(reference)

    def create(self, row: StripeIntent, make: Callable[[], Mapping[str, Any]]) -> tuple[StripeIntent, Shape | None]:
        """The intent of a new key, not confirmed; or the key's refusal, if Stripe never will make one."""
        try:
            intent = self._service.create(make(), {"idempotency_key": str(row.key)}).to_dict()
        except AmountNotSupported:
            row.decline_code = "amount_not_supported"
        except stripe.CardError as error:
            row.decline_code = shapes.decline_code_of(_body(error))
        except stripe.InvalidRequestError as error:
            if error.param not in OF_THE_PAYER:
                raise
            row.decline_code = OF_THE_PAYER[error.param]
        else:
            row.reference = intent["id"]
            found = stored(row)
            return found, intent if found.reference == row.reference else None
        return stored(row), None

    def settle(self, row: StripeIntent, intent: Shape) -> tuple[Shape, Outcome | None]:
        """
        The outcome, and the intent after it: one that was declined is written down as such and canceled, so that
        nobody who holds its secret can try another card on what counts as dead here.
        """
        outcome = self._outcome(row, intent)
        if outcome == Outcome.DECLINED and intent["status"] != "canceled":
            row.decline_code = row.decline_code or shapes.decline_of(intent)
            StripeIntent.objects.filter(key=row.key).update(decline_code=row.decline_code)
            intent = self.cancel(row.reference)
            outcome = self._outcome(row, intent)
        return intent, outcome

    def _outcome(self, row: StripeIntent, intent: Shape) -> Outcome | None:
        return shapes.outcome_of(intent, off_session=row.off_session, decline_code=row.decline_code)

    def _confirm(self, row: StripeIntent, before: Shape, key: str, params: Mapping[str, Any]) -> Shape:
        """
        Confirm, and look at what became of it when the answer does not say.

        A 5xx that Stripe keeps for the key would come again for a day: so the intent is asked, never a new key used.
        """
        try:
            return self._service.confirm(
                row.reference, {**params, "expand": EXPANDED}, {"idempotency_key": key}
            ).to_dict()
        except stripe.CardError:
            return self.retrieve(row.reference)
        except stripe.InvalidRequestError as error:
            intent = self.retrieve(row.reference)
            if intent["status"] != "requires_confirmation":
                return intent  # another call with this key, or a cancellation, was faster
            row.decline_code = shapes.decline_code_of(_body(error))
            StripeIntent.objects.filter(key=row.key).update(decline_code=row.decline_code)
            return self.cancel(row.reference)
        except (stripe.APIConnectionError, stripe.APIError):
            intent = self.retrieve(row.reference)
            if intent["status"] == before["status"] or self._outcome(row, intent) is None:
                raise
            return intent


def stored(row: StripeIntent) -> StripeIntent:
    """What is on record for the key: this, unless another call with the same key was faster."""
    # Durable: the row must outlive whatever the caller does next.
    with transaction.atomic(durable=True):
        found, _created = StripeIntent.objects.get_or_create(
            key=row.key,
            defaults={
                "reference": row.reference,
                "amount": row.amount,
                "currency": row.currency,
                "return_url": row.return_url,
                "off_session": row.off_session,
                "decline_code": row.decline_code,
            },
        )
    return found


def taken(key: UUID) -> StripeIntent:
    """The key's row; a key that was never seen is taken, so that a request still on the way gets no intent."""
    return stored(StripeIntent(key=key, amount=Decimal(0)))


def on_session(return_url: str, method: str = "") -> dict[str, Any]:
    """To confirm with the holder in front: the bank's page is a redirect, which needs no script of Stripe's."""
    params: dict[str, Any] = {"return_url": return_url, "use_stripe_sdk": False}
    return params | {"payment_method": method} if method else params


def decided(outcome: Outcome | None) -> Outcome:
    """:raises GatewayUnavailable: Stripe itself does not know yet"""
    if outcome is None:
        raise GatewayUnavailable("not decided yet")
    return outcome


def _body(error: stripe.StripeError) -> Shape:
    body = error.json_body if isinstance(error.json_body, dict) else {}
    return body.get("error") or {}
