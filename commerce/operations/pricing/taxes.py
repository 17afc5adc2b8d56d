"""How a charge is taxed, and who bills it. Asked once for each quote, which keeps the answer."""

from collections.abc import Iterable, Sequence
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
    terms = _terms(tenant, rate, from_abroad=seller.country != tenant.country)
    return replace(terms, seller_id=seller.pk)


def terms_of_each(asked: Sequence[tuple[Tenant, datetime]]) -> list[TaxTerms]:
    """As `terms_for`, of many, each at a moment of its own; queries are by country, not by how many are asked."""
    countries = {tenant.country for tenant, _at in asked}
    rates = list(TaxRate.objects.filter(country__in=countries).order_by("-valid_from"))
    # Who bills is asked only where that decides; the answers do not say it.
    reversible = {rate.country for rate in rates if rate.reverse_charge}
    abroad = {country: seller_for(country).country != country for country in reversible}
    return [
        _terms(tenant, _in_force(rates, tenant, at), from_abroad=abroad.get(tenant.country, False))
        for tenant, at in asked
    ]


def _in_force(rates: Iterable[TaxRate], tenant: Tenant, at: datetime) -> TaxRate | None:
    """The newest first."""
    today = tenant.today(at)
    return next((rate for rate in rates if rate.country == tenant.country and rate.valid_from <= today), None)


def _terms(tenant: Tenant, rate: TaxRate | None, *, from_abroad: bool) -> TaxTerms:
    if rate is None:
        return NO_TAX
    if rate.reverse_charge and _has_number(tenant) and from_abroad:
        return TaxTerms(name=rate.name, reverse_charge=True)
    return rate.terms


def list_terms(country: str, on: date) -> TaxTerms:
    """How purchases in a country are taxed, of an organisation of which nothing else is known."""
    rate = TaxRate.objects.in_force(country, on).first()
    return rate.terms if rate else NO_TAX


def _has_number(tenant: Tenant) -> bool:
    return tax_numbers.is_confirmed(tenant.tax_number, tenant.country)
