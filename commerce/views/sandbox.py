"""The sandbox bank's page, where a cardholder approves or declines. It exists only while the sandbox is in use."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commerce import gateways
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Payment, PaymentState
from commerce.views.people import for_members
from tenants.access import Actor


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def sandbox_step(request: HttpRequest, by: Actor, key: UUID) -> HttpResponse:
    bank = gateways.current()
    if not isinstance(bank, SandboxGateway):
        raise Http404
    payment = get_object_or_404(Payment.objects.filter(payer=by.home).select_related("order__checkout"), pk=key)
    if request.method == "POST" and request.POST.get("decision") in ("approve", "decline"):
        bank.answer_step(key, approve=request.POST["decision"] == "approve")
        return redirect("checkout-return", checkout_id=payment.order.checkout_id)
    if payment.state != PaymentState.REQUIRES_ACTION:
        return redirect("checkout", checkout_id=payment.order.checkout_id)
    return render(request, "commerce/sandbox_step.html", {"payment": payment})
