"""Letters and reminders."""

from datetime import datetime
from uuid import UUID

from django.conf import settings

from commerce import moments
from commerce.models import PriceNotice, RenewalNotice
from commerce.operations.letters import (
    approval_letters,
    cancellation_request_letters,
    card_notices,
    card_trial_letters,
    change_letters,
    coming_renewal_letters,
    dispute_letters,
    dunning_letters,
    invoice_letters,
    leaver_letters,
    policy_letters,
    price_letters,
    receipts,
    support_letters,
    take_over_letters,
    transfer_letters,
    trial_letters,
)
from commerce.operations.pricing import price_notices
from commerce.operations.renewing import dunning, notices
from licensing.models import Subscription
from policies.models import Ending
from tenants import clock
from tenants.delivery.jobs import job
from tenants.delivery.queues import Queue
from tenants.delivery.sweeps import tenant_sweep
from tenants.scope import Scope


def _by_post() -> dict[str, str]:
    """Where links in a letter lead, and who sends it."""
    return {"site": settings.BASE_URL, "sender": settings.DEFAULT_FROM_EMAIL}


@job("commerce.deliver_receipt", queue=Queue.NOTICES)
def deliver_receipt(order_id: str) -> None:
    receipts.deliver_receipt(order_id=UUID(order_id), **_by_post())


@job("commerce.deliver_trial", queue=Queue.NOTICES)
def deliver_trial(subscription_id: str) -> None:
    trial_letters.deliver(subscription_id=UUID(subscription_id), **_by_post())


@job("commerce.deliver_price_notice", queue=Queue.NOTICES)
def deliver_price_notice(notice_id: str) -> None:
    price_letters.deliver(
        notice_id=UUID(notice_id),
        **_by_post(),
        at=clock.of(PriceNotice, notice_id),
    )


@job("commerce.deliver_support_answer", queue=Queue.NOTICES)
def deliver_support_answer(case_id: str) -> None:
    support_letters.deliver_answer(case_id=UUID(case_id), **_by_post())


@tenant_sweep("commerce.announce_prices", queue=Queue.NOTICES)
def announce_prices(*, at: datetime, among: Scope) -> int:
    return price_notices.announce_due(at=at, among=among)


@job("commerce.deliver_invoice", queue=Queue.NOTICES)
def deliver_invoice(order_id: str) -> None:
    invoice_letters.deliver_invoice(order_id=UUID(order_id), **_by_post())


@job("commerce.deliver_credit_note", queue=Queue.NOTICES)
def deliver_credit_note(invoice_id: str) -> None:
    invoice_letters.deliver_credit_note(invoice_id=UUID(invoice_id), **_by_post())


@job("commerce.deliver_card_notice", queue=Queue.NOTICES)
def deliver_card_notice(payment_method_id: str) -> None:
    card_notices.deliver(payment_method_id=UUID(payment_method_id), **_by_post())


@tenant_sweep("commerce.tell_expiring_cards", queue=Queue.NOTICES)
def tell_expiring_cards(*, at: datetime, among: Scope) -> int:
    return card_notices.tell_expiring(at=at, among=among)


@job("commerce.tell_approvers", queue=Queue.NOTICES)
def tell_approvers(approval_id: str) -> None:
    approval_letters.deliver_request(approval_id=UUID(approval_id), **_by_post())


@job("commerce.tell_approval", queue=Queue.NOTICES)
def tell_approval(approval_id: str) -> None:
    approval_letters.deliver_outcome(approval_id=UUID(approval_id), **_by_post())


@job("commerce.tell_refused_approval", queue=Queue.NOTICES)
def tell_refused_approval(approval_id: str, reasons: list[str]) -> None:
    approval_letters.deliver_refusal(approval_id=UUID(approval_id), reasons=reasons, **_by_post())


@job("commerce.ask_to_pay", queue=Queue.NOTICES)
def ask_to_pay(checkout_id: str, why: str) -> None:
    approval_letters.deliver_payment_request(checkout_id=UUID(checkout_id), why=why, **_by_post())


@job("commerce.tell_leaver_task", queue=Queue.NOTICES)
def tell_leaver_task(task_id: str, before_charge: bool = False) -> None:
    leaver_letters.deliver(
        task_id=UUID(task_id),
        before_charge=before_charge,
        **_by_post(),
    )


@job("commerce.tell_transfer", queue=Queue.NOTICES)
def tell_transfer(offer_id: str) -> None:
    transfer_letters.deliver_offer(offer_id=UUID(offer_id), **_by_post())


@job("commerce.tell_transfer_outcome", queue=Queue.NOTICES)
def tell_transfer_outcome(offer_id: str) -> None:
    transfer_letters.deliver_outcome(offer_id=UUID(offer_id), **_by_post())


@job("commerce.tell_policy_ending", queue=Queue.NOTICES)
def tell_policy_ending(ending_id: str) -> None:
    policy_letters.deliver_ending(ending_id=UUID(ending_id), **_by_post())


@job("commerce.tell_planned_endings", queue=Queue.NOTICES)
def tell_planned_endings(ending_ids: list[str]) -> None:
    policy_letters.deliver_planned(
        ending_ids=ending_ids,
        **_by_post(),
        at=clock.of(Ending, *ending_ids),
    )


@job("commerce.tell_withdrawn_endings", queue=Queue.NOTICES)
def tell_withdrawn_endings(ending_ids: list[str]) -> None:
    policy_letters.deliver_withdrawn(ending_ids=ending_ids, **_by_post())


@job("commerce.tell_lifted_stop", queue=Queue.NOTICES)
def tell_lifted_stop(subscription_id: str, lifted_at: str) -> None:
    policy_letters.deliver_lifted_stop(
        subscription_id=UUID(subscription_id),
        lifted_at=lifted_at,
        **_by_post(),
    )


@job("commerce.tell_stopped_renewal", queue=Queue.NOTICES)
def tell_stopped_renewal(subscription_id: str, stopped_at: str, reason: str) -> None:
    policy_letters.deliver_stopped_renewal(
        subscription_id=UUID(subscription_id),
        stopped_at=stopped_at,
        reason=reason,
        **_by_post(),
    )


@tenant_sweep("commerce.tell_ending_trials", queue=Queue.NOTICES, coming=moments.trials)
def tell_ending_trials(*, at: datetime, among: Scope) -> int:
    return trial_letters.tell_ending(at=at, among=among)


@tenant_sweep("commerce.tell_converting_trials", queue=Queue.NOTICES, coming=moments.trials)
def tell_converting_trials(*, at: datetime, among: Scope) -> int:
    return card_trial_letters.tell_coming(at=at, among=among)


@job("commerce.deliver_converting_trial", queue=Queue.NOTICES)
def deliver_converting_trial(subscription_id: str, days: int) -> None:
    card_trial_letters.deliver_coming(
        subscription_id=UUID(subscription_id),
        days=days,
        **_by_post(),
        at=clock.of(Subscription, subscription_id),
    )


@job("commerce.tell_unpaid_trial", queue=Queue.NOTICES)
def tell_unpaid_trial(subscription_id: str) -> None:
    card_trial_letters.deliver_unpaid(subscription_id=UUID(subscription_id), **_by_post())


@job("commerce.deliver_ending_trial", queue=Queue.NOTICES)
def deliver_ending_trial(subscription_id: str) -> None:
    trial_letters.deliver_ending(
        subscription_id=UUID(subscription_id),
        **_by_post(),
        at=clock.of(Subscription, subscription_id),
    )


@job("commerce.deliver_dropped_change", queue=Queue.NOTICES)
def deliver_dropped_change(change_id: str) -> None:
    change_letters.deliver_dropped_change(change_id=UUID(change_id), **_by_post())


@job("commerce.deliver_lost_seats", queue=Queue.NOTICES)
def deliver_lost_seats(seat_ids: list[str]) -> None:
    change_letters.deliver_lost_seats(seat_ids=seat_ids, **_by_post())


@job("commerce.tell_dispute", queue=Queue.NOTICES)
def tell_dispute(dispute_id: str, state: str) -> None:
    dispute_letters.deliver(dispute_id=UUID(dispute_id), state=state, **_by_post())


@job("commerce.tell_failed_renewal", queue=Queue.NOTICES)
def tell_failed_renewal(renewal_id: str, about: str) -> None:
    dunning_letters.deliver(renewal_id=UUID(renewal_id), about=about, **_by_post())


@job("commerce.tell_take_over", queue=Queue.NOTICES)
def tell_take_over(take_over_id: str, state: str) -> None:
    take_over_letters.deliver(take_over_id=UUID(take_over_id), state=state, **_by_post())


@job("commerce.tell_unpaid_take_over", queue=Queue.NOTICES)
def tell_unpaid_take_over(take_over_id: str, payment_id: str) -> None:
    take_over_letters.deliver_unpaid(take_over_id=UUID(take_over_id), payment_id=UUID(payment_id), **_by_post())


@tenant_sweep("commerce.tell_coming_renewals", queue=Queue.NOTICES, coming=moments.notices)
def tell_coming_renewals(*, at: datetime, among: Scope) -> int:
    return notices.tell_due(at=at, among=among)


@job("commerce.tell_coming_renewal", queue=Queue.NOTICES)
def tell_coming_renewal(notice_id: str) -> None:
    coming_renewal_letters.deliver(
        notice_id=UUID(notice_id),
        **_by_post(),
        at=clock.of(RenewalNotice, notice_id),
    )


@tenant_sweep("commerce.remind_of_failed_renewals", queue=Queue.NOTICES, coming=moments.failed_renewals)
def remind_of_failed_renewals(*, at: datetime, among: Scope) -> int:
    return dunning.remind_due(at=at, among=among)


@job("commerce.deliver_cancellation_request", queue=Queue.NOTICES)
def deliver_cancellation_request(request_id: str, reminder: int) -> None:
    cancellation_request_letters.deliver_request(request_id=UUID(request_id), reminder=reminder, **_by_post())


@job("commerce.tell_cancellation_answer", queue=Queue.NOTICES)
def tell_cancellation_answer(request_id: str) -> None:
    cancellation_request_letters.deliver_answer(request_id=UUID(request_id), **_by_post())
