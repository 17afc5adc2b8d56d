"""Jobs and sweeps of this app."""

from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from policies.operations import limit_notices
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
