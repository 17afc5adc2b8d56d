"""Is it alive, and can it serve? For supervisors and load balancers."""

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tenants.delivery import heartbeats
from tenants.delivery.queues import Queue


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
    """Whether the broker answers, and whether money has somebody who serves it: letters may wait."""
    try:
        age = heartbeats.ages()[Queue.MONEY]
    except redis.RedisError:
        return False, False
    return True, age is not None and age < heartbeats.STALE
