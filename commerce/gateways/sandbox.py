"""
A payment provider for demos and tests that takes the tokens of Stripe's test mode and keeps its own ledger.

The ledger is written through the connection `sandbox`: it commits apart from our transactions, as a provider's
would, and so survives whatever happens to them.
"""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from commerce.gateways.protocol import Charge, ChargeRequest, Outcome, UnknownPaymentMethod
from commerce.models.sandbox import SandboxCharge, SandboxChargeState, SandboxRefund

DB = "sandbox"


@dataclass(frozen=True, kw_only=True)
class Card:
    """How a test card behaves."""

    label: str | Promise
    decline_code: str = ""
    asks_cardholder: bool = False
    only_first_charge: bool = False


CARDS: dict[str, Card] = {
    "pm_card_visa": Card(label=_("Visa, pays")),
    "pm_card_chargeDeclined": Card(label=_("Declined"), decline_code="generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": Card(
        label=_("Declined, not enough money"), decline_code="insufficient_funds"
    ),
    "pm_card_authenticationRequired": Card(label=_("Asks you to confirm with the bank"), asks_cardholder=True),
    "pm_card_chargeCustomerFail": Card(
        label=_("Pays once, is declined later"), decline_code="generic_decline", only_first_charge=True
    ),
}


class SandboxGateway:
    """See `commerce.gateways.protocol.Gateway`."""

    name = "sandbox"

    def check(self, payment_method: str) -> None:
        if payment_method not in CARDS:
            raise UnknownPaymentMethod(payment_method)

    def charge(self, request: ChargeRequest) -> Charge:
        self.check(request.payment_method)
        outcome, code = self._judge(request)
        # One statement: of two equal requests one inserts, the other reads what the first one did.
        charge, _created = SandboxCharge.objects.using(DB).get_or_create(
            key=request.key,
            defaults={
                "customer": request.customer,
                "payment_method": request.payment_method,
                "amount": request.amount,
                "currency": request.currency,
                "state": outcome,
                "decline_code": code,
                "return_url": request.return_url,
            },
        )
        return _as_charge(charge)

    def find(self, key: UUID) -> Charge | None:
        charge = SandboxCharge.objects.using(DB).filter(key=key).first()
        return _as_charge(charge) if charge else None

    def confirm(self, key: UUID) -> Charge:
        self.answer_step(key, approve=True)
        return _as_charge(SandboxCharge.objects.using(DB).get(key=key))

    def answer_step(self, key: UUID, *, approve: bool) -> None:
        """What the cardholder pressed on the bank's page. Only the first answer counts."""
        answer = (
            {"state": SandboxChargeState.CAPTURED}
            if approve
            else {"state": SandboxChargeState.DECLINED, "decline_code": "authentication_failed"}
        )
        SandboxCharge.objects.using(DB).filter(key=key, state=SandboxChargeState.REQUIRES_ACTION).update(**answer)

    def cancel(self, key: UUID) -> Charge:
        # A key that was never seen is taken, so that a request still on the way finds it canceled.
        charge, created = SandboxCharge.objects.using(DB).get_or_create(
            key=key, defaults={"amount": Decimal(0), "currency": "", "state": SandboxChargeState.CANCELED}
        )
        if not created:
            SandboxCharge.objects.using(DB).filter(key=key, state=SandboxChargeState.REQUIRES_ACTION).update(
                state=SandboxChargeState.CANCELED
            )
            charge.refresh_from_db(using=DB)
        return _as_charge(charge)

    def refund(self, *, key: UUID, charge_key: UUID, amount: Decimal) -> str:
        with transaction.atomic(using=DB):
            charge = SandboxCharge.objects.using(DB).select_for_update().get(key=charge_key)
            _refund, created = SandboxRefund.objects.using(DB).get_or_create(
                key=key, defaults={"charge": charge, "amount": amount}
            )
            if created:
                SandboxCharge.objects.using(DB).filter(key=charge_key).update(refunded=F("refunded") + amount)
        return f"re_{key.hex}"

    def _judge(self, request: ChargeRequest) -> tuple[str, str]:
        card = CARDS[request.payment_method]
        if card.asks_cardholder:
            return SandboxChargeState.REQUIRES_ACTION, ""
        if card.only_first_charge and not self._paid_before(request):
            return SandboxChargeState.CAPTURED, ""
        if card.decline_code:
            return SandboxChargeState.DECLINED, card.decline_code
        return SandboxChargeState.CAPTURED, ""

    def _paid_before(self, request: ChargeRequest) -> bool:
        earlier = SandboxCharge.objects.using(DB).filter(
            customer=request.customer, payment_method=request.payment_method, state=SandboxChargeState.CAPTURED
        )
        return earlier.exclude(key=request.key).exists()


def _as_charge(charge: SandboxCharge) -> Charge:
    waits = charge.state == SandboxChargeState.REQUIRES_ACTION
    return Charge(
        key=charge.key,
        reference=f"pi_{charge.key.hex}",
        outcome=Outcome(charge.state),
        amount=charge.amount,
        currency=charge.currency,
        decline_code=charge.decline_code,
        action_url=reverse("sandbox-step", kwargs={"key": charge.key}) if waits else "",
    )
