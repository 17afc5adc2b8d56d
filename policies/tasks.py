"""Jobs and sweeps of this app."""

from datetime import datetime
from uuid import UUID

from django.conf import settings

from policies.models import LimitNotice
from policies.operations import limit_notices, request_letters
from tenants import clock
from tenants.delivery.jobs import job
from tenants.delivery.queues import Queue
from tenants.delivery.sweeps import tenant_sweep
from tenants.directory.models import Tenant
from tenants.scope import Scope


@job("policies.tell_spend_limits", queue=Queue.NOTICES)
def tell_spend_limits(tenant_id: str) -> None:
    tenant = Tenant.objects.get(pk=UUID(tenant_id))
    limit_notices.tell(tenant=tenant, at=clock.now(tenant))


@job("policies.deliver_limit_notice", queue=Queue.NOTICES)
def deliver_limit_notice(notice_id: str) -> None:
    limit_notices.deliver(
        notice_id=UUID(notice_id),
        site=settings.BASE_URL,
        sender=settings.DEFAULT_FROM_EMAIL,
        at=clock.of(LimitNotice, notice_id),
    )


@tenant_sweep("policies.tell_spend_limits_of_all", queue=Queue.NOTICES)
def tell_spend_limits_of_all(*, at: datetime, among: Scope) -> int:
    return limit_notices.tell_all(at=at, among=among)


@job("policies.tell_license_request", queue=Queue.NOTICES)
def tell_license_request(request_id: str, reminder: int = 0) -> None:
    request_letters.tell_deciders(
        request_id=UUID(request_id), reminder=reminder, site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL
    )


@job("policies.tell_license_decision", queue=Queue.NOTICES)
def tell_license_decision(request_id: str, people: list[str]) -> None:
    request_letters.tell_decision(
        request_id=UUID(request_id), people=people, site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL
    )


@job("policies.tell_license_expiry", queue=Queue.NOTICES)
def tell_license_expiry(request_id: str) -> None:
    request_letters.tell_expiry(request_id=UUID(request_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL)


@tenant_sweep("policies.remind_of_license_requests", queue=Queue.NOTICES)
def remind_of_license_requests(*, at: datetime, among: Scope) -> int:
    moved = request_letters.remind(at=at, among=among) + request_letters.expire_overdue(at=at, among=among)
    return moved + request_letters.forget(at=at, among=among)
