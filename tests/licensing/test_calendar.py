from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.calendar import MONTHS, boundary, days_later, term_end, whole_term_start

BERLIN = ZoneInfo("Europe/Berlin")
# Whole, half and quarter hours, both hemispheres, midnight jumps, a day that was left out (Apia 2011).
ZONES = [
    "UTC",
    "America/New_York",
    "America/Juneau",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
    "Pacific/Chatham",
]
zones = st.sampled_from(ZONES).map(ZoneInfo)
anchors = st.datetimes(datetime(2020, 1, 1), datetime(2035, 12, 31), timezones=st.just(UTC))


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def local(zone, *parts, fold=0):
    return datetime(*parts, tzinfo=zone, fold=fold).astimezone(UTC)


def last_day(year, month):
    return (datetime(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day


@pytest.mark.parametrize(
    "months, day",
    [
        (1, utc(2027, 2, 28)),
        (2, utc(2027, 3, 31)),
        (3, utc(2027, 4, 30)),
        (12, utc(2028, 1, 31)),
        (13, utc(2028, 2, 29)),
    ],
)
def test_month_ends_come_from_the_anchor_and_do_not_drift(months, day):
    assert boundary(utc(2027, 1, 31), ZoneInfo("UTC"), months) == day


def test_a_leap_day_is_kept_in_leap_years():
    ends = [term_end(utc(2028, 2, 29), ZoneInfo("UTC"), "P1Y", n) for n in (1, 2, 3, 4)]
    assert ends == [utc(2029, 2, 28), utc(2030, 2, 28), utc(2031, 2, 28), utc(2032, 2, 29)]


def test_the_clock_on_the_wall_stays_when_summer_comes():
    winter = local(BERLIN, 2026, 3, 10, 9)
    assert boundary(winter, BERLIN, 1) == local(BERLIN, 2026, 4, 10, 9)
    assert boundary(winter, BERLIN, 1) - winter == timedelta(days=31, hours=-1)


def test_a_time_that_the_clock_skips_moves_forward():
    # 29 March 2026, 02:00 to 03:00 does not exist in Berlin.
    assert boundary(local(BERLIN, 2026, 2, 28, 2, 30), BERLIN, 1) == local(BERLIN, 2026, 3, 28, 2, 30)
    assert boundary(local(BERLIN, 2026, 1, 29, 2, 30), BERLIN, 2) == local(BERLIN, 2026, 3, 29, 3, 30)


def test_a_doubled_time_is_the_first():
    # 25 October 2026, 02:00 to 03:00 happens twice in Berlin.
    assert boundary(local(BERLIN, 2026, 9, 25, 2, 30), BERLIN, 1) == utc(2026, 10, 25, 0, 30)


def test_an_anchor_in_the_second_of_doubled_times_keeps_its_wall_clock_later():
    second = utc(2026, 10, 25, 1, 30)
    assert boundary(second, BERLIN, 1) == local(BERLIN, 2026, 11, 25, 2, 30)


def test_the_tenants_day_counts_not_that_of_greenwich():
    # 31 January in Auckland is still 30 January in UTC.
    auckland = ZoneInfo("Pacific/Auckland")
    anchor = local(auckland, 2027, 1, 31, 8)
    assert anchor.day == 30
    assert boundary(anchor, auckland, 1) == local(auckland, 2027, 2, 28, 8)


@given(anchors, zones)
def test_sixty_months_rise_and_stand_on_the_anchors_day_or_the_last_one(anchor, zone):
    wall = anchor.astimezone(zone)
    ends = [boundary(anchor, zone, months) for months in range(1, 61)]
    assert all(a < b for a, b in zip([anchor, *ends], ends, strict=False))
    for months, end in enumerate(ends, start=1):
        year, month0 = divmod(wall.year * 12 + wall.month - 1 + months, 12)
        wanted = datetime(year, month0 + 1, min(wall.day, last_day(year, month0 + 1)), wall.hour, wall.minute)
        got = end.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0)
        skipped = datetime(*wanted.timetuple()[:5], tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
        assert got == skipped
        assert wanted <= got <= wanted + timedelta(hours=1)
        assert end.tzinfo is UTC


@given(anchors, zones)
def test_a_year_is_twelve_months(anchor, zone):
    assert term_end(anchor, zone, "P1Y") == boundary(anchor, zone, 12) == term_end(anchor, zone, "P1M", 12)
    assert MONTHS == {"P1M": 1, "P1Y": 12}


@given(anchors, zones, st.integers(1, 120))
def test_days_later_is_so_many_days_on_the_wall_calendar(anchor, zone, days):
    got = days_later(anchor, zone, days).astimezone(zone)
    gone = got.replace(tzinfo=None) - anchor.astimezone(zone).replace(tzinfo=None)
    assert timedelta(days=days) <= gone <= timedelta(days=days, hours=1)


def test_days_later_over_the_change_of_the_clock_keeps_the_hour():
    assert days_later(local(BERLIN, 2026, 3, 10, 9), BERLIN, 30) == local(BERLIN, 2026, 4, 9, 9)


@given(anchors, zones, st.sampled_from(sorted(MONTHS)), st.integers(1, 60))
def test_a_whole_term_begins_at_the_boundary_before_its_end(anchor, zone, term, number):
    assert whole_term_start(anchor, zone, term, term_end(anchor, zone, term, number)) == boundary(
        anchor, zone, MONTHS[term] * (number - 1)
    )
