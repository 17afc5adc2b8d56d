"""Deciding licence requests: some people get one, others do not, until nobody waits any more."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from licensing.models import Subscription
from licensing.operations import central_seats
from licensing.operations.seats import MemberNotActive
from policies.models import How, LicenseRequest, LicenseRequestPerson, PersonState, PolicyValue, RequestState
from policies.operations import values
from policies.operations.requests import RequestNotWaiting, checked_text, record
from policies.operations.scopes import Scope, Time
from tenants.access import Actor, Right
from tenants.delivery import jobs
from tenants.directory.operations import organisations
from tenants.refusal import BadInput, NotAllowed, Refused

# How an admin grants; that a seat was bought for it shows from when it was bought.
CHOICES = (How.FREE_SEAT, How.EXCEPTION)


class PersonDecidedAlready(Refused):
    message = gettext_lazy("Somebody has decided this for one of these people already.")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Who gets a licence and who does not, by their e-mail addresses, and how."""

    approve: Sequence[str] = ()
    decline: Sequence[str] = ()
    message: str = ""
    how: str = How.FREE_SEAT
    # Until when whoever gets an exception may buy.
    until: datetime | None = None


@transaction.atomic
def decide(*, request: LicenseRequest, decision: Decision, by: Actor, at: datetime) -> LicenseRequest:
    """
    Grant to some of the people of a request and decline it for others; whoever is not named waits on. All or nothing:
    where one of them cannot be served, nobody is.

    A grant is a free seat of the tenant's own, or an exception: the person may buy the product until a moment.

    :raises NotAllowed: `by` does not decide this tenant's requests, or, for an exception, may not change its policies
    :raises RequestNotWaiting: decided, withdrawn or run out
    :raises PersonDecidedAlready: somebody was faster
    :raises MemberNotActive: somebody to be served is disabled or has left
    :raises NoSeatLeft: fewer seats are free than are needed
    :raises PolicyOverlaps: another exception holds for one of them
    :raises BadInput: nobody or somebody else is named, or twice; an end that cannot be; a message that cannot be kept
    """
    _require_decider(request, decision, by)
    message = checked_text(decision.message, field="message")
    _check_how(decision, at)
    if decision.how == How.EXCEPTION:
        organisations.lock(request.tenant)  # Before its rows, as everywhere.
    # Row lock: of two admins at once the second finds what the first decided.
    request = LicenseRequest.objects.locked().select_related("tenant", "product").get(pk=request.pk)
    if not request.is_waiting:
        raise RequestNotWaiting
    granted, declined = _named(request, decision)
    _grant(request, granted, decision, by=by, at=at)
    for person in declined:
        person.state = PersonState.DECLINED
    _keep([*granted, *declined], message, by=by, at=at)
    _close(request, message, by=by, at=at)
    record(
        "license_request.decided",
        request,
        by=by,
        at=at,
        granted=[person.member_id for person in granted],
        declined=[person.member_id for person in declined],
        **({"how": decision.how} if granted else {}),
    )
    people = [str(person.pk) for person in (*granted, *declined)]
    jobs.enqueue("policies.tell_license_decision", request_id=str(request.pk), people=people)
    return request


def _require_decider(request: LicenseRequest, decision: Decision, by: Actor) -> None:
    if by.tenant != request.tenant:
        raise NotAllowed(_("You act in another organisation."))
    by.require(Right.DECIDE_REQUESTS)
    if decision.approve and decision.how == How.EXCEPTION and not by.may(Right.CHANGE_POLICY):
        raise NotAllowed(_("An exception changes a policy, and your roles do not allow that."))


def _check_how(decision: Decision, at: datetime) -> None:
    if decision.how not in CHOICES:
        raise BadInput(_("Choose one of these."), field="how", code="invalid_choice")
    if decision.how != How.EXCEPTION or not decision.approve:
        return
    if decision.until is None:
        raise BadInput(_("Say until when they may buy it."), field="until", code="required")
    if decision.until <= at:
        raise BadInput(_("It must end in the future."), field="until", code="in_the_past")
    if decision.until - at > values.FURTHEST:
        raise BadInput(_("Choose a time that is nearer."), field="until", code="too_far")


def _named(
    request: LicenseRequest, decision: Decision
) -> tuple[list[LicenseRequestPerson], list[LicenseRequestPerson]]:
    """The people who are named, each in one way alone, and all of them waiting."""
    people = {person.member.user.email: person for person in request.people.select_related("member__user")}
    approve, decline = _addresses(decision.approve), _addresses(decision.decline)
    if not approve and not decline:
        raise BadInput(_("Choose at least one person."), field="approve", code="required")
    for field, emails in (("approve", approve), ("decline", decline)):
        for email in emails:
            if email not in people:
                said = _("“%(email)s” is not asked for here.") % {"email": email}
                raise BadInput(said, field=field, code="does_not_exist")
    if set(approve) & set(decline):
        raise BadInput(_("Approve or decline, not both."), field="decline", code="not_both")
    if not all(people[email].is_waiting for email in (*approve, *decline)):
        raise PersonDecidedAlready
    return [people[email] for email in approve], [people[email] for email in decline]


def _addresses(emails: Collection[str]) -> list[str]:
    return list(dict.fromkeys(email.strip().lower() for email in emails))


def _grant(
    request: LicenseRequest,
    people: Sequence[LicenseRequestPerson],
    decision: Decision,
    *,
    by: Actor,
    at: datetime,
) -> None:
    for person in people:
        if not person.member.is_active:
            raise MemberNotActive(person.member.user.email, field="approve")
    if decision.how == How.EXCEPTION:
        _let_buy(request, people, decision.until, by=by, at=at)
    elif people:
        _seat(request, people, by=by, at=at)


def _seat(request: LicenseRequest, people: Sequence[LicenseRequestPerson], *, by: Actor, at: datetime) -> None:
    members = [person.member for person in people]
    given = central_seats.give(tenant=request.tenant, product=request.product, members=members, by=by, at=at)
    for person in people:
        subscription: Subscription = given[person.member_id]
        person.state, person.subscription = PersonState.GRANTED, str(subscription.pk)
        person.how = How.BOUGHT if subscription.created_at > request.created_at else How.FREE_SEAT


def _let_buy(
    request: LicenseRequest,
    people: Sequence[LicenseRequestPerson],
    until: datetime | None,
    *,
    by: Actor,
    at: datetime,
) -> None:
    # Not the message: the journal keeps it for good, and names nobody.
    reason = _("Licence request %(id)s") % {"id": request.pk}
    for person in people:
        values.put(
            tenant=request.tenant,
            scope=Scope(member=person.member, product=request.product),
            value=PolicyValue.ENABLED,
            reason=reason,
            time=Time(valid_from=at, valid_to=until),
            by=by,
            at=at,
        )
        person.state, person.how, person.until = PersonState.GRANTED, How.EXCEPTION, until


def _keep(people: Sequence[LicenseRequestPerson], message: str, *, by: Actor, at: datetime) -> None:
    for person in people:
        person.message, person.decided_by, person.decided_at = message, by.user, at
    fields = ["state", "how", "message", "decided_by", "decided_at", "subscription", "until"]
    LicenseRequestPerson.objects.bulk_update(people, fields)


def _close(request: LicenseRequest, message: str, *, by: Actor, at: datetime) -> None:
    """With its last person the request is decided."""
    request.message, request.decided_by = message, by.user
    if not request.people.filter(state=PersonState.WAITING).exists():
        request.state, request.decided_at = RequestState.DECIDED, at
    request.save(update_fields=["message", "decided_by", "state", "decided_at"])
