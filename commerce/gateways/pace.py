"""How fast a provider may be charged: so many a second, of all processes together."""

import time
from functools import cache

from django.conf import settings
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import RedisError

# No answer within it counts as none.
PATIENCE = 1.0


class Pace:
    """Called before each charge, it waits until that may be sent. Without a broker each process keeps its own count."""

    def __init__(self, *, per_second: int, url: str, name: str) -> None:
        self.rate, self.name = RateLimitItemPerSecond(per_second), name
        storage = RedisStorage(url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE)
        self.of_all = MovingWindowRateLimiter(storage)
        self.own = MovingWindowRateLimiter(MemoryStorage())

    def __call__(self) -> None:
        while not self._may():
            time.sleep(1 / self.rate.amount)

    def _may(self) -> bool:
        try:
            return self.of_all.hit(self.rate, "charges", self.name)
        except RedisError:
            return self.own.hit(self.rate, "charges", self.name)


def current() -> Pace:
    """Of the provider in use."""
    return _pace(settings.CHARGES_PER_SECOND, settings.REDIS_URL, settings.PAYMENT_GATEWAY)


@cache
def _pace(per_second: int, url: str, name: str) -> Pace:
    return Pace(per_second=per_second, url=url, name=name)
