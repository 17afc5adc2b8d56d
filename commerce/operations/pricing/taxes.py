"""How a charge is taxed, and who bills it. Asked once for each quote, which keeps the answer."""

from dataclasses import replace
from datetime import date, datetime

from commerce.models import TaxRate
from commerce.operations.billing.sellers import seller_for
from commerce.tax import NO_TAX, TaxTerms
from tenants.directory import tax_numbers
from tenants.directory.models import Tenant


def terms_for(*, tenant: Tenant, at: datetime) -> TaxTerms:
    """
    By the rate in force in the tenant's country on its own date; where none is, nothing is taxed. With the seller of
    that country: who bills is fixed together with the tax, which depends on where the seller sits.

    Reverse charge: the rate allows it, whoever bills that country sits in another one, and the tenant's number is one
    of its own country. Then nothing is taxed either, and whoever reads the invoice is told so.
    """
    rate = TaxRate.objects.in_force(tenant.country, tenant.today(at)).first()
    seller = seller_for(tenant.country)
    if rate is None:
        terms = NO_TAX
    elif rate.reverse_charge and _has_number(tenant) and seller.country != tenant.country:
        terms = TaxTerms(name=rate.name, reverse_charge=True)
    else:
        terms = rate.terms
    return replace(terms, seller_id=seller.pk)


def list_terms(country: str, on: date) -> TaxTerms:
    """How purchases in a country are taxed, of an organisation of which nothing else is known."""
    rate = TaxRate.objects.in_force(country, on).first()
    return rate.terms if rate else NO_TAX


def _has_number(tenant: Tenant) -> bool:
    return tax_numbers.is_confirmed(tenant.tax_number, tenant.country)
