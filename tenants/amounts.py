"""Money as people write it, in the language in force."""

import re
from decimal import Decimal
from functools import lru_cache

from babel.numbers import format_currency
from django.utils import translation

# Where a currency has no sign but its code, Babel writes it without the space that the language wants.
LETTER_BESIDE_FIGURE = re.compile(r"(?<=[^\W\d_])(?=\d)")


def money(amount: Decimal, currency: str) -> str:
    """An amount with its currency: $19.98, SEK 99.00."""
    return _money(amount, currency, locale())


# A list writes the same few prices again and again.
@lru_cache(maxsize=4096)
def _money(amount: Decimal, currency: str, locale: str) -> str:
    return LETTER_BESIDE_FIGURE.sub("\N{NO-BREAK SPACE}", format_currency(amount, currency, locale=locale))


def locale() -> str:
    """The language in force as Babel calls it."""
    return translation.to_locale(translation.get_language() or "en")
