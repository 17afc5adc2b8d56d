"""Money, time and tax as people write them, in the language in force."""

from datetime import timedelta
from decimal import Decimal

from babel.numbers import format_currency, format_decimal, format_percent
from django.utils.translation import gettext as _

from commerce.tax import Taxed, TaxTerms
from tenants.amounts import locale
from tenants.amounts import money as money


def figures(amount: Decimal, currency: str) -> str:
    """An amount without its currency, for all but one place of a table: 19.98."""
    return format_currency(amount, currency, format="#,##0.00", locale=locale(), currency_digits=True)


def days(span: timedelta) -> str:
    """In days, to the hundredth: 16.25."""
    return format_decimal(Decimal(span.total_seconds()) / 86_400, format="#,##0.##", locale=locale())


def percent(rate: Decimal) -> str:
    """19%, 25.5%: as exact as the rate is."""
    return format_percent(rate, locale=locale(), decimal_quantization=False)


def tax_name(charge: Taxed) -> str:
    """The tax of a checkout, an order or an invoice by its name and rate: VAT 19%."""
    return _named(charge.tax_name, charge.tax_rate) if charge.tax_name else _("Tax")


def tax_label(charge: Taxed) -> str:
    """As `tax_name`, below lines that may hold the tax already: Includes VAT 19%."""
    return _("Includes %(tax)s") % {"tax": tax_name(charge)} if charge.tax_inclusive else tax_name(charge)


def tax_note(charge: Taxed) -> str:
    """Why there is no tax where one would be expected; else nothing."""
    if not charge.reverse_charge:
        return ""
    return _("Reverse charge: the organisation that buys owes the tax (%(name)s) itself.") % {"name": charge.tax_name}


def price_note(terms: TaxTerms) -> str:
    """What a list of prices says of tax: whether it comes on top; nothing where there is none."""
    if not terms.rate:
        return ""
    tax = _named(terms.name, terms.rate)
    return (_("Prices include %(tax)s.") if terms.inclusive else _("Prices without %(tax)s.")) % {"tax": tax}


def _named(name: str, rate: Decimal) -> str:
    return _("%(name)s %(rate)s") % {"name": name, "rate": percent(rate)}
