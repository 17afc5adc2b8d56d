"""The public catalogue: what there is, what it is for and what it costs in a country."""

import re
from collections.abc import Mapping
from datetime import datetime
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from commerce.amounts import price_note
from commerce.forms.catalogue import CountryForm
from commerce.models import Price
from commerce.operations.pricing.prices import FALLBACK_COUNTRY, prices_in
from commerce.operations.pricing.taxes import list_terms, terms_for
from commerce.views import wording
from licensing.models import Channel, Plan, Product
from policies.eligibility import Answer, closed_by, decide_all
from policies.models import Market
from tenants import clock
from tenants.access import Actor
from tenants.signin.acting import actor_of_request

# Of a language tag such as sv-SE, zh-Hant-TW, zh-yue-HK: never the language itself (sv is not El Salvador).
REGION = re.compile(r"[a-z]{2,8}(?:-[a-z]{3})*(?:-[a-z]{4})?-([a-z]{2})(?![a-z0-9])", re.IGNORECASE | re.ASCII)


@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    by = actor_of_request(request)
    now = clock.now(by.tenant if by else None)
    products = _ordered(list(Product.objects.with_plans()))
    if by is not None and by.tenant is not None:
        form, country, on = None, by.tenant.country, by.tenant.today(now)
        terms = terms_for(tenant=by.tenant, at=now)
    else:
        countries = list(Market.objects.order_by("name").values_list("country", "name").distinct())
        country = chosen_country(request, dict(countries))
        form, on = CountryForm(countries, initial={"country": country}), now.date()
        terms = list_terms(country, on)
    plans = [plan for product in products for plan in product.plans.all()]
    prices = prices_in(country, plans, channel=Channel.SELF_SERVICE, on=on)
    answers = _decided(by, products, now)
    closed = closed_by(answers.values())
    families = [
        {
            "name": family.name,
            "slug": family.slug,
            "products": [_shown(product, prices, answers.get(product.pk), closed=bool(closed)) for product in group],
        }
        for family, group in groupby(products, key=lambda product: product.family)
    ]
    context = {"form": form, "families": families, "closed": closed, "price_note": price_note(terms)}
    return render(request, "commerce/catalogue.html", context)


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Where browsers look that read no page, or one of the API."""
    return redirect(static("favicon.svg"))


def chosen_country(request: HttpRequest, known: Mapping[str, str]) -> str:
    """The one asked for, else the region of the browser's language, else the US."""
    asked = request.GET.get("country", "").upper()
    if asked in known:
        return asked
    for language in request.headers.get("Accept-Language", "").split(","):
        found = REGION.match(language.strip())
        if found and found[1].upper() in known:
            return found[1].upper()
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


def _decided(by: Actor | None, products: list[Product], at: datetime) -> dict[str, Answer]:
    """What the person may buy; nothing is known of strangers and operators."""
    return decide_all(by.home, products, at=at) if by is not None and by.membership is not None else {}


def _shown(product: Product, prices: Mapping[str, Price], answer: Answer | None, *, closed: bool) -> dict[str, object]:
    plans = [plan for plan in product.plans.all() if plan.pk in prices] if product.self_service else []
    may = answer is None or answer.allowed or answer.needs_approval
    return {
        "name": product.name,
        "slug": product.slug,
        "summary": product.summary,
        "links": wording.links_of(product),
        "offers": [_offer(plan, prices[plan.pk], may=may) for plan in plans],
        "why_not": _why_not(product, plans, answer, closed=closed),
        "trial": _trial(product, plans, answer),
    }


def _trial(product: Product, plans: list[Plan], answer: Answer | None) -> dict[str, object] | None:
    """A trial without a card, where one may be had; strangers are asked who they are first."""
    offered = answer.offers_trial if answer is not None else product.trial_days is not None
    if not offered or not plans:
        return None
    return {"plan": plans[0].pk, "days": product.trial_days, "seats": product.trial_seats}


def _why_not(product: Product, plans: list[Plan], answer: Answer | None, *, closed: bool) -> str:
    """Why there is no button, in a sentence; what keeps a whole organisation from buying stands on top of the page."""
    if not product.self_service:
        return _("Only your organisation can buy this. Ask your IT.")
    if answer is not None and answer.needs_approval:
        return answer.reasons[0]["detail"]
    if answer is not None and not answer.allowed:
        if closed:
            return _("You can't buy this yourself.")
        return _("You can't buy this yourself: %(reason)s") % {"reason": answer.reasons[0]["detail"]}
    return "" if plans else _("Has no price in this country yet.")


def _offer(plan: Plan, price: Price, *, may: bool) -> dict[str, object]:
    return {
        "plan": plan.pk,
        "amount": price.amount,
        "currency": price.currency,
        "per": wording.per_term(plan),
        "may": may,
        "action": wording.buy_term(plan),
    }
