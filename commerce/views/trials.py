"""The page that says what a trial is, and its one button."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commerce.forms.quantities import TrialForm
from commerce.operations.buying import checkouts, free_seats, trials
from commerce.operations.pricing.prices import NotPriced
from commerce.views import governing, wording
from commerce.views.buying import refusal, refused
from commerce.views.people import NOTHING_CHARGED, for_members, sent_from
from licensing.calendar import days_later
from licensing.models import Plan
from policies import eligibility
from policies.eligibility import PurchaseRefused
from policies.operations import access, acknowledgements
from tenants.access import Actor
from tenants.refusal import BadInput


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def start(request: HttpRequest, by: Actor, plan_id: str) -> HttpResponse:
    plan, now = get_object_or_404(Plan.objects.select_related("product__family"), pk=plan_id), by.now()
    answer = eligibility.decide(by.home, plan.product, trial=True, at=now)
    if not answer.allowed or plan.product.trial_days is None:
        return refused(request, PurchaseRefused(answer), plan, by)
    form = TrialForm(plan.product, request.POST or None, initial={"quantity": 1})
    governing.ask_to_read(form, acknowledgements.wanted(member=by.home, product=plan.product))
    if request.method != "POST" or not form.is_valid():
        return _ask(request, plan, form, by)
    try:
        checkout = trials.start_trial(
            plan=plan, quantity=form.cleaned_data["quantity"], acknowledge=governing.read_in(form), by=by, at=now
        )
    except PurchaseRefused as refusal_:
        return refused(request, refusal_, plan, by)
    except NotPriced as unpriced:
        return refusal(request, reasons=[str(unpriced)], plan=plan, by=by, status=unpriced.http_status)
    except BadInput as refusal_:
        form.add_error(None, str(refusal_))  # changed in this very moment
        return _ask(request, plan, form, by)
    messages.success(request, _("Your trial has begun. Nothing is charged, and it ends by itself."))
    return redirect("my-subscription", subscription_id=checkout.trial_id)


@sent_from("buy-trial", signed_out=NOTHING_CHARGED)
def with_card(request: HttpRequest, by: Actor, plan_id: str) -> HttpResponse:
    """From the page of a purchase to that of the same with a trial before it, where the card is asked for."""
    plan = get_object_or_404(Plan.objects.select_related("product__family"), pk=plan_id)
    form = TrialForm(plan.product, request.POST)
    if not form.is_valid():
        return redirect("buy", plan_id=plan.pk)
    try:
        checkout = checkouts.open_checkout(
            plan=plan, quantity=form.cleaned_data["quantity"], with_trial=True, by=by, at=by.now()
        )
    except PurchaseRefused as refusal_:
        return refused(request, refusal_, plan, by)
    except NotPriced as unpriced:
        return refusal(request, reasons=[str(unpriced)], plan=plan, by=by, status=unpriced.http_status)
    return redirect("checkout", checkout_id=checkout.pk)


def _ask(request: HttpRequest, plan: Plan, form: TrialForm, by: Actor) -> HttpResponse:
    tenant = by.home.tenant
    context = {
        "plan": plan,
        "product": plan.product,
        "tenant": tenant,
        "form": form,
        "ends_at": days_later(by.now(), tenant.zone, plan.product.trial_days or 0),
        "zone": tenant.zone,
        "free": free_seats.offered(product=plan.product, member=by.home),
        "links": wording.links_of(plan.product),
        **governing.of_user(by.home, plan.product, access.NO_ACCESS_TRIAL),
    }
    return render(request, "commerce/trial.html", context, status=400 if form.errors else 200)
