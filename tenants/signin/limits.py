"""
How often somebody may try a password, or a code after it: counters in Valkey, taken before either is looked at.

One script checks and counts in one step, so that fifty tries at the same moment are not fifty tries that each saw zero.
Only failures stay counted: a good password gives its try back. Without Valkey nobody signs in (`LimitsUnknown`): a
limit that ends when a server is down is none.

The address is the one that opened the connection. X-Forwarded-For is a claim of the client and is not read; a proxy
in front must hand on the real address itself (PROXY protocol, or gunicorn's `forwarded_allow_ips`).
"""

from dataclasses import dataclass
from functools import cache
from ipaddress import IPv6Address, ip_address
from math import ceil

import redis
from django.conf import settings
from django.utils.crypto import salted_hmac


@dataclass(frozen=True)
class Limit:
    """At most `tries` in each window of `seconds`."""

    tries: int
    seconds: int


PER_EMAIL = (Limit(5, 60), Limit(20, 60 * 60))
PER_ADDRESS = (Limit(30, 60),)
# Three codes in a million are right at any moment: so few tries a day that guessing takes lifetimes.
PER_CODE = (Limit(5, 60), Limit(20, 60 * 60), Limit(60, 24 * 60 * 60))
# Of pages that a signed link opens: nobody reads so fast.
PER_ADDRESS_BY_LINK = Limit(60, 60)
PREFIX = "seatwise:sign-in"

# KEYS: counters. ARGV: for each its limit and window in seconds. Gives the milliseconds to wait, 0 when counted.
TAKE = """
local wait = 0
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[2 * i - 1]) then
    wait = math.max(wait, redis.call('PTTL', key), 1)
  end
end
if wait == 0 then
  for i, key in ipairs(KEYS) do
    if redis.call('INCR', key) == 1 then redis.call('EXPIRE', key, ARGV[2 * i]) end
  end
end
return wait
"""

# DECR alone would bring a counter back that has run out, without an end.
GIVE_BACK = """
for _, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') > 0 then redis.call('DECR', key) end
end
"""


class LimitsUnknown(Exception):
    """Valkey does not answer."""


@dataclass(frozen=True)
class Try:
    """One try that was counted."""

    counters: tuple[str, ...]

    def give_back(self) -> None:
        """The password or the code was right. That this fails costs the person a try, nothing else."""
        try:
            server().eval(GIVE_BACK, len(self.counters), *self.counters)
        except redis.RedisError:
            return


class TooManyTries(Exception):
    """Refused before the password or the code was looked at."""

    def __init__(self, wait: float) -> None:
        self.retry_after = max(1, ceil(wait))
        super().__init__(self.retry_after)


def take(*, email: str, address: str) -> Try:
    """
    Count a try for an e-mail and an address, whether or not anybody has that e-mail.

    :raises TooManyTries: nothing was counted
    :raises LimitsUnknown: nobody can tell
    """
    return _counted([("email", hidden(email), limit) for limit in PER_EMAIL], address)


def take_code(*, user_id: object, address: str) -> Try:
    """
    Count a try of a code, for a person and an address.

    :raises TooManyTries: nothing was counted
    :raises LimitsUnknown: nobody can tell
    """
    return _counted([("code", hidden(str(user_id)), limit) for limit in PER_CODE], address)


def _counted(limits: list[tuple[str, str, Limit]], address: str) -> Try:
    limits = limits + [("address", hidden(network(address)), limit) for limit in PER_ADDRESS]
    counters = tuple(f"{PREFIX}:{kind}:{whose}:{limit.seconds}" for kind, whose, limit in limits)
    numbers = [number for _kind, _whose, limit in limits for number in (limit.tries, limit.seconds)]
    try:
        wait = server().eval(TAKE, len(counters), *counters, *numbers)
    except redis.RedisError as error:
        raise LimitsUnknown from error
    if wait:
        raise TooManyTries(int(wait) / 1000)
    return Try(counters)


def take_link(*, address: str) -> None:
    """
    Count a page that was opened by a signed link. Where nobody can tell it opens: the signature is its wall.

    :raises TooManyTries: nothing was counted
    """
    limit = PER_ADDRESS_BY_LINK
    counter = f"{PREFIX}:link:{hidden(network(address))}:{limit.seconds}"
    try:
        wait = server().eval(TAKE, 1, counter, limit.tries, limit.seconds)
    except redis.RedisError:
        return
    if wait:
        raise TooManyTries(int(wait) / 1000)


def network(address: str) -> str:
    """An IPv6 connection counts as its /64: one household has as many addresses as it likes."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return parsed.exploded[:19] if isinstance(parsed, IPv6Address) else address


def hidden(name: str) -> str:
    """Nobody who reads the counters learns who tried."""
    return salted_hmac("seatwise.sign-in", name.lower(), algorithm="sha256").hexdigest()[:32]


@cache
def server() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2, retry=None)
