"""Asking for licences and deciding, as tests say it."""

from datetime import timedelta

from policies.models import LicenseRequest
from policies.operations import request_decisions, requests
from policies.operations.request_decisions import Decision
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tests.factories import NOON, acting

DAY = timedelta(days=1)


def ask(who, product, *members, at=NOON, reason="For the quarter's reports"):
    return requests.ask(product=product, reason=reason, members=members, by=acting(who), at=at)


def decide(request, by, approve=(), decline=(), at=NOON, **told):
    decision = Decision(approve=emails(approve), decline=emails(decline), **told)
    return request_decisions.decide(request=request, decision=decision, by=acting(by), at=at)


def emails(members):
    return [member.user.email for member in members]


def people_of(request):
    """Who is how, in the order in which they were named."""
    people = request.people.select_related("member").order_by("pk")
    return [(person.member, person.state, person.how) for person in people]


def state_of(request):
    return LicenseRequest.objects.get(pk=request.pk).state


def jobs():
    return list(Job.objects.order_by("created_at", "id").values_list("name", flat=True))


def told(tenant):
    found = Event.objects.of(tenant).filter(type__startswith="license_request.").order_by("id")
    return [(event.type.partition(".")[2], event.actor) for event in found]
