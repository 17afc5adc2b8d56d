"""Money and days as people write them, in the language of the page."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.numbers import format_currency
from django import template
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import pgettext

register = template.Library()


def _locale() -> str:
    return translation.to_locale(translation.get_language() or "en")


@register.filter
def money(amount: Decimal, currency: str) -> str:
    """An amount with its currency: $19.98."""
    return format_currency(amount, currency, locale=_locale())


@register.filter
def figures(amount: Decimal, currency: str) -> str:
    """An amount without its currency, for all but one place of a table: 19.98."""
    return format_currency(amount, currency, format="#,##0.00", locale=_locale(), currency_digits=True)


@register.filter
def day(moment: datetime, zone: ZoneInfo) -> str:
    """A date in a zone, with the year when it is not this one: 31 March, 22 December 2026."""
    local = moment.astimezone(zone)
    this_year = local.year == timezone.now().astimezone(zone).year
    return date_format(local, pgettext("day of this year", "j F") if this_year else pgettext("day", "j F Y"))


@register.filter
def minute(moment: datetime, zone: ZoneInfo) -> str:
    """A date and time with its zone, where money hangs on it: 31 March, 14:05 CEST."""
    return f"{day(moment, zone)}, {date_format(moment.astimezone(zone), pgettext('time', 'H:i T'))}"
