"""
Payment providers, behind one protocol.

A gateway is only ever called outside a transaction. The caller's key (the id of a Payment or Refund row that is
committed before the call) makes every call safe to repeat: the provider does a thing once for a key.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class GatewayUnavailable(Exception):
    """The provider gave no answer in time: what became of the call is not known. Ask by its key, never guess."""


class UnknownPaymentMethod(Exception):
    """The provider does not know the token, or it is no credit card. Nothing was charged and no key was used."""


class Outcome(StrEnum):
    CAPTURED = "captured"
    DECLINED = "declined"
    REQUIRES_ACTION = "requires_action"
    CANCELED = "canceled"


@dataclass(frozen=True, kw_only=True)
class ChargeRequest:
    """`amount` in units of `currency` (9.99, not 999), `customer` the payer, `return_url` where 3-D Secure ends."""

    key: UUID
    amount: Decimal
    currency: str
    payment_method: str
    customer: str
    return_url: str


@dataclass(frozen=True, kw_only=True)
class Charge:
    """A charge as the provider knows it."""

    key: UUID
    reference: str
    outcome: Outcome
    amount: Decimal
    currency: str
    decline_code: str = ""
    action_url: str = ""


class Gateway(Protocol):
    """
    Each call takes at most ten seconds.

    :raises GatewayUnavailable: from every call but `check`, when the answer is not known
    """

    name: str

    def check(self, payment_method: str) -> None:
        """
        Told from the token alone, without a call, so it never waits.

        :raises UnknownPaymentMethod: this token could never be charged
        """

    def charge(self, request: ChargeRequest) -> Charge:
        """Charge a card. The same key again gives the first answer again."""

    def find(self, key: UUID) -> Charge | None:
        """The charge of a key, or None when the provider never saw it."""

    def confirm(self, key: UUID) -> Charge:
        """Ask what became of the cardholder's step; machines pass it by this in the sandbox."""

    def cancel(self, key: UUID) -> Charge:
        """
        Make sure that a key charges nothing from now on, even if its request is still on the way.

        What was captured already stays captured and is answered so.
        """

    def refund(self, *, key: UUID, charge_key: UUID, amount: Decimal) -> str:
        """Give money back. The same key again gives the first answer again: the refund's reference."""
