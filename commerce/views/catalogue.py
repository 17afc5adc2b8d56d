"""The public catalogue: what there is, what it is for and what it costs in a country."""

from collections.abc import Mapping
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from commerce.forms import CountryForm
from commerce.models import Price
from commerce.operations.prices import FALLBACK_COUNTRY, prices_in
from commerce.views import wording
from licensing.models import Channel, Plan, Product
from policies.models import Market
from tenants.access import Actor
from tenants.signin.acting import actor_of_request


@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    by = actor_of_request(request)
    now = timezone.now()
    products = _ordered(list(Product.objects.with_plans()))
    if by is not None and by.tenant is not None:
        form, country, on = None, by.tenant.country, by.tenant.today(now)
    else:
        countries = list(Market.objects.order_by("name").values_list("country", "name").distinct())
        country = chosen_country(request, dict(countries))
        form, on = CountryForm(countries, initial={"country": country}), now.date()
    plans = [plan for product in products for plan in product.plans.all()]
    prices = prices_in(country, plans, channel=Channel.SELF_SERVICE, on=on)
    families = [
        {"name": family.name, "slug": family.slug, "products": [_shown(product, prices) for product in group]}
        for family, group in groupby(products, key=lambda product: product.family)
    ]
    return render(request, "commerce/catalogue.html", {"form": form, "families": families})


def chosen_country(request: HttpRequest, known: Mapping[str, str]) -> str:
    """The one asked for, else the region of the browser's language, else the US."""
    asked = request.GET.get("country", "").upper()
    if asked in known:
        return asked
    for language in request.headers.get("Accept-Language", "").split(","):
        _language, _dash, region = language.partition(";")[0].strip().rpartition("-")
        if region.upper() in known:
            return region.upper()
    return FALLBACK_COUNTRY


def country_of(request: HttpRequest, by: Actor | None) -> str:
    """Whose list prices somebody sees before anything is known about the purchase."""
    if by is not None and by.tenant is not None:
        return by.tenant.country
    return chosen_country(request, dict(Market.objects.values_list("country", "name")))


def _ordered(products: list[Product]) -> list[Product]:
    """By family; what one can buy comes first."""
    buyable = {product.family_id for product in products if product.self_service}
    return sorted(
        products,
        key=lambda p: (p.family_id not in buyable, p.family.name, p.family_id, not p.self_service, p.name),
    )


def _shown(product: Product, prices: Mapping[str, Price]) -> dict[str, object]:
    plans = [plan for plan in product.plans.all() if plan.pk in prices] if product.self_service else []
    return {
        "name": product.name,
        "slug": product.slug,
        "summary": product.summary,
        "links": wording.links_of(product),
        "offers": [_offer(plan, prices[plan.pk]) for plan in plans],
        "why_not": _("Has no price in this country yet.")
        if product.self_service
        else _("Only your organisation can buy this. Ask your IT."),
    }


def _offer(plan: Plan, price: Price) -> dict[str, object]:
    return {
        "plan": plan.pk,
        "amount": price.amount,
        "currency": price.currency,
        "per": wording.per_term(plan),
        "action": wording.buy_term(plan),
    }
