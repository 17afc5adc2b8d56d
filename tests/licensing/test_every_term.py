"""Terms over years, in zones whose clocks do everything that clocks have done."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from licensing.calendar import MONTHS, day_begins, next_term_end, term_end

ZONES = [
    "UTC",
    "America/Los_Angeles",
    "America/New_York",
    "America/Havana",
    "America/Asuncion",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Australia/Eucla",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
]
PERIODS = 60
ANCHORS = 10_000
# The clock may be put forward by so much at once: Apia left out a whole day.
LARGEST_JUMP = timedelta(days=1)


def anchors(seed, count):
    """Moments of 2005 to 2044, many of them at the ends of months, on leap days and around changes of the clock."""
    chance = Random(seed)
    for _ in range(count):
        zone = ZoneInfo(chance.choice(ZONES))
        kind = chance.random()
        year, month = chance.randint(2005, 2044), chance.randint(1, 12)
        day = chance.randint(1, monthrange(year, month)[1])
        if kind < 0.3:
            day = monthrange(year, month)[1]
        elif kind < 0.4:
            year, month, day = chance.choice(range(2008, 2045, 4)), 2, 29
        hour = chance.choice([0, 1, 2, 3, chance.randint(0, 23)])
        moment = datetime(year, month, day, hour, chance.randint(0, 59), chance.randint(0, 59), tzinfo=zone)
        yield moment.astimezone(UTC), zone, chance.choice(["P1M", "P1Y"])


def is_as_it_should_be(anchor, zone, term):
    wanted, before = anchor.astimezone(zone), anchor
    for number in range(1, PERIODS + 1):
        end = term_end(anchor, zone, term, number)
        assert end > before, "strictly increasing"
        assert next_term_end(anchor, zone, term, before) == end, "none skipped, none doubled"
        month = wanted.year * 12 + wanted.month - 1 + MONTHS[term] * number
        year, month = month // 12, month % 12 + 1
        day = min(wanted.day, monthrange(year, month)[1])
        local = end.astimezone(zone)
        said = datetime(year, month, day, wanted.hour, wanted.minute, wanted.second, wanted.microsecond)
        late = local.replace(tzinfo=None) - said
        # On its day and at its time, but for what the clock skips: that moves forward by the gap.
        assert timedelta() <= late <= LARGEST_JUMP
        if late:
            assert (
                datetime.fromisoformat(said.isoformat())
                .replace(tzinfo=zone)
                .astimezone(UTC)
                .astimezone(zone)
                .replace(tzinfo=None)
                != said
            ), "only a time that was not there moves"
        else:
            assert local.fold == 0, "a doubled time is the first"
        due = day_begins(end.astimezone(zone).date(), zone)
        assert due <= end < due + timedelta(hours=27)
        assert due.astimezone(zone).date() == local.date()
        assert (due - timedelta(seconds=1)).astimezone(zone).date() < local.date(), "not before its day"
        before = end


@pytest.mark.parametrize("seed", range(10))
def test_ten_thousand_anchors_over_sixty_terms(seed):
    for anchor, zone, term in anchors(seed, ANCHORS // 10):
        is_as_it_should_be(anchor, zone, term)


def test_the_day_that_apia_left_out_moves_to_the_next():
    zone = ZoneInfo("Pacific/Apia")
    anchor = datetime(2011, 11, 30, 9, tzinfo=zone).astimezone(UTC)
    first, second = term_end(anchor, zone, "P1M"), term_end(anchor, zone, "P1M", 2)
    assert first.astimezone(zone).isoformat() == "2011-12-31T09:00:00+14:00"
    assert second.astimezone(zone).isoformat() == "2012-01-30T09:00:00+14:00"
    assert day_begins(first.astimezone(zone).date(), zone).astimezone(zone).isoformat() == "2011-12-31T00:00:00+14:00"


@pytest.mark.parametrize(
    "zone, day, begins",
    [
        ("America/Los_Angeles", (2026, 3, 8), "2026-03-08T00:00:00-08:00"),
        ("Pacific/Auckland", (2026, 4, 5), "2026-04-05T00:00:00+13:00"),
        # The clock goes from 23:59 to 01:00.
        ("America/Asuncion", (2023, 10, 1), "2023-10-01T01:00:00-03:00"),
        # From 01:00 back to 00:00: the first of two midnights.
        ("America/Havana", (2026, 11, 1), "2026-11-01T00:00:00-04:00"),
    ],
)
def test_a_day_begins_at_its_first_moment(zone, day, begins):
    there = ZoneInfo(zone)
    assert day_begins(datetime(*day, tzinfo=there).date(), there).astimezone(there).isoformat() == begins
