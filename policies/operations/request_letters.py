"""What people are told of licence requests, what reminds of those that wait, and how long they are kept."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from licensing.models import Plan
from policies.models import How, LicenseRequest, LicenseRequestPerson, PersonState
from policies.operations import requests
from tenants.access import SYSTEM, Right, has_right
from tenants.delivery import jobs, letters
from tenants.directory.models import Membership
from tenants.scope import EVERYBODY, Scope

# After how long without a decision those who decide are reminded, each time once.
REMINDED_AFTER = (timedelta(days=2), timedelta(days=5))

MOST_AT_ONCE = 1000


def tell_deciders(*, request_id: UUID, reminder: int = 0, site: str, sender: str) -> None:
    """A letter to each who decides the tenant's requests, as long as it waits; `reminder`: the how many-eth."""
    request = LicenseRequest.objects.with_people().filter(pk=request_id).first()
    if request is None or not request.is_waiting:
        return
    link = site + reverse("admin:policies_licenserequest_change", args=[request.pk])
    people = [person for person in request.people.all() if person.is_waiting]
    for decider in deciders(request):
        _send(
            "license_request",
            to=decider,
            told={"request": request, "people": people, "is_reminder": reminder > 0, "url": link},
            about=f"{request.pk}-{reminder}",
            sender=sender,
        )


def tell_decision(*, request_id: UUID, people: Collection[str], site: str, sender: str) -> None:
    """To whoever asked, and to each of the people of one decision."""
    request = LicenseRequest.objects.with_people().filter(pk=request_id).first()
    if request is None:
        return
    decided = [person for person in request.people.all() if str(person.pk) in people]
    if decided and request.requester.is_active:
        told = {"decided": decided, "waiting": [p for p in request.people.all() if p.is_waiting]}
        link = site + reverse("my-requests")
        _tell("license_decision", request, request.requester, decided[0], {**told, "url": link}, sender=sender)
    for person in decided:
        if person.member_id != request.requester_id and person.member.is_active:
            _tell_person(request, person, site=site, sender=sender)


def tell_expiry(*, request_id: UUID, site: str, sender: str) -> None:
    """To whoever asked: nobody has decided it."""
    request = LicenseRequest.objects.with_people().filter(pk=request_id).first()
    if request is not None and request.requester.is_active:
        told = {"request": request, "url": site + reverse("my-requests")}
        _send("license_expired", to=request.requester, told=told, about=f"{request.pk}-expired", sender=sender)


def remind(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """Have letters sent for what waits for two days, and again for five; late, only the later one. Returns how many."""
    sent = 0
    for count in range(len(REMINDED_AFTER), 0, -1):
        due = LicenseRequest.objects.waiting().filter(
            reminded__lt=count, created_at__lte=at - REMINDED_AFTER[count - 1], created_at__gt=at - requests.KEPT
        )
        for key in among.of(due).order_by("created_at").values_list("pk", flat=True):
            sent += _remind(key, count)
    return sent


@transaction.atomic
def _remind(key: UUID, count: int) -> bool:
    # The row decides who sends it, of two sweeps at once and of every later one.
    mine = LicenseRequest.objects.waiting().filter(pk=key, reminded__lt=count).update(reminded=count)
    if mine:
        jobs.enqueue("policies.tell_license_request", request_id=str(key), reminder=count)
    return bool(mine)


def expire_overdue(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """End what nobody has decided in all the time that requests are kept."""
    due = LicenseRequest.objects.waiting().filter(created_at__lte=at - requests.KEPT)
    return sum(_expire(request, at=at) for request in among.of(due).select_related("tenant").order_by("pk"))


@transaction.atomic
def _expire(request: LicenseRequest, *, at: datetime) -> bool:
    ended = requests.expire(request=request, by=SYSTEM, at=at)
    if ended:
        jobs.enqueue("policies.tell_license_expiry", request_id=str(request.pk))
    return ended


def forget(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """Delete what ended twelve months ago. What happened stays in the journal."""
    over = among.of(LicenseRequest.objects.ended()).filter(decided_at__lte=at - requests.KEPT)
    gone = list(over.order_by("pk").values_list("pk", flat=True)[:MOST_AT_ONCE])
    LicenseRequest.objects.filter(pk__in=gone).delete()
    return len(gone)


def deciders(request: LicenseRequest) -> Iterable[Membership]:
    """Who gets the letter about it."""
    active = Membership.objects.filter(has_right(Right.DECIDE_REQUESTS), tenant=request.tenant_id).active()
    return active.exclude(pk=request.requester_id).select_related("user", "tenant").order_by("pk")


def _tell_person(request: LicenseRequest, person: LicenseRequestPerson, *, site: str, sender: str) -> None:
    plan = Plan.objects.filter(product=request.product_id).order_by("pk").first()
    if person.how == How.EXCEPTION and plan is not None:
        link = site + reverse("buy", args=[plan.pk])
    else:
        link = site + reverse("catalogue")
    _tell("license_person", request, person.member, person, {"url": link}, sender=sender)


def _tell(
    name: str,
    request: LicenseRequest,
    to: Membership,
    person: LicenseRequestPerson,
    told: dict[str, object],
    *,
    sender: str,
) -> None:
    shared = {
        "request": request,
        "person": person,
        "message": person.message,
        "is_granted": person.state == PersonState.GRANTED,
        "may_buy": person.how == How.EXCEPTION,
    }
    _send(name, to=to, told={**shared, **told}, about=f"{person.pk}-decided", sender=sender)


def _send(name: str, *, to: Membership, told: dict[str, object], about: str, sender: str) -> None:
    letters.send(
        f"policies/mail/{name}.txt",
        to=to,
        told={"zone": to.tenant.zone, **told},
        message_id=f"license-request-{about}-{to.pk}",
        sender=sender,
    )
