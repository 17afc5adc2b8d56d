"""The way to a checkout: an address first, then the price, or the reason why not."""

from urllib.parse import quote, urlencode

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from commerce.forms.catalogue import EmailForm
from commerce.forms.quantities import QuantityForm
from commerce.models import Checkout
from commerce.operations.buying import checkouts, free_seats
from commerce.operations.buying.ordering import ApprovedOnlyInACheckout
from commerce.operations.pricing.prices import NotPriced, prices_in
from commerce.operations.pricing.taxes import list_terms
from commerce.tax import split
from commerce.views import wording
from commerce.views.catalogue import country_of
from commerce.views.people import require_membership
from licensing.models import Channel, Plan, Solution
from policies.eligibility import Answer, PurchaseRefused, contact_of
from policies.explanation import explain
from policies.models import Market
from policies.models.decision import Outcome
from policies.operations import requests
from tenants.access import Actor, Right
from tenants.directory.models import Domain
from tenants.signin.acting import actor_of_request
from tenants.signin.views import TYPED_ADDRESS


@require_http_methods(["GET", "HEAD", "POST"])
def buy(request: HttpRequest, plan_id: str) -> HttpResponse:
    plan = get_object_or_404(Plan.objects.select_related("product__family"), pk=plan_id)
    by = actor_of_request(request)
    if by is None:
        return _ask_address(request, plan)
    require_membership(by)
    if request.method == "HEAD":
        return HttpResponse()  # Whoever only looks whether the link works opens no checkout.
    return _open(request, plan, by)


def buy_url(plan: Plan, quantity: int) -> str:
    """The link that leads to a purchase and survives sign-in."""
    return f"{reverse('buy', kwargs={'plan_id': plan.pk})}?{urlencode({'quantity': quantity})}"


def refusal(
    request: HttpRequest,
    *,
    reasons: list[str],
    plan: Plan,
    by: Actor,
    status: int,
    answer: Answer | None = None,
    anew: str = "",
) -> HttpResponse:
    """The page that says no: what, why, and what one can do now; `anew` leads to a new checkout."""
    tenant = by.home.tenant
    contact = contact_of(tenant)
    if contact["email"]:
        contact["mailto"] = (
            f"mailto:{quote(contact['email'], safe='@')}?{urlencode({'subject': plan.product.name}, quote_via=quote)}"
        )
    if not contact["url"].startswith(("https://", "http://")):
        contact["url"] = ""
    context = {
        "reasons": reasons,
        # Who set a value is for those who may read policies.
        "why": explain(answer, in_full=by.may(Right.READ_POLICY)).lines if answer else (),
        "anew": anew,
        "contact": contact,
        "tenant": tenant,
        "plan": plan,
        "product": plan.product,
        "trial": answer is not None and answer.outcome == Outcome.TRIAL_ONLY,
        "free": free_seats.offered(product=plan.product, member=by.home),
        "process": requests.own_process(tenant),
        "may_ask": not by.home.is_guest,
        "to_ask_for": free_seats.to_ask_for(product=plan.product, member=by.home),
        "after_switch": request.get_full_path(),
    }
    return render(request, "commerce/refusal.html", context, status=status)


def refused(request: HttpRequest, refusal_: PurchaseRefused, plan: Plan, by: Actor) -> HttpResponse:
    reasons = [reason["detail"] for reason in refusal_.answer.reasons]
    if isinstance(refusal_, ApprovedOnlyInACheckout):
        reasons.append(str(refusal_))
    anew = buy_url(plan, plan.min_quantity) if isinstance(refusal_, ApprovedOnlyInACheckout) else ""
    return refusal(
        request, reasons=reasons, plan=plan, by=by, status=refusal_.http_status, answer=refusal_.answer, anew=anew
    )


def _open(request: HttpRequest, plan: Plan, by: Actor) -> HttpResponse:
    form = QuantityForm(plan, _typed_quantity(request, plan))
    quantity = form.cleaned_data["quantity"] if form.is_valid() else plan.min_quantity
    try:
        checkout = checkouts.resume_or_open_checkout(plan=plan, quantity=quantity, by=by, at=by.now())
    except PurchaseRefused as refusal_:
        return refused(request, refusal_, plan, by)
    except NotPriced as unpriced:
        return refusal(request, reasons=[str(unpriced)], plan=plan, by=by, status=unpriced.http_status)
    url = reverse("checkout", kwargs={"checkout_id": checkout.pk})
    # What was typed stays in the address, so that the page says at the field what is wrong with it.
    return redirect(f"{url}?{urlencode(form.data)}" if form.errors else url)


def _ask_address(request: HttpRequest, plan: Plan) -> HttpResponse:
    form = EmailForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _led_by(request, form.cleaned_data["email"])
    quantities = QuantityForm(plan, _typed_quantity(request, plan))
    quantity = quantities.cleaned_data["quantity"] if quantities.is_valid() else plan.min_quantity
    context = {
        "plan": plan,
        "form": form,
        "links": wording.links_of(plan.product),
        "solutions": Solution.objects.shown_beside(plan.product),
        **_list_price(request, plan, quantity),
    }
    return render(request, "commerce/buy_email.html", context, status=400 if form.errors else 200)


def _led_by(request: HttpRequest, email: str) -> HttpResponse:
    """The domain decides, never the person: a stranger learns nothing about who exists."""
    domain = email.rpartition("@")[2]
    if not Domain.objects.leading_to_buyers().filter(name=domain).exists():
        return render(request, "commerce/contact.html", {"email": email, "retry_url": request.get_full_path()})
    request.session[TYPED_ADDRESS] = email
    return redirect_to_login(request.get_full_path())


def _list_price(request: HttpRequest, plan: Plan, quantity: int) -> dict[str, object]:
    country = country_of(request, None)
    on = timezone.now().date()
    price = prices_in(country, [plan], channel=Channel.SELF_SERVICE, on=on).get(plan.pk)
    if price is None or not plan.product.self_service:
        return {}
    market = Market.objects.filter(country=country).first()
    terms = list_terms(country, on)
    net, tax = split(price.amount * quantity, terms, price.currency)
    # Of nobody, and kept nowhere.
    quote = Checkout(
        plan=plan,
        quantity=quantity,
        unit_price=price.amount,
        currency=price.currency,
        subtotal=net,
        tax=tax,
        total=net + tax,
        **terms.fields,
    )
    return {
        "lines": wording.checkout_lines(quote),
        "quote": quote,
        "country_name": market.name if market else country,
    }


def _typed_quantity(request: HttpRequest, plan: Plan) -> dict[str, str]:
    return {"quantity": request.GET.get("quantity") or str(plan.min_quantity)}
