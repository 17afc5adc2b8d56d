"""Is it alive, and can it serve? For supervisors and load balancers."""

import time

import redis
from celery import shared_task
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.backoff import NoBackoff
from redis.retry import Retry

ONCE = Retry(NoBackoff(), 0)
HEARTBEAT = "seatwise:heartbeat"
HEARTBEAT_EVERY = 10.0
HEARTBEAT_STALE = 45.0


def broker() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2, retry=ONCE)


@shared_task(name="tenants.heartbeat")
def heartbeat() -> None:
    """Comes from the schedule, through the broker, to a worker: its age says that all three live."""
    with broker() as client:
        client.set(HEARTBEAT, str(time.time()), ex=600)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"alive": True})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when a purchase can be served: database, broker and a worker that answers the schedule."""
    brokered, beating = broker_and_worker()
    checks = {"database": database_answers(), "broker": brokered, "worker": beating}
    return JsonResponse(checks, status=200 if all(checks.values()) else 503)


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def broker_and_worker() -> tuple[bool, bool]:
    try:
        with broker() as client:
            last = client.get(HEARTBEAT)
    except redis.RedisError:
        return False, False
    return True, last is not None and abs(time.time() - float(last)) < HEARTBEAT_STALE
