"""The sandbox bank's page, where a cardholder approves or declines. It exists only while the sandbox is in use."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commerce import gateways
from commerce.gateways.sandbox import SandboxGateway
from commerce.gateways.sandbox.cards import DB
from commerce.models import CardSetup, CardSetupState, Payment, PaymentState, SandboxCharge, SandboxSetup
from commerce.views.people import for_members
from tenants.access import Actor


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def sandbox_step(request: HttpRequest, by: Actor, key: UUID) -> HttpResponse:
    bank = gateways.current()
    if not isinstance(bank, SandboxGateway):
        raise Http404
    payment = Payment.objects.filter(payer=by.home, pk=key).first()
    waiting = payment or CardSetup.objects.by_member(by.home).filter(pk=key).first()
    if waiting is None:
        raise Http404
    if request.method == "POST" and request.POST.get("decision") in ("approve", "decline"):
        bank.answer_step(key, approve=request.POST["decision"] == "approve")
        return redirect(_return_url(key))
    if waiting.state not in (PaymentState.REQUIRES_ACTION, CardSetupState.REQUIRES_ACTION):
        return redirect(_return_url(key))
    return render(request, "commerce/sandbox_step.html", {"payment": payment})


def _return_url(key: UUID) -> str:
    """Where the bank was told to lead the cardholder back to."""
    for kind in (SandboxCharge, SandboxSetup):
        told = kind.objects.using(DB).filter(key=key).values_list("return_url", flat=True).first()
        if told:
            return str(told)
    return reverse("my-subscriptions")
