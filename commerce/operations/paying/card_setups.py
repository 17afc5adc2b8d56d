"""
Keeping a card without charging it: as with a charge, a first transaction commits the try, the provider is called
outside any, and `settle_setup` writes down once what became of it, whoever learns of it.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce import gateways
from commerce.gateways.protocol import GatewayUnavailable, Outcome, Setup, SetupRequest, UnknownPaymentMethod
from commerce.models import CardSetup, CardSetupState, PaymentSource
from commerce.operations.paying import cards, declines
from commerce.operations.paying.cards import PaymentMethodNotAccepted
from commerce.operations.paying.charging import CardDeclined
from commerce.operations.renewing import dunning
from tenants.access import SYSTEM, Actor, Right
from tenants.journal import events
from tenants.refusal import NotAllowed, Refused
from tenants.scope import EVERYBODY, Scope

log = logging.getLogger(__name__)

ASK_AFTER = timedelta(seconds=60)
# So long the cardholder may take at the bank's page.
OPEN_FOR = timedelta(hours=24)
LIVE = (CardSetupState.STARTED, CardSetupState.REQUIRES_ACTION)


class CardSetupCanceled(Refused):
    message = _("Adding this card was given up. Nothing was charged; try again.")


def add(
    *, token: str, for_organisation: bool = False, return_to: Callable[[UUID], str], by: Actor, at: datetime
) -> CardSetup:
    """
    Keep a card for later charges. Returns the try `succeeded` with its card, `requires_action`, or `started` when the
    provider's answer is not known: the sweep will find out. `return_to` gives the address for a try's id to which the
    bank's page sends the cardholder back. The same card again is the same card.

    :raises NotAllowed: for the organisation, by somebody who does not buy for it
    :raises PaymentMethodNotAccepted: no credit card that the provider knows and that may pay here
    :raises ProviderUnavailable: the provider does not answer; nothing was tried
    :raises CardDeclined: declined
    :raises CardSetupCanceled: the try took too long and was called off
    :raises TooManyDeclines: the person or the tenant had too many
    :raises TooManyCardsAtOnce: so many are under way that one more might pass the limit
    """
    if for_organisation:
        by.require(Right.BUY_CENTRALLY)
    means = cards.means(payment_method=token, by=by, field="token")
    if means.card and (means.card.member_id is None) != for_organisation:
        raise PaymentMethodNotAccepted(_("This card is kept for somebody else already."), field="token")
    with transaction.atomic():
        declines.refuse_after_declines(payer=by.home, at=at)
        setup = CardSetup.objects.create(
            tenant=by.home.tenant,
            member=by.home,
            for_tenant=for_organisation,
            gateway=gateways.current().name,
            started_at=at,
        )
        events.record("card_setup.started", tenant=setup.tenant, by=by, at=at, subject=setup.pk)
    return _send(setup, means.token, return_to(setup.pk), at=at)


def confirm(*, setup: CardSetup, by: Actor, at: datetime) -> CardSetup:
    """
    After the cardholder's step, ask the provider what became of it. Settled already: as it is.

    :raises NotAllowed: somebody else's
    :raises CardDeclined: the bank or the cardholder said no
    :raises CardSetupCanceled: it was called off
    """
    return _learn(setup, gateways.current().confirm_setup, by=by, at=at)


def refresh(*, setup: CardSetup, by: Actor, at: datetime) -> CardSetup:
    """
    When the cardholder comes back from the bank's page: it only asks, it never answers the step.

    :raises: as `confirm`
    """
    return _learn(setup, gateways.current().find_setup, by=by, at=at)


def give_up(*, setup: CardSetup, by: Actor, at: datetime) -> CardSetup:
    """
    Call off a try that waits for its cardholder. One that does not wait: as it is, kept if the cardholder was faster.

    :raises NotAllowed: somebody else's
    :raises ProviderUnavailable: the provider does not answer now
    """
    _require_own(setup, by)
    if setup.state != CardSetupState.REQUIRES_ACTION:
        return setup
    try:
        answer = gateways.current().cancel_setup(setup.pk)
    except GatewayUnavailable:
        raise cards.ProviderUnavailable from None
    return settle_setup(setup=setup, answer=answer, at=at)


@transaction.atomic
def settle_setup(*, setup: CardSetup, answer: Setup, at: datetime) -> CardSetup:
    """Write down what the provider says of a card that is being kept. Once, however often it is called."""
    setup = CardSetup.objects.locked().select_related("tenant", "member__user").get(pk=setup.pk)
    if setup.state in LIVE:
        _SETTLE[answer.outcome](setup, answer, at)
    return setup


def reconcile(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> list[CardSetup]:
    """
    Ask the provider about each try whose answer is not known here, never before 60 s have passed; what its cardholder
    left waiting for a day is called off. Returns those that were settled.
    """
    gateway = gateways.current()
    settled = []
    unanswered = CardSetup.objects.filter(gateway=gateway.name).unanswered(at - ASK_AFTER)
    for setup in among.of(unanswered)[:limit]:
        # First, so that one that cannot be settled goes to the end of the line instead of holding up the others.
        CardSetup.objects.filter(pk=setup.pk).update(asked_at=at)
        is_over = setup.started_at < at - OPEN_FOR
        try:
            answer = (None if is_over else gateway.find_setup(setup.pk)) or gateway.cancel_setup(setup.pk)
        except GatewayUnavailable:
            continue
        setup = settle_setup(setup=setup, answer=answer, at=at)
        if setup.state not in LIVE:
            settled.append(setup)
    return settled


def _send(setup: CardSetup, token: str, return_url: str, *, at: datetime) -> CardSetup:
    customer = str(setup.tenant_id if setup.for_tenant else setup.member_id)
    request = SetupRequest(key=setup.pk, payment_method=token, customer=customer, return_url=return_url)
    answer = _answer(request)
    return _shown(settle_setup(setup=setup, answer=answer, at=at)) if answer else setup


def _answer(request: SetupRequest) -> Setup | None:
    gateway = gateways.current()
    with suppress(GatewayUnavailable):
        try:
            return gateway.set_up(request)
        except UnknownPaymentMethod:
            # Forgotten there since it was asked for.
            return gateway.cancel_setup(request.key)
    return None


def _learn(setup: CardSetup, ask: Callable[[UUID], Setup | None], *, by: Actor, at: datetime) -> CardSetup:
    _require_own(setup, by)
    try:
        answer = ask(setup.pk) if setup.state == CardSetupState.REQUIRES_ACTION else None
    except GatewayUnavailable:
        answer = None
    return _shown(settle_setup(setup=setup, answer=answer, at=at) if answer else setup)


def _shown(setup: CardSetup) -> CardSetup:
    """:raises CardDeclined: :raises CardSetupCanceled: what became of a try that brought nothing"""
    if setup.state == CardSetupState.FAILED:
        raise CardDeclined(decline_code=setup.decline_code)
    if setup.state == CardSetupState.CANCELED:
        raise CardSetupCanceled
    return setup


def _require_own(setup: CardSetup, by: Actor) -> None:
    if not by.is_member(setup.member_id):
        raise NotAllowed(_("Only the person who adds this card can do this."))


def _kept(setup: CardSetup, answer: Setup, at: datetime) -> None:
    if answer.card is None:
        log.error("card setup %s: kept, but of which card is not told", setup.pk)
        _close(setup, CardSetupState.FAILED, at, decline_code="")
        return
    setup.payment_method = cards.keep(
        details=answer.card,
        tenant=setup.tenant,
        member=None if setup.for_tenant else setup.member,
        gateway=setup.gateway,
        at=at,
    )
    _close(setup, CardSetupState.SUCCEEDED, at, payment_method=setup.payment_method.pk)
    if setup.found_kept:
        # With a new expiry, or one that its bank lets pay again: what it did not pay is tried with it.
        paid = PaymentSource.objects.filter(payment_method=setup.payment_method)
        dunning.try_at_once(subscriptions=paid.values_list("subscription", flat=True))


def _declined(setup: CardSetup, answer: Setup, at: datetime) -> None:
    setup.decline_code = answer.decline_code
    _close(setup, CardSetupState.FAILED, at, decline_code=answer.decline_code)


def _canceled(setup: CardSetup, answer: Setup, at: datetime) -> None:
    _close(setup, CardSetupState.CANCELED, at)


def _awaits_step(setup: CardSetup, answer: Setup, at: datetime) -> None:
    if setup.state == CardSetupState.REQUIRES_ACTION:
        return
    setup.state, setup.action_url = CardSetupState.REQUIRES_ACTION, answer.action_url
    setup.save(update_fields=["state", "action_url"])
    events.record("card_setup.waiting", tenant=setup.tenant, by=SYSTEM, at=at, subject=setup.pk)


_SETTLE: dict[Outcome, Callable[[CardSetup, Setup, datetime], None]] = {
    Outcome.CAPTURED: _kept,
    Outcome.DECLINED: _declined,
    Outcome.CANCELED: _canceled,
    Outcome.REQUIRES_ACTION: _awaits_step,
}


def _close(setup: CardSetup, state: CardSetupState, at: datetime, **told: object) -> None:
    setup.state, setup.settled_at = state, at
    setup.save(update_fields=["state", "settled_at", "decline_code", "payment_method"])
    events.record(f"card_setup.{state.value}", tenant=setup.tenant, by=SYSTEM, at=at, subject=setup.pk, **told)
