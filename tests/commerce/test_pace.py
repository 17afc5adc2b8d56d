"""How fast all processes together charge, by the broker that they share, and each alone without it."""

import subprocess
import sys
import time

import pytest
import redis

from commerce.gateways.pace import Pace
from config.environment import BASE_DIR
from tests.faults.addresses import broker_database

PER_SECOND, EACH = 25, 40
# It says when it begins and when each call was let through.
PROCESS = """
import sys, time
from commerce.gateways.pace import Pace
pace = Pace(per_second=int(sys.argv[1]), url=sys.argv[2], name="shared")
for _ in range(int(sys.argv[3])):
    pace()
    print(time.time(), flush=True)
"""


@pytest.fixture
def broker():
    url = broker_database(9)
    redis.Redis.from_url(url).flushdb()
    return url


def start(url):
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(PER_SECOND), url, str(EACH)],
        cwd=BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )


def most_in_a_second(moments):
    moments = sorted(moments)
    return max(sum(begin <= moment < begin + 1 for moment in moments) for begin in moments)


def test_two_processes_share_what_the_provider_allows(broker):
    running = [start(broker), start(broker)]
    told = [[float(line) for line in process.communicate(timeout=60)[0].splitlines()] for process in running]
    assert [len(moments) for moments in told] == [EACH, EACH]
    together = sorted(told[0] + told[1])
    # What is let through is written down a little later, and by then another second may have begun.
    assert most_in_a_second(together) <= PER_SECOND + 3
    assert together[-1] - together[0] >= 2 * EACH / PER_SECOND - 1 - 0.2


def test_another_provider_has_its_own(broker):
    one, other = (Pace(per_second=5, url=broker, name=name) for name in ("one", "other"))
    began = time.monotonic()
    for _ in range(5):
        one()
        other()
    assert time.monotonic() - began < 0.9
    one()
    assert time.monotonic() - began >= 0.9


def test_without_a_broker_a_process_keeps_its_own_count():
    pace = Pace(per_second=5, url="unix:///nowhere/valkey.sock", name="alone")
    began = time.monotonic()
    for _ in range(6):
        pace()
    assert 0.9 <= time.monotonic() - began < 10
