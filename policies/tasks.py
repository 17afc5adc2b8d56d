"""Jobs and sweeps of this app."""

from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from policies.operations import limit_notices, request_letters
from tenants.delivery.jobs import job
from tenants.directory.models import Tenant


@job("policies.tell_spend_limits")
def tell_spend_limits(tenant_id: str) -> None:
    limit_notices.tell(tenant=Tenant.objects.get(pk=UUID(tenant_id)), at=timezone.now())


@job("policies.deliver_limit_notice")
def deliver_limit_notice(notice_id: str) -> None:
    limit_notices.deliver(
        notice_id=UUID(notice_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL, at=timezone.now()
    )


@shared_task(name="policies.tell_spend_limits_of_all")
def tell_spend_limits_of_all() -> int:
    return limit_notices.tell_all(at=timezone.now())


@job("policies.tell_license_request")
def tell_license_request(request_id: str, reminder: int = 0) -> None:
    request_letters.tell_deciders(
        request_id=UUID(request_id), reminder=reminder, site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL
    )


@job("policies.tell_license_decision")
def tell_license_decision(request_id: str, people: list[str]) -> None:
    request_letters.tell_decision(
        request_id=UUID(request_id), people=people, site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL
    )


@job("policies.tell_license_expiry")
def tell_license_expiry(request_id: str) -> None:
    request_letters.tell_expiry(request_id=UUID(request_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL)


@shared_task(name="policies.remind_of_license_requests")
def remind_of_license_requests() -> int:
    now = timezone.now()
    return request_letters.remind(at=now) + request_letters.expire_overdue(at=now) + request_letters.forget(at=now)
