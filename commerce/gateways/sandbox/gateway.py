from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from commerce.gateways.protocol import (
    BookEntry,
    CardDetails,
    Charge,
    ChargeRequest,
    DisputeReport,
    Kind,
    ProviderEvent,
    RefundAnswer,
    Setup,
    SetupRequest,
)
from commerce.gateways.sandbox import answers, cards, news
from commerce.gateways.sandbox.cards import CARDS, DB
from commerce.models.sandbox import (
    SandboxCard,
    SandboxCharge,
    SandboxChargeState,
    SandboxDispute,
    SandboxDisputeState,
    SandboxRefund,
    SandboxRefundState,
    SandboxSetup,
)


class SandboxGateway:
    """See `commerce.gateways.protocol.Gateway`."""

    name = "sandbox"

    def check(self, payment_method: str) -> None:
        cards.token_of(payment_method)

    def describe(self, payment_method: str) -> CardDetails:
        return cards.details_of(payment_method)

    def charge(self, request: ChargeRequest) -> Charge:
        token = cards.token_of(request.payment_method)
        outcome, code = _judge(request, token)
        with transaction.atomic(using=DB):
            # Of two equal requests one inserts, the other reads what the first one did.
            charge, created = SandboxCharge.objects.using(DB).get_or_create(
                key=request.key,
                defaults={
                    "customer": request.customer,
                    "payment_method": token,
                    "amount": request.amount,
                    "currency": request.currency,
                    "state": outcome,
                    "decline_code": code,
                    "return_url": request.return_url,
                },
            )
            if created:
                _settled(charge)
        return answers.charge(charge)

    def find(self, key: UUID) -> Charge | None:
        charge = SandboxCharge.objects.using(DB).filter(key=key).first()
        return answers.charge(charge) if charge else None

    def confirm(self, key: UUID) -> Charge:
        self.answer_step(key, approve=True)
        return answers.charge(SandboxCharge.objects.using(DB).get(key=key))

    def answer_step(self, key: UUID, *, approve: bool) -> None:
        """What the cardholder pressed on the bank's page. Only the first answer counts."""
        with transaction.atomic(using=DB):
            for waiting in (SandboxCharge, SandboxSetup):
                row = (
                    waiting.objects.using(DB)
                    .select_for_update()
                    .filter(key=key, state=SandboxChargeState.REQUIRES_ACTION)
                    .first()
                )
                if row is not None:
                    row.state = SandboxChargeState.CAPTURED if approve else SandboxChargeState.DECLINED
                    row.decline_code = "" if approve else "authentication_failed"
                    _settled(row)

    def cancel(self, key: UUID) -> Charge:
        with transaction.atomic(using=DB):
            # A key that was never seen is taken, so that a request still on the way finds it canceled.
            nothing = {"amount": Decimal(0), "currency": "", "state": SandboxChargeState.CANCELED}
            charge, created = (
                SandboxCharge.objects.using(DB).select_for_update().get_or_create(key=key, defaults=nothing)
            )
            if not created and charge.state == SandboxChargeState.REQUIRES_ACTION:
                charge.state = SandboxChargeState.CANCELED
                _settled(charge)
        return answers.charge(charge)

    def refund(self, *, key: UUID, charge_key: UUID, amount: Decimal) -> RefundAnswer:
        return answers.refund(self._give_back(key, charge_key, amount, by_hand=False))

    def refund_unknown(self, *, key: UUID, reference: str) -> RefundAnswer:
        charge = SandboxCharge.objects.using(DB).get(key=answers.key_of(reference) or answers.NOBODY)
        return answers.refund(self._give_back(key, charge.key, charge.amount - charge.refunded, by_hand=False))

    def refund_by_hand(self, *, key: UUID, charge_key: UUID, amount: Decimal) -> RefundAnswer:
        """As somebody would in the provider's own pages: nobody here knows the key."""
        return answers.refund(self._give_back(key, charge_key, amount, by_hand=True))

    def find_refund(self, key: UUID) -> RefundAnswer | None:
        refund = SandboxRefund.objects.using(DB).select_related("charge").filter(key=key).first()
        return answers.refund(refund) if refund else None

    def set_up(self, request: SetupRequest) -> Setup:
        token = cards.token_of(request.payment_method)
        card = CARDS[token]
        state = SandboxChargeState.CAPTURED
        if card.asks_cardholder:
            state = SandboxChargeState.REQUIRES_ACTION
        elif card.decline_code and not card.only_first_charge:
            state = SandboxChargeState.DECLINED
        with transaction.atomic(using=DB):
            setup, created = SandboxSetup.objects.using(DB).get_or_create(
                key=request.key,
                defaults={
                    "customer": request.customer,
                    "token": token,
                    "state": state,
                    "decline_code": card.decline_code if state == SandboxChargeState.DECLINED else "",
                    "return_url": request.return_url,
                },
            )
            if created:
                _settled(setup)
        return answers.setup(setup)

    def find_setup(self, key: UUID) -> Setup | None:
        setup = SandboxSetup.objects.using(DB).filter(key=key).first()
        return answers.setup(setup) if setup else None

    def confirm_setup(self, key: UUID) -> Setup:
        self.answer_step(key, approve=True)
        return answers.setup(SandboxSetup.objects.using(DB).get(key=key))

    def cancel_setup(self, key: UUID) -> Setup:
        with transaction.atomic(using=DB):
            setup, created = (
                SandboxSetup.objects.using(DB)
                .select_for_update()
                .get_or_create(key=key, defaults={"state": SandboxChargeState.CANCELED})
            )
            if not created and setup.state == SandboxChargeState.REQUIRES_ACTION:
                setup.state = SandboxChargeState.CANCELED
                _settled(setup)
        return answers.setup(setup)

    def forget(self, reference: str) -> None:
        SandboxCard.objects.using(DB).filter(reference=reference).update(forgotten_at=timezone.now())

    def read_event(self, body: bytes, headers: Mapping[str, str], at: datetime) -> ProviderEvent:
        return news.read(body, headers, at)

    def fetch(self, kind: Kind, reference: str) -> Charge | Setup | RefundAnswer | DisputeReport | None:
        if kind == Kind.DISPUTE:
            dispute = SandboxDispute.objects.using(DB).filter(reference=reference).select_related("charge").first()
            return answers.dispute(dispute) if dispute else None
        key = answers.key_of(reference)
        find = {Kind.CHARGE: self.find, Kind.SETUP: self.find_setup, Kind.REFUND: self.find_refund}.get(kind)
        return find(key) if find and key else None

    def books(self, since: datetime, until: datetime) -> Iterator[BookEntry]:
        between = {"created_at__gte": since, "created_at__lt": until}
        for charge in SandboxCharge.objects.using(DB).filter(**between).order_by("created_at"):
            yield BookEntry(at=charge.created_at, found=answers.charge(charge))
        refunds = SandboxRefund.objects.using(DB).filter(**between).select_related("charge")
        for refund in refunds.order_by("created_at"):
            yield BookEntry(at=refund.created_at, found=answers.refund(refund))
        disputes = SandboxDispute.objects.using(DB).filter(**between).select_related("charge")
        for dispute in disputes.order_by("created_at"):
            yield BookEntry(at=dispute.created_at, found=answers.dispute(dispute))

    def contest(self, key: UUID) -> DisputeReport:
        """What a cardholder does at their bank."""
        with transaction.atomic(using=DB):
            charge = SandboxCharge.objects.using(DB).select_for_update().get(key=key, card__isnull=False)
            return answers.dispute(_contested(charge))

    def judge_dispute(self, key: UUID, *, won: bool) -> DisputeReport:
        """What the bank decides; `won` by us. Only the first answer counts."""
        with transaction.atomic(using=DB):
            dispute = SandboxDispute.objects.using(DB).select_for_update().select_related("charge").get(charge=key)
            if dispute.state == SandboxDisputeState.OPEN:
                dispute.state = SandboxDisputeState.WON if won else SandboxDisputeState.LOST
                dispute.save(using=DB, update_fields=["state"])
                news.owe("dispute.closed", dispute.reference)
        return answers.dispute(dispute)

    def _give_back(self, key: UUID, charge_key: UUID, amount: Decimal, *, by_hand: bool) -> SandboxRefund:
        with transaction.atomic(using=DB):
            charge = SandboxCharge.objects.using(DB).select_for_update().get(key=charge_key)
            fails = amount > _left_of(charge) or CARDS[charge.payment_method].fails_refunds
            refund, created = SandboxRefund.objects.using(DB).get_or_create(
                key=key,
                defaults={
                    "charge": charge,
                    "amount": amount,
                    "by_hand": by_hand,
                    "state": SandboxRefundState.FAILED if fails else SandboxRefundState.SUCCEEDED,
                },
            )
            if created:
                if not fails:
                    SandboxCharge.objects.using(DB).filter(key=charge_key).update(refunded=F("refunded") + amount)
                news.owe(f"refund.{refund.state}", f"re_{key.hex}")
        return refund


def _left_of(charge: SandboxCharge) -> Decimal:
    """What may still be refunded: nothing of a charge that is contested, or was lost, or took no money."""
    contests = SandboxDispute.objects.using(DB).filter(charge=charge).exclude(state=SandboxDisputeState.WON)
    if charge.state != SandboxChargeState.CAPTURED or contests.exists():
        return Decimal(0)
    return charge.amount - charge.refunded


def _judge(request: ChargeRequest, token: str) -> tuple[str, str]:
    card = CARDS[token]
    if card.asks_cardholder:
        return SandboxChargeState.REQUIRES_ACTION, ""
    if card.only_first_charge and not _paid_before(request, token):
        return SandboxChargeState.CAPTURED, ""
    if card.decline_code:
        return SandboxChargeState.DECLINED, card.decline_code
    return SandboxChargeState.CAPTURED, ""


def _paid_before(request: ChargeRequest, token: str) -> bool:
    earlier = SandboxCharge.objects.using(DB).filter(
        customer=request.customer, payment_method=token, state=SandboxChargeState.CAPTURED
    )
    return earlier.exclude(key=request.key).exists()


def _settled(row: SandboxCharge | SandboxSetup) -> None:
    """Keep the card of what went well, and owe the news of it."""
    is_charge = isinstance(row, SandboxCharge)
    token = row.payment_method if isinstance(row, SandboxCharge) else row.token
    if row.state == SandboxChargeState.CAPTURED:
        row.card = cards.keep(row.customer, token)
    row.save(using=DB)
    news.owe(f"{'charge' if is_charge else 'setup'}.{row.state}", answers.reference_of(row))
    if isinstance(row, SandboxCharge) and row.card and CARDS[token].is_contested:
        _contested(row)


def _contested(charge: SandboxCharge) -> SandboxDispute:
    dispute, created = SandboxDispute.objects.using(DB).get_or_create(
        charge=charge,
        defaults={"reference": f"dp_{charge.key.hex}", "amount": charge.amount - charge.refunded},
    )
    if created:
        news.owe("dispute.opened", dispute.reference)
    return dispute
