"""
The tax numbers of organisations: whether one is well formed by the scheme of its country, and its canonical writing.

Nobody is asked whether a number is in use.
"""

import re
from typing import Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_countries import countries
from stdnum import exceptions, get_cc_module
from stdnum.eu import vat as eu_vat
from stdnum.util import clean

from tenants.refusal import BadInput

LONGEST = 40
# Where no scheme is known: nothing that could be taken for markup or a formula.
_PLAIN = re.compile(r"[A-Z0-9][A-Z0-9 ./-]*")

# The first that fits: a wrong length is a wrong format, too.
_FACTS: tuple[tuple[type[Exception], str, str | Promise], ...] = (
    (
        exceptions.InvalidLength,
        "length",
        _("Tax numbers of your country (%(country)s) have another length. A character is missing or too many."),
    ),
    (
        exceptions.InvalidFormat,
        "format",
        _("Tax numbers of your country (%(country)s) are written differently. Check the letters and digits."),
    ),
    (
        exceptions.InvalidChecksum,
        "check_digit",
        _("The check digits don't match: a character is wrong, or two have changed places. Type the number again."),
    ),
    (
        exceptions.ValidationError,
        "part",
        _("A part of this number does not exist in your country (%(country)s). Type the number again."),
    ),
)


class Scheme(Protocol):
    """A module of the library that knows the numbers of a country."""

    def validate(self, number: str) -> str: ...


class WrongTaxNumber(BadInput):
    """`field_code` is length, format, check_digit, part, prefix or character_not_allowed."""


def checked(number: str, country: str) -> str:
    """
    The canonical writing of a number of an organisation in `country`, ISO 3166-1 alpha-2.

    In the European Union it begins with the letters of the country, EL for Greece. A country of which no scheme is
    known takes any short code.

    :raises WrongTaxNumber: what is wrong, and how to mend it
    """
    if len(number) > LONGEST:
        raise _wrong("length", _("A tax number has at most %(longest)s characters."), country)
    scheme = _scheme(country)
    if scheme is None:
        return _plain(number, country)
    if _in_union(country) and not clean(number, " .-/").upper().startswith(_prefix(country)):
        said = _("Begin with %(prefix)s, the letters of your country. Only its own tax numbers can be used.")
        raise _wrong("prefix", said, country)
    try:
        return scheme.validate(number)
    except exceptions.ValidationError as error:
        code, fact = next((code, fact) for kind, code, fact in _FACTS if isinstance(error, kind))
        raise _wrong(code, fact, country) from error


def is_confirmed(number: str, country: str) -> bool:
    """Whether a scheme of the country confirms the number: its owner may then owe a tax in the seller's place."""
    if not number or _scheme(country) is None:
        return False
    try:
        checked(number, country)
    except WrongTaxNumber:
        return False
    return True


def _in_union(country: str) -> bool:
    return country.lower() in eu_vat.MEMBER_STATES


def _scheme(country: str) -> Scheme | None:
    return eu_vat if _in_union(country) else get_cc_module(country, "vat")


def _prefix(country: str) -> str:
    return "EL" if country == "GR" else country


def _plain(number: str, country: str) -> str:
    code = " ".join(number.upper().split())
    if not _PLAIN.fullmatch(code):
        said = _("Use letters from A to Z, digits, spaces, points, hyphens and slashes, a letter or digit first.")
        raise _wrong("character_not_allowed", said, country)
    return code


def _wrong(code: str, said: str | Promise, country: str) -> WrongTaxNumber:
    told = {"country": countries.name(country) or country, "prefix": _prefix(country), "longest": LONGEST}
    return WrongTaxNumber(str(said) % told, field="tax_number", code=code)
