"""Refunds at Stripe, each made once for a key of ours, even when Stripe has long forgotten the key."""

import logging
from decimal import Decimal
from typing import Any
from uuid import UUID

import stripe
from django.db import transaction

from commerce.gateways.protocol import GatewayUnavailable, RefundAnswer, RefundOutcome
from commerce.gateways.stripe import shapes
from commerce.gateways.stripe.amounts import AmountNotSupported, to_minor
from commerce.gateways.stripe.shapes import Shape
from commerce.models.stripe import StripeIntent, StripeRefund

log = logging.getLogger(__name__)


class Refunds:
    """Every method belongs inside `Line.limited()`."""

    def __init__(self, service: Any) -> None:
        self._service = service

    def make(self, key: UUID, charge_key: UUID, amount: Decimal) -> RefundAnswer:
        row, is_new = self._row(key, charge_key, amount)
        known = None if is_new else self._known(row)
        if known or row.refused:
            return self._answer(row, known)
        try:
            made = self._service.create(
                {
                    "payment_intent": row.intent.reference,
                    "amount": to_minor(row.amount, row.intent.currency),
                    "metadata": {"key": str(key)},
                },
                {"idempotency_key": str(key)},
            ).to_dict()
        except (AmountNotSupported, stripe.InvalidRequestError) as error:
            return self._refused(row, error)
        return self._answer(row, self._kept(row, made))

    def make_unknown(self, key: UUID, reference: str) -> RefundAnswer:
        """All that is left of a charge of nobody here: Stripe refuses a second one, so no row need remember it."""
        which = "payment_intent" if reference.startswith("pi_") else "charge"
        try:
            made = self._service.create(
                {which: reference, "metadata": {"key": str(key)}}, {"idempotency_key": str(key)}
            )
        except stripe.InvalidRequestError as error:
            is_back = error.code == "charge_already_refunded"
            log.warning("stripe: charge %s is not refunded: %s", reference, error.code)
            return RefundAnswer(
                key=key,
                charge_key=shapes.NOBODY,
                reference="",
                outcome=RefundOutcome.SUCCEEDED if is_back else RefundOutcome.FAILED,
                amount=Decimal(0),
                currency="",
            )
        return shapes.refund_of(made.to_dict(), key=key, charge_key=shapes.NOBODY)

    def find(self, key: UUID) -> RefundAnswer | None:
        row = StripeRefund.objects.select_related("intent").filter(key=key).first()
        if row is None:
            return None
        known = self._known(row)
        return self._answer(row, known) if known or row.refused else None

    def _row(self, key: UUID, charge_key: UUID, amount: Decimal) -> tuple[StripeRefund, bool]:
        intent = StripeIntent.objects.filter(key=charge_key).exclude(reference="").first()
        if intent is None:
            log.error("stripe: refund %s of charge %s, which has no intent", key, charge_key)
            raise GatewayUnavailable("no such charge")
        with transaction.atomic(durable=True):
            return StripeRefund.objects.select_related("intent").get_or_create(
                key=key, defaults={"intent": intent, "amount": amount}
            )

    def _known(self, row: StripeRefund) -> Shape | None:
        """By the id that was stored, or, when its answer was lost, among the refunds of the charge."""
        if row.reference:
            return self._service.retrieve(row.reference).to_dict()
        if row.refused:
            return None
        page = self._service.list({"payment_intent": row.intent.reference, "limit": 100})
        for refund in page.auto_paging_iter():
            shape = refund.to_dict()
            if shapes.key_in(shape) == row.key:
                return self._kept(row, shape)
        return None

    def _kept(self, row: StripeRefund, refund: Shape) -> Shape:
        StripeRefund.objects.filter(key=row.key).update(reference=refund["id"])
        return refund

    def _refused(self, row: StripeRefund, error: Exception) -> RefundAnswer:
        """Stripe will not: refunded already, disputed, too much. Unless it was this very refund, made before."""
        known = self._known(row)
        if known is None:
            code = getattr(error, "code", None) or type(error).__name__
            log.error("stripe: refund %s of charge %s refused: %s", row.key, row.intent_id, code)
            StripeRefund.objects.filter(key=row.key).update(refused=True)
        return self._answer(row, known)

    def _answer(self, row: StripeRefund, refund: Shape | None) -> RefundAnswer:
        if refund is not None:
            return shapes.refund_of(refund, key=row.key, charge_key=row.intent_id)
        return RefundAnswer(
            key=row.key,
            charge_key=row.intent_id,
            reference="",
            outcome=RefundOutcome.FAILED,
            amount=row.amount,
            currency=row.intent.currency,
        )
