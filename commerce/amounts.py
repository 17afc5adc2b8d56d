"""Money as people write it, in the language in force."""

import re
from decimal import Decimal

from babel.numbers import format_currency
from django.utils import translation

# Where a currency has no sign but its code, Babel writes it without the space that the language wants.
LETTER_BESIDE_FIGURE = re.compile(r"(?<=[^\W\d_])(?=\d)")


def _locale() -> str:
    return translation.to_locale(translation.get_language() or "en")


def money(amount: Decimal, currency: str) -> str:
    """An amount with its currency: $19.98, SEK 99.00."""
    return LETTER_BESIDE_FIGURE.sub("\N{NO-BREAK SPACE}", format_currency(amount, currency, locale=_locale()))


def figures(amount: Decimal, currency: str) -> str:
    """An amount without its currency, for all but one place of a table: 19.98."""
    return format_currency(amount, currency, format="#,##0.00", locale=_locale(), currency_digits=True)
