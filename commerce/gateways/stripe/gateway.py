"""Stripe behind our protocol: PaymentIntents and SetupIntents, cards only."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import stripe
from django.urls import reverse

from commerce.gateways.protocol import (
    BookEntry,
    CardDetails,
    Charge,
    ChargeRequest,
    DisputeReport,
    GatewayUnavailable,
    Kind,
    Outcome,
    ProviderEvent,
    RefundAnswer,
    Setup,
    SetupRequest,
    UnknownPaymentMethod,
)
from commerce.gateways.stripe import events, shapes
from commerce.gateways.stripe.amounts import to_minor
from commerce.gateways.stripe.books import Books
from commerce.gateways.stripe.customers import Customers
from commerce.gateways.stripe.intents import Intents, decided, taken
from commerce.gateways.stripe.line import AT_MOST, Line
from commerce.gateways.stripe.refunds import Refunds
from commerce.gateways.stripe.shapes import Shape
from commerce.models.stripe import StripeIntent

TOKEN = re.compile(r"pm_[A-Za-z0-9_]{1,250}")


class StripeGateway:
    """
    See `commerce.gateways.protocol.Gateway`.

    `api_base` points it at a stand-in; `transport` is how requests travel, `at_most` how many seconds a call may take.
    """

    name = "stripe"

    def __init__(
        self,
        *,
        secret_key: str,
        webhook_secret: str,
        api_base: str = "",
        transport: stripe.HTTPClient | None = None,
        at_most: float = AT_MOST,
    ) -> None:
        self._webhook_secret = webhook_secret
        self._line = Line(secret_key=secret_key, api_base=api_base, transport=transport, at_most=at_most)
        api = self._line.api
        self._payments, self._setups = Intents(api.payment_intents), Intents(api.setup_intents)
        self._customers, self._refunds = Customers(api.customers), Refunds(api.refunds)
        self._books = Books(self._line)

    def check(self, payment_method: str) -> None:
        if not TOKEN.fullmatch(payment_method):
            raise UnknownPaymentMethod(payment_method)

    def describe(self, payment_method: str) -> CardDetails:
        self.check(payment_method)
        with self._line.limited():
            try:
                found = self._line.api.payment_methods.retrieve(payment_method).to_dict()
            except stripe.InvalidRequestError as error:
                raise UnknownPaymentMethod(payment_method) from error
        card = shapes.card_of(found)
        if card is None:
            raise UnknownPaymentMethod(payment_method)
        return card

    # --- Charges

    def charge(self, request: ChargeRequest) -> Charge:
        self.check(request.payment_method)
        with self._line.limited():
            row, intent = StripeIntent.objects.filter(key=request.key).first(), None
            if row is None:
                row, intent = self._payments.create(
                    StripeIntent(
                        key=request.key,
                        amount=request.amount,
                        currency=request.currency,
                        return_url=request.return_url,
                        off_session=request.off_session,
                    ),
                    lambda: self._payment(request),
                )
            return self._charge(row, self._payments.push(row, intent))

    def find(self, key: UUID) -> Charge | None:
        with self._line.limited():
            row = StripeIntent.objects.filter(key=key).first()
            intent = self._payments.look_at(row) if row else None
            if row is None or _waits_for_us(intent):
                return None
            return self._charge(row, intent)

    def confirm(self, key: UUID) -> Charge:
        found = self.find(key)
        if found is None:
            raise GatewayUnavailable("nothing to confirm yet")
        return found

    def cancel(self, key: UUID) -> Charge:
        with self._line.limited():
            row = taken(key)
            return self._charge(row, self._payments.cancel(row.reference) if row.reference else None)

    def with_holder(self, key: UUID) -> Charge | None:
        """
        The step that a bank asked for when nobody was there, begun now that somebody is: `action_url` leads to it.

        None: Stripe never saw the key. Every other outcome is answered as it stands, so it may be asked at any time.
        """
        with self._line.limited():
            row = StripeIntent.objects.filter(key=key).first()
            return self._charge(row, self._payments.with_holder(row)) if row else None

    # --- Refunds

    def refund(self, *, key: UUID, charge_key: UUID, amount: Decimal) -> RefundAnswer:
        with self._line.limited():
            return self._refunds.make(key, charge_key, amount)

    def refund_unknown(self, *, key: UUID, reference: str) -> RefundAnswer:
        with self._line.limited():
            return self._refunds.make_unknown(key, reference)

    def find_refund(self, key: UUID) -> RefundAnswer | None:
        with self._line.limited():
            return self._refunds.find(key)

    # --- Cards

    def set_up(self, request: SetupRequest) -> Setup:
        self.check(request.payment_method)
        with self._line.limited():
            row, intent = StripeIntent.objects.filter(key=request.key).first(), None
            if row is None:
                row, intent = self._setups.create(
                    StripeIntent(key=request.key, return_url=request.return_url), lambda: self._setup_params(request)
                )
            return self._setup(row, self._setups.push(row, intent))

    def find_setup(self, key: UUID) -> Setup | None:
        with self._line.limited():
            row = StripeIntent.objects.filter(key=key).first()
            intent = self._setups.look_at(row) if row else None
            if row is None or _waits_for_us(intent):
                return None
            return self._setup(row, intent)

    def confirm_setup(self, key: UUID) -> Setup:
        found = self.find_setup(key)
        if found is None:
            raise GatewayUnavailable("nothing to confirm yet")
        return found

    def cancel_setup(self, key: UUID) -> Setup:
        with self._line.limited():
            row = taken(key)
            return self._setup(row, self._setups.cancel(row.reference) if row.reference else None)

    def forget(self, reference: str) -> None:
        with self._line.limited():
            try:
                self._line.api.payment_methods.detach(reference)
            except stripe.InvalidRequestError:
                return  # nobody's card already, or unknown

    # --- News and books

    def read_event(self, body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
        return events.read(self._line, body, headers, secret=self._webhook_secret, at=at)

    def fetch(self, kind: Kind, reference: str) -> Charge | Setup | RefundAnswer | DisputeReport | None:
        ask = {
            Kind.CHARGE: self._fetch_charge,
            Kind.SETUP: self._fetch_setup,
            Kind.REFUND: self._books.refund,
            Kind.DISPUTE: self._books.dispute,
        }.get(kind)
        if ask is None:
            return None
        with self._line.limited():
            try:
                return ask(reference)
            except stripe.InvalidRequestError as error:
                if error.code == "resource_missing":
                    return None
                raise

    def books(self, since: datetime, until: datetime) -> Iterator[BookEntry]:
        return self._books.between(since, until)

    # --- What is asked of Stripe, and what its answers are here

    def _payment(self, request: ChargeRequest) -> dict[str, Any]:
        params = {
            "amount": to_minor(request.amount, request.currency),  # first: it may refuse, before any call
            "currency": request.currency.lower(),
            "customer": self._customers.of(request.customer),
            "payment_method": request.payment_method,
            "payment_method_types": ["card"],
            "metadata": {"key": str(request.key)},
        }
        # A card that is charged while its holder is away was kept for that before.
        return params if request.off_session else params | {"setup_future_usage": "off_session"}

    def _setup_params(self, request: SetupRequest) -> dict[str, Any]:
        return {
            "customer": self._customers.of(request.customer),
            "payment_method": request.payment_method,
            "payment_method_types": ["card"],
            "usage": "off_session",
            "metadata": {"key": str(request.key)},
        }

    def _charge(self, row: StripeIntent, intent: Shape | None) -> Charge:
        if intent is None:
            return Charge(
                key=row.key,
                reference=row.reference,
                outcome=_without_intent(row),
                amount=row.amount,
                currency=row.currency,
                decline_code=row.decline_code,
            )
        settled, found = self._payments.settle(row, intent)
        return shapes.charge_of(settled, key=row.key, outcome=decided(found), **_details(row, settled, found))

    def _setup(self, row: StripeIntent, intent: Shape | None) -> Setup:
        if intent is None:
            outcome = _without_intent(row)
            return Setup(key=row.key, reference=row.reference, outcome=outcome, decline_code=row.decline_code)
        settled, found = self._setups.settle(row, intent)
        return shapes.setup_of(settled, key=row.key, outcome=decided(found), **_details(row, settled, found))

    def _fetch_charge(self, reference: str) -> Charge | None:
        row = StripeIntent.objects.filter(reference=reference).first()
        intent = self._payments.retrieve(reference)
        if shapes.outcome_of(intent) is None:
            return None
        return self._charge(row, intent) if row else shapes.foreign_charge_of(intent)

    def _fetch_setup(self, reference: str) -> Setup | None:
        row = StripeIntent.objects.filter(reference=reference).first()
        intent = self._setups.retrieve(reference)
        if row is None or shapes.outcome_of(intent) is None:
            return None  # a card that somebody else keeps is nobody's here
        return self._setup(row, intent)


def _waits_for_us(intent: Shape | None) -> bool:
    """Created and not confirmed: the same as never seen, since nothing is charged before that."""
    return intent is not None and intent["status"] == "requires_confirmation"


def _without_intent(row: StripeIntent) -> Outcome:
    return Outcome.DECLINED if row.decline_code else Outcome.CANCELED


def _details(row: StripeIntent, intent: Shape, outcome: Outcome | None) -> dict[str, str]:
    if outcome == Outcome.DECLINED:
        return {"decline_code": row.decline_code or shapes.decline_of(intent)}
    if outcome == Outcome.REQUIRES_ACTION:
        # Nobody was there when the bank asked: our own page begins the step once somebody is.
        return {"action_url": shapes.step_url_of(intent) or reverse("stripe-step", kwargs={"key": row.key})}
    return {}
