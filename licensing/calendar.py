"""
When terms begin and end. Pure: no Django, no clock.

A term is half open, [start, end), two moments. The nth boundary is computed from the anchor, never from the
boundary before, so that 31 January gives 28 February and then 31 March again.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MONTHS = {"P1M": 1, "P1Y": 12}


def boundary(anchor: datetime, zone: ZoneInfo, months: int) -> datetime:
    """
    The moment `months` after `anchor`, in UTC: the same wall-clock time in `zone`, on the anchor's day of the
    month or the last day of a shorter month.

    A time that the clock skips moves forward by the gap; a doubled one is the first of the two.
    """
    local = anchor.astimezone(zone)
    year, month0 = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, monthrange(year, month0 + 1)[1])
    return _moment(local.replace(year=year, month=month0 + 1, day=day), zone)


def term_end(anchor: datetime, zone: ZoneInfo, term: str, number: int = 1) -> datetime:
    """The end of the `number`th term (from 1) of length `term` (ISO 8601, P1M or P1Y)."""
    return boundary(anchor, zone, MONTHS[term] * number)


def next_term_end(anchor: datetime, zone: ZoneInfo, term: str, after: datetime) -> datetime:
    """The first boundary of terms from `anchor` that lies after a moment."""
    months = (after.year - anchor.year) * 12 + after.month - anchor.month
    # One term early: a zone may put both moments into other months than UTC does.
    number = max(months // MONTHS[term] - 1, 1)
    while (end := term_end(anchor, zone, term, number)) <= after:
        number += 1
    return end


def whole_term_start(anchor: datetime, zone: ZoneInfo, term: str, end: datetime) -> datetime:
    """Where a term of terms from `anchor` begins that ends at a moment: the last boundary before that."""
    number = ((end.year - anchor.year) * 12 + end.month - anchor.month) // MONTHS[term] + 1
    while (start := boundary(anchor, zone, MONTHS[term] * number)) >= end:
        number -= 1
    return start


def days_later(moment: datetime, zone: ZoneInfo, days: int) -> datetime:
    """The same wall-clock time `days` calendar days on, in UTC."""
    return _moment(moment.astimezone(zone) + timedelta(days=days), zone)


def day_begins(on: date, zone: ZoneInfo) -> datetime:
    """00:00 of a day, in UTC; the first moment after it where the clock skips midnight."""
    return _moment(datetime(on.year, on.month, on.day, tzinfo=zone), zone)


def _moment(local: datetime, zone: ZoneInfo) -> datetime:
    # fold=0 is the first of a doubled time; in a gap it takes the offset before the jump, so that the way
    # through UTC lands past the gap.
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)
