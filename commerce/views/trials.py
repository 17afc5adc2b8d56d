"""The page that says what a trial is, and its one button."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commerce.forms import TrialForm
from commerce.operations.buying import free_seats, trials
from commerce.operations.pricing.prices import NotPriced
from commerce.views import wording
from commerce.views.buying import refusal, refused
from commerce.views.people import for_members
from licensing.calendar import days_later
from licensing.models import Plan
from policies import eligibility
from policies.eligibility import PurchaseRefused
from tenants.access import Actor


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def start(request: HttpRequest, by: Actor, plan_id: str) -> HttpResponse:
    plan, now = get_object_or_404(Plan.objects.select_related("product__family"), pk=plan_id), timezone.now()
    answer = eligibility.decide(by.home, plan.product, trial=True, at=now)
    if not answer.allowed or plan.product.trial_days is None:
        return refused(request, PurchaseRefused(answer), plan, by)
    form = TrialForm(plan.product, request.POST or None, initial={"quantity": 1})
    if request.method != "POST" or not form.is_valid():
        return _ask(request, plan, form, by)
    try:
        checkout = trials.start_trial(plan=plan, quantity=form.cleaned_data["quantity"], by=by, at=now)
    except PurchaseRefused as refusal_:
        return refused(request, refusal_, plan, by)
    except NotPriced as unpriced:
        return refusal(request, reasons=[str(unpriced)], plan=plan, by=by, status=unpriced.http_status)
    messages.success(request, _("Your trial has begun. Nothing is charged, and it ends by itself."))
    return redirect("my-subscription", subscription_id=checkout.trial_id)


def _ask(request: HttpRequest, plan: Plan, form: TrialForm, by: Actor) -> HttpResponse:
    tenant = by.home.tenant
    context = {
        "plan": plan,
        "product": plan.product,
        "tenant": tenant,
        "form": form,
        "ends_at": days_later(timezone.now(), tenant.zone, plan.product.trial_days or 0),
        "zone": tenant.zone,
        "free": free_seats.offered(product=plan.product, member=by.home),
        "links": wording.links_of(plan.product),
    }
    return render(request, "commerce/trial.html", context, status=400 if form.errors else 200)
