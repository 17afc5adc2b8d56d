"""Licence requests: asked for by people who may not buy, withdrawn, and run out. `request_decisions` decides them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from licensing.models import Product
from licensing.operations import central_seats
from licensing.operations.seats import MemberNotActive, NotAMember
from policies.models import LicenseRequest, LicenseRequestPerson, PersonState, RequestState, TenantSettings
from policies.models.request import LONGEST_TEXT
from tenants.access import Actor
from tenants.delivery import jobs
from tenants.directory.models import Membership, Tenant
from tenants.journal import events
from tenants.refusal import BadInput, NotAllowed, Refused
from tenants.text import checked

MOST_PEOPLE = 50
MOST_WAITING = 20
KEPT = timedelta(days=365)


class GuestUser(Refused):
    http_status = 403
    message = _("Guests ask for licences in their own organisation.")


class RequestProcess(Refused):
    """The tenant's own process stands in the place of requests: what to do, and where."""

    message = _("Your organisation has a process of its own for licences.")

    def __init__(self, process: "Process") -> None:
        super().__init__()
        self.extra = {"message": process.message, "url": process.url}


class AskedAlready(Refused):
    message = _("You asked for this already, and it waits for a decision.")


class TooManyRequests(Refused):
    message = _("Too many of your requests wait for a decision. Withdraw one first.")


class RequestNotWaiting(Refused):
    message = _("This request was decided or withdrawn already.")


class Process:
    """How a tenant wants to be asked for licences, where it does not want requests."""

    def __init__(self, message: str, url: str) -> None:
        self.message, self.url = message, url


def own_process(tenant: Tenant) -> Process | None:
    """The process that the tenant set in the place of requests; none: it takes requests. One query."""
    said = TenantSettings.objects.filter(tenant=tenant).first()
    if said is None or not (said.request_process_message or said.request_process_url):
        return None
    return Process(said.request_process_message, said.request_process_url)


@transaction.atomic
def ask(
    *, product: Product, reason: str, members: Sequence[Membership] = (), by: Actor, at: datetime
) -> LicenseRequest:
    """
    Ask for licences of a product, for oneself unless others are named. The admins who decide are told.

    :raises GuestUser: guests ask at home
    :raises RequestProcess: the tenant wants to be asked in another way
    :raises AskedAlready: it waits for one of these people already, asked for by the same person
    :raises TooManyRequests: too many of the person's requests wait
    :raises NotAMember: :raises MemberNotActive: somebody of another tenant, a guest, or who has left
    :raises BadInput: too many people, somebody who has a seat, or a reason that is missing or cannot be kept
    """
    requester = by.home
    if requester.is_guest:
        raise GuestUser
    process = own_process(requester.tenant)
    if process is not None:
        raise RequestProcess(process)
    reason = checked_text(reason, field="reason")
    if not reason:
        raise BadInput(_("Say why you need it."), field="reason", code="required")
    # The requester's lock: of two clicks the second finds what the first asked for; the constraint is the second wall.
    Membership.objects.select_for_update(no_key=True).get(pk=requester.pk)
    people = _checked_people(members or [requester], product, requester)
    request = LicenseRequest.objects.create(
        tenant=requester.tenant, requester=requester, product=product, reason=reason, created_at=at
    )
    LicenseRequestPerson.objects.bulk_create(
        LicenseRequestPerson(
            tenant=requester.tenant, request=request, member=member, requester=requester, product=product
        )
        for member in people
    )
    record("license_request.asked", request, by=by, at=at, members=[member.pk for member in people])
    jobs.enqueue("policies.tell_license_request", request_id=str(request.pk))
    return request


@transaction.atomic
def withdraw(*, request: LicenseRequest, by: Actor, at: datetime) -> LicenseRequest:
    """
    The requester does without what nobody has decided yet; what was granted stays. Withdrawn already: nothing changes.

    :raises NotAllowed: asked for by somebody else
    :raises RequestNotWaiting: decided, or run out
    """
    if not by.is_member(request.requester_id):
        raise NotAllowed(_("Only who asked for it can withdraw it."))
    request = LicenseRequest.objects.locked().get(pk=request.pk)
    if request.state == RequestState.WITHDRAWN:
        return request
    if not request.is_waiting:
        raise RequestNotWaiting
    _end(request, RequestState.WITHDRAWN, PersonState.WITHDRAWN, by=by, at=at)
    return request


@transaction.atomic
def expire(*, request: LicenseRequest, by: Actor, at: datetime) -> bool:
    """Nobody has decided it in all the time that it is kept. Ended already: nothing changes."""
    request = LicenseRequest.objects.locked().get(pk=request.pk)
    if not request.is_waiting or at < request.created_at + KEPT:
        return False
    _end(request, RequestState.EXPIRED, PersonState.EXPIRED, by=by, at=at)
    return True


def record(type: str, request: LicenseRequest, *, by: Actor, at: datetime, **data: object) -> None:
    events.record(type, tenant=request.tenant, by=by, at=at, subject=request.pk, product=request.product_id, **data)


def checked_text(text: str, *, field: str) -> str:
    """:raises BadInput: it is too long or cannot be kept"""
    return checked(text, field=field, longest=LONGEST_TEXT)


def _checked_people(members: Sequence[Membership], product: Product, requester: Membership) -> list[Membership]:
    """Each once, read again: somebody disabled in this very moment is seen."""
    keys = list(dict.fromkeys(member.pk for member in members))
    if len(keys) > MOST_PEOPLE:
        most = {"most": MOST_PEOPLE}
        raise BadInput(_("Ask for at most %(most)s people at once.") % most, field="members", code="max_length")
    own = Membership.objects.of(requester.tenant).members().select_related("user", "tenant")
    found = own.in_bulk(keys)
    for member in members:
        if member.pk not in found:
            raise NotAMember(member.user.email)
        if not found[member.pk].is_active:
            raise MemberNotActive(member.user.email)
    people = [found[key] for key in keys]
    _require_new(people, product, requester)
    return people


def _require_new(people: Sequence[Membership], product: Product, requester: Membership) -> None:
    seat = central_seats.held_by(people, product).select_related("member__user").first()
    if seat is not None:
        email = {"email": seat.member.user.email}
        raise BadInput(_("“%(email)s” has a seat of it already.") % email, field="members", code="has_seat_already")
    mine = LicenseRequest.objects.by_requester(requester).waiting()
    if mine.filter(product=product, people__member__in=people, people__state=PersonState.WAITING).exists():
        raise AskedAlready
    if mine.count() >= MOST_WAITING:
        raise TooManyRequests


def _end(request: LicenseRequest, state: RequestState, of_people: PersonState, *, by: Actor, at: datetime) -> None:
    request.state, request.decided_at = state, at
    request.save(update_fields=["state", "decided_at"])
    request.people.filter(state=PersonState.WAITING).update(state=of_people, decided_at=at)
    record(f"license_request.{state.value}", request, by=by, at=at)
