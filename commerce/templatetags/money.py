"""Money and days as people write them, in the language of the page."""

from datetime import date, datetime
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
def day(moment: datetime | date, zone: ZoneInfo | None = None) -> str:
    """A date, with the year when it is not this one: 31 March, 22 December 2026."""
    now = timezone.now()
    if isinstance(moment, datetime):
        zone = zone or timezone.get_current_timezone()  # type: ignore[assignment]
        moment, now = moment.astimezone(zone), now.astimezone(zone)
    this_year = moment.year == now.year
    return date_format(moment, pgettext("day of this year", "j F") if this_year else pgettext("day", "j F Y"))
