"""Days and times as people write them, in the language of the page."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, pgettext

# Whoever was shown what would come of something has so long to confirm it, and then gets exactly that. After it prices,
# dates and people are looked at anew.
SHOWN_FOR = timedelta(minutes=15)


def day(moment: datetime, zone: ZoneInfo) -> str:
    """In a sentence, with the year when it is not this one: 31 March, 22 December 2026."""
    local = moment.astimezone(zone)
    this_year = local.year == timezone.now().astimezone(zone).year
    return date_format(local, pgettext("day of this year", "j F") if this_year else pgettext("day", "j F Y"))


def minute(moment: datetime, zone: ZoneInfo) -> str:
    """With its zone, where money hangs on it: 31 March, 14:05 CEST."""
    return f"{day(moment, zone)}, {date_format(moment.astimezone(zone), pgettext('time', 'H:i T'))}"


def listed_day(value: datetime | date | None) -> str:
    """In a list, in the zone in force, always with its year: rows of several years stand below each other."""
    if value is None:
        return ""
    local = timezone.localtime(value).date() if isinstance(value, datetime) else value
    return _listed(local, get_language())


# A list writes the same few days again and again.
@lru_cache(maxsize=4096)
def _listed(day: date, language: str | None) -> str:
    return date_format(day, pgettext("day in a list", "j M Y"))


def listed_minute(value: datetime | None) -> str:
    """With its zone, the one in force: 22 Nov 2026, 15:33 EST."""
    if value is None:
        return ""
    return f"{listed_day(value)}, {date_format(timezone.localtime(value), pgettext('time', 'H:i T'))}"
