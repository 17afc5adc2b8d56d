"""How approvals are decided, and what is charged after that."""

from commerce.operations.buying import approvals as deciding
from policies.models import Approval
from tenants.delivery.models import Job
from tests.factories import NOON, acting


def approval_of(checkout):
    return Approval.objects.get(subject=str(checkout.pk))


def approve(checkout, by, at=NOON, **told):
    return deciding.decide(approval=approval_of(checkout), approve=True, by=acting(by), at=at, **told)


def decline(checkout, by, at=NOON, **told):
    return deciding.decide(approval=approval_of(checkout), approve=False, by=acting(by), at=at, **told)


def charge(checkout, at=NOON):
    deciding.charge(checkout=checkout, return_url="http://testserver/back/", at=at)
    checkout.refresh_from_db()
    return checkout


def jobs():
    return list(Job.objects.order_by("created_at", "id").values_list("name", flat=True))
