"""A sign of life through each queue: sent by the schedule, kept in the broker, answered by a worker."""

import time

import redis
from celery import shared_task
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from tenants.delivery.queues import Queue

ONCE = Retry(NoBackoff(), 0)
HEARTBEATS = "seatwise:heartbeats"
STALE = 45.0


def broker() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2, retry=ONCE)


@shared_task(name="tenants.heartbeat")
def heartbeat(queue: str) -> None:
    """Sent through the queue that it names: its age says that schedule, broker and a worker of that queue live."""
    with broker() as client:
        client.hset(HEARTBEATS, queue, str(time.time()))


def ages() -> dict[str, float | None]:
    """
    Seconds since a worker of each queue answered the schedule; none where none ever did.

    :raises RedisError: the broker does not answer
    """
    with broker() as client:
        beats = {name.decode(): float(at) for name, at in client.hgetall(HEARTBEATS).items()}
    return {queue: abs(time.time() - beats[queue]) if queue in beats else None for queue in Queue.values}
