"""
Payment providers, behind one protocol.

A gateway is only ever called outside a transaction. The caller's key (the id of a Payment, Refund or CardSetup row
that is committed before the call) makes every call safe to repeat: the provider does a thing once for a key.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class GatewayUnavailable(Exception):
    """The provider gave no answer in time: what became of the call is not known. Ask by its key, never guess."""


class UnknownPaymentMethod(Exception):
    """The provider does not know the token, or it is no card. Nothing was charged and no key was used."""


class EventRefused(Exception):
    """An incoming event that the provider did not send, or not now: its signature or its time is wrong."""


class Outcome(StrEnum):
    CAPTURED = "captured"
    DECLINED = "declined"
    REQUIRES_ACTION = "requires_action"
    CANCELED = "canceled"


class Funding(StrEnum):
    CREDIT = "credit"
    DEBIT = "debit"
    PREPAID = "prepaid"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class CardDetails:
    """
    What the provider tells of a card. `reference` is what it is charged by later, `fingerprint` the same for the same
    card whatever its token; `country` (ISO 3166-1 alpha-2) is empty where the provider tells none.
    """

    reference: str
    fingerprint: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    funding: Funding = Funding.UNKNOWN
    country: str = ""


@dataclass(frozen=True, kw_only=True)
class ChargeRequest:
    """
    `amount` in units of `currency` (9.99, not 999), `customer` the payer, `return_url` where 3-D Secure ends.
    `off_session`: nobody sits in front of it. The card is kept at the provider for the charges that follow.
    """

    key: UUID
    amount: Decimal
    currency: str
    payment_method: str
    customer: str
    return_url: str
    off_session: bool = False


@dataclass(frozen=True, kw_only=True)
class Charge:
    """A charge as the provider knows it. `key` is nil (all zeros) where the provider has it from somebody else."""

    key: UUID
    reference: str
    outcome: Outcome
    amount: Decimal
    currency: str
    decline_code: str = ""
    action_url: str = ""
    card: CardDetails | None = None


@dataclass(frozen=True, kw_only=True)
class SetupRequest:
    """To keep a card without charging it."""

    key: UUID
    payment_method: str
    customer: str
    return_url: str


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A card that is being kept: CAPTURED here means kept, and only then `card` is there."""

    key: UUID
    reference: str
    outcome: Outcome
    decline_code: str = ""
    action_url: str = ""
    card: CardDetails | None = None


class RefundOutcome(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class RefundAnswer:
    """A refund as the provider knows it; `key` is nil where somebody made it at the provider by hand."""

    key: UUID
    charge_key: UUID
    reference: str
    outcome: RefundOutcome
    amount: Decimal
    currency: str


class DisputeOutcome(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True)
class DisputeReport:
    """A cardholder's complaint at their bank, as the provider knows it. WON is won by us."""

    charge_key: UUID
    reference: str
    outcome: DisputeOutcome
    amount: Decimal
    currency: str
    opened_at: datetime


class Kind(StrEnum):
    """What an incoming event or a line of the provider's books is about."""

    CHARGE = "charge"
    SETUP = "setup"
    REFUND = "refund"
    DISPUTE = "dispute"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class ProviderEvent:
    """News from the provider: only what it is about is taken from it, never how that stands. `id` is the provider's."""

    id: str
    type: str
    kind: Kind
    reference: str


@dataclass(frozen=True, kw_only=True)
class BookEntry:
    """One line of the provider's books. `found` is how the thing stands there now."""

    at: datetime
    found: Charge | RefundAnswer | DisputeReport


class Gateway(Protocol):
    """
    Each call takes at most ten seconds.

    :raises GatewayUnavailable: from every call but `check` and `read_event`, when the answer is not known
    """

    name: str

    def check(self, payment_method: str) -> None:
        """
        Told from the token alone, without a call, so it never waits.

        :raises UnknownPaymentMethod: this token could never be charged
        """

    def describe(self, payment_method: str) -> CardDetails:
        """
        What the provider tells of a card before it is charged.

        :raises UnknownPaymentMethod: it does not know the token, or it is no card
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

    def refund(self, *, key: UUID, charge_key: UUID, amount: Decimal) -> RefundAnswer:
        """Give money back. The same key again gives the first answer again."""

    def refund_unknown(self, *, key: UUID, reference: str) -> RefundAnswer:
        """
        Give back what is left of a charge that no key here belongs to, by the provider's id for it. Nothing left: that
        has succeeded already.
        """

    def find_refund(self, key: UUID) -> RefundAnswer | None:
        """The refund of a key as it stands now, or None when the provider never saw it."""

    def set_up(self, request: SetupRequest) -> Setup:
        """Keep a card for later charges. The same key again gives the first answer again."""

    def find_setup(self, key: UUID) -> Setup | None:
        """What became of keeping a card, or None when the provider never saw the key."""

    def confirm_setup(self, key: UUID) -> Setup:
        """As `confirm`, for a card that is being kept."""

    def cancel_setup(self, key: UUID) -> Setup:
        """As `cancel`, for a card that is being kept."""

    def forget(self, reference: str) -> None:
        """The provider need not keep a card any longer. Forgotten already, or never known: nothing changes."""

    def read_event(self, body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
        """
        Read an event that came in. Signed by the provider, at most 300 s before or after `at`.

        :raises EventRefused: forged, tampered with, too old, or from the future
        """

    def fetch(self, kind: Kind, reference: str) -> Charge | Setup | RefundAnswer | DisputeReport | None:
        """How the thing that an event is about stands now; None: the provider does not know it."""

    def books(self, since: datetime, until: datetime) -> Iterator[BookEntry]:
        """What the provider has on record for [since, until), oldest first, each kind for itself."""
