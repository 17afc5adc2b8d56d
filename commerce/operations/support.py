"""Support cases: a purchaser asks, an operator answers; an admin may ask for a subscription to be ended."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import SupportCase, SupportMessage
from commerce.models.support import CaseKind, CaseState
from commerce.operations.changes import cancellations, lines, quotes
from commerce.operations.changes.cancellations import Cancellation
from licensing.models import Subscription
from licensing.operations import subscriptions
from tenants.access import Actor
from tenants.delivery import jobs
from tenants.directory.models import Membership
from tenants.journal import events
from tenants.refusal import BadInput, NotAllowed, Refused
from tenants.text import require_plain

MOST_UNSETTLED = 20


class TooManyOpenCases(Refused):
    http_status = 429
    message = _("You have many open cases already. Close some, or wait for their answers.")


class CaseClosed(Refused):
    message = _("This case is closed. Open a new one.")


class NothingToEnd(Refused):
    message = _("This case asks for no subscription to be ended.")


@transaction.atomic
def open_case(
    *, kind: CaseKind, subject: str, body: str, subscription: Subscription | None = None, by: Actor, at: datetime
) -> SupportCase:
    """
    Ask the vendor's support. `subscription`, where one is named, is one that the person sees.

    :raises BadInput: nothing is said; control characters; or nothing named that is to end
    :raises NotAllowed: a guest; or somebody who may not end that subscription asks for its end
    :raises TooManyOpenCases: twenty of theirs are not closed yet
    """
    if by.home.is_guest:
        raise NotAllowed(_("Only members of an organisation can open a case here."))
    _require_text(subject, field="subject")
    _require_text(body, field="body")
    if kind == CaseKind.END_SUBSCRIPTION:
        if subscription is None:
            raise BadInput(_("Say which subscription is to end."), field="subscription", code="required")
        subscriptions.require_ender(subscription, by)
    # Row lock: cases that one person opens at the same moment are counted one after another.
    Membership.objects.select_for_update(of=("self",), no_key=True).get(pk=by.home.pk)
    if SupportCase.objects.opened_by(by.home).unsettled().count() >= MOST_UNSETTLED:
        raise TooManyOpenCases
    case = SupportCase.objects.create(
        tenant=by.home.tenant,
        member=by.home,
        kind=kind,
        subject=subject,
        subscription=subscription,
        created_at=at,
        changed_at=at,
    )
    _write(case, body, from_support=False, by=by, at=at)
    _record("support_case.opened", case, by, at)
    return case


@transaction.atomic
def reply(*, case: SupportCase, body: str, by: Actor, at: datetime) -> SupportCase:
    """
    Say more, by whoever opened the case: it waits for support again.

    :raises NotAllowed: not the one who opened it. :raises CaseClosed: it is. :raises BadInput: nothing is said
    """
    if not by.is_member(case.member_id):
        raise NotAllowed(_("Only the person who opened this case can write here."))
    return _say(case, body, CaseState.OPEN, from_support=False, by=by, at=at)


@transaction.atomic
def answer(*, case: SupportCase, body: str, by: Actor, at: datetime) -> SupportCase:
    """
    Answer, by an operator. Whoever opened the case is told by e-mail.

    :raises NotAllowed: `by` is no operator. :raises CaseClosed: it is. :raises BadInput: nothing is said
    """
    by.require_operator()
    case = _say(case, body, CaseState.ANSWERED, from_support=True, by=by, at=at)
    jobs.enqueue("commerce.deliver_support_answer", case_id=str(case.pk))
    return case


@transaction.atomic
def close(*, case: SupportCase, by: Actor, at: datetime) -> SupportCase:
    """
    End a case. Closed already: nothing changes.

    :raises NotAllowed: neither an operator nor the one who opened it
    """
    if not by.is_member(case.member_id):
        by.require_operator()
    case = SupportCase.objects.locked().get(pk=case.pk)
    if case.state != CaseState.CLOSED:
        _turn(case, CaseState.CLOSED, at)
        _record("support_case.closed", case, by, at)
    return case


def preview_end(*, case: SupportCase, by: Actor, at: datetime) -> Cancellation:
    """
    What `end_subscription` would do; changes nothing.

    :raises NotAllowed: `by` is no operator
    :raises NothingToEnd: the case asks for something else. :raises CaseClosed: it is
    :raises SubscriptionInactive: it has ended already
    """
    return cancellations.preview_end(subscription=_to_end(case, by), at=at)


def end_subscription(*, case: SupportCase, as_of: datetime | None = None, by: Actor, at: datetime) -> Cancellation:
    """
    Do what a case asks for, by an operator, under the rules of every cancellation; say so in the case, and close it.
    `as_of`: as it was shown for that moment.

    :raises NotAllowed: `by` is no operator
    :raises NothingToEnd: the case asks for something else. :raises CaseClosed: it is
    :raises SubscriptionInactive: it has ended already
    :raises ChangedSincePreview: what was shown holds no longer
    :raises BadInput: it was shown too long ago
    """
    subscription = _to_end(case, by)
    quotes.moment(as_of, at=at)  # refused before any card is released
    cancellations.release_cards(subscription, at=at)
    reason = str(_("Support case: %(subject)s") % {"subject": case.subject})
    with transaction.atomic():
        # First the case: a credit note takes a number, and that is last.
        case = answer(case=case, body=str(_("The subscription was canceled.")), by=by, at=at)
        _turn(case, CaseState.CLOSED, at)
        _record("support_case.closed", case, by, at)
        done = cancellations.end(subscription=subscription, reason=reason, as_of=as_of, by=by, at=at)
    lines.send_refunds(done.refunds, at=at)
    return done


def _to_end(case: SupportCase, by: Actor) -> Subscription:
    by.require_operator()
    if case.kind != CaseKind.END_SUBSCRIPTION or case.subscription is None:
        raise NothingToEnd
    if SupportCase.objects.filter(pk=case.pk, state=CaseState.CLOSED).exists():
        raise CaseClosed
    return case.subscription


def _say(case: SupportCase, body: str, state: CaseState, *, from_support: bool, by: Actor, at: datetime) -> SupportCase:
    _require_text(body, field="body")
    case = SupportCase.objects.locked().get(pk=case.pk)
    if case.state == CaseState.CLOSED:
        raise CaseClosed
    _write(case, body, from_support=from_support, by=by, at=at)
    _turn(case, state, at)
    _record("support_case.answered" if from_support else "support_case.replied", case, by, at)
    return case


def _write(case: SupportCase, body: str, *, from_support: bool, by: Actor, at: datetime) -> None:
    SupportMessage.objects.create(
        tenant=case.tenant, case=case, author=by.user, from_support=from_support, body=body, at=at
    )


def _turn(case: SupportCase, state: CaseState, at: datetime) -> None:
    case.state, case.changed_at = state, at
    case.save(update_fields=["state", "changed_at"])


def _record(type: str, case: SupportCase, by: Actor, at: datetime) -> None:
    events.record(type, tenant=case.tenant, by=by, at=at, subject=case.pk, kind=case.kind)


def _require_text(text: str, *, field: str) -> None:
    if not text.strip():
        raise BadInput(_("Say what it is about."), field=field, code="required")
    require_plain(text, field=field)
