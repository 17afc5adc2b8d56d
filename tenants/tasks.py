"""The sweeps of this app. What is due is in the tables; a lost message costs seconds, never work."""

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from tenants.api import idempotency
from tenants.delivery import jobs
from tenants.journal import events
from tenants.signin import tokens


@shared_task(name="tenants.sequence_events")
def sequence_events() -> int:
    return events.sequence_waiting()


@shared_task(name="tenants.resend_jobs")
def resend_jobs() -> int:
    return jobs.resend_waiting(at=timezone.now())


@shared_task(name="tenants.prune")
def prune() -> None:
    now = timezone.now()
    jobs.forget_done(before=now - jobs.KEPT)
    idempotency.forget(before=now - idempotency.KEPT)
    tokens.forget_expired(at=now)
    SessionStore.clear_expired()
