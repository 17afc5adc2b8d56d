"""The schedule that calls the sweeps: of any number of `celery beat` processes one does, the others stand by."""

import logging
import os
import socket
from contextlib import suppress
from typing import Any
from uuid import uuid4

import redis
from celery.beat import Scheduler
from redis.lock import Lock

from tenants.delivery.heartbeats import broker

log = logging.getLogger(__name__)

LEASE = "seatwise:schedule"
LEASED_FOR = 10.0  # so long after the holder was killed another takes over
TRIES_EVERY = 2


class OneSchedule(Scheduler):
    """
    Sends only while it holds a lease in the broker, which it renews before each sweep. Who cannot reach the broker
    could send nothing either, so nothing else must be asked.

    It remembers nothing: every sweep finds its work in the tables.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.max_interval = TRIES_EVERY
        self.lease = Lock(broker(), LEASE, timeout=LEASED_FOR, blocking=False, thread_local=False)
        # Says where the schedule runs, to whoever looks for it.
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self.holds = False

    def tick(self, *args: Any, **options: Any) -> float:
        held, self.holds = self.holds, self._takes_or_keeps()
        if self.holds != held:
            log.warning("this process is the schedule %s", "now" if self.holds else "no more")
        return super().tick(*args, **options) if self.holds else TRIES_EVERY

    def close(self) -> None:
        if self.holds:
            self.holds = False
            with suppress(redis.RedisError):  # then it ends by itself
                self.lease.release()
        super().close()

    def _takes_or_keeps(self) -> bool:
        try:
            return bool(self.lease.reacquire() if self.lease.owned() else self.lease.acquire(token=self.name))
        except redis.RedisError:  # the broker is away, or the lease ran out between two words
            return False
