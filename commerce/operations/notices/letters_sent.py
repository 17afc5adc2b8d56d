"""Who gets a letter of its own about an event anyway: they are not told by e-mail a second time."""

from collections.abc import Callable, Iterable, Mapping
from typing import cast
from uuid import UUID

from commerce.models import NoticeKind, Purchase
from commerce.operations.letters import coming_renewal_letters, dunning_letters
from licensing.models import Subscription
from policies import limits
from policies.models import Approval, LicenseRequest
from policies.models.approver import approvers_for
from policies.operations import request_letters
from tenants.directory.models import Membership
from tenants.journal.models import Event


def readers(event: Event) -> frozenset[UUID]:
    """Their users."""
    found = _READERS.get(event.type)
    return frozenset(member.user_id for member in found(event)) if found else frozenset()


def _of_coming_renewal(event: Event) -> Iterable[Membership]:
    subscription = Subscription.objects.with_people().filter(pk=event.subject).first()
    return coming_renewal_letters.readers(subscription, NoticeKind(event.data["kind"])) if subscription else []


def _of_failed_charge(event: Event) -> Iterable[Membership]:
    """Not each failure has a letter, and that of a trial goes to its payer alone."""
    if not event.data.get("told"):
        return []
    found = Purchase.objects.with_people().filter(pk=event.subject).first()
    return [person for person, _pays in dunning_letters.readers(cast(Purchase, found))] if found else []


def _of_license_request(event: Event) -> Iterable[Membership]:
    request = LicenseRequest.objects.filter(pk=event.subject).first()
    return request_letters.deciders(request) if request else []


def _of_approval(event: Event) -> Iterable[Membership]:
    approval = Approval.objects.with_people().filter(pk=event.subject).first()
    return approvers_for(approval.requester, limits.own_departments(approval.requester)) if approval else []


_READERS: Mapping[str, Callable[[Event], Iterable[Membership]]] = {
    "renewal.announced": _of_coming_renewal,
    "renewal.failed": _of_failed_charge,
    "license_request.asked": _of_license_request,
    "approval.requested": _of_approval,
}
