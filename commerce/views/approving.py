"""What waits for an approver: how it stands, for its buyer; and the decision, for whoever is named to make it."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from commerce.models import Checkout
from commerce.operations.buying import approval_requests, checkouts
from commerce.operations.buying import approvals as deciding
from commerce.operations.paying import settlement
from commerce.views import wording
from commerce.views.buying import buy_url
from commerce.views.people import for_members, sent_from
from policies.eligibility import PurchaseRefused
from policies.models import Approval, ApprovalState
from policies.models.approval import LONGEST_MESSAGE
from policies.operations import approval_grounds, approvals
from tenants.access import Actor
from tenants.refusal import BadInput, Refused

PAGE = 25
KINDS = {ApprovalState.WAITING: "amber", ApprovalState.APPROVED: "green", ApprovalState.DECLINED: "red"}


class DecideForm(forms.Form):
    """What an approver says to a wish to buy."""

    quantity = forms.IntegerField(
        label=gettext_lazy("Seats to approve"),
        help_text=gettext_lazy("As many as were asked for, or fewer."),
        min_value=1,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    message = forms.CharField(
        label=gettext_lazy("Message"),
        help_text=gettext_lazy("The buyer reads it."),
        required=False,
        max_length=LONGEST_MESSAGE,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, approval: Approval, data: Any = None) -> None:
        super().__init__(data, initial={"quantity": approval.quantity})
        said = _("Approve 1 to %(most)s seats.") % {"most": approval.quantity}
        self.fields["quantity"].error_messages.update(dict.fromkeys(("required", "invalid", "min_value"), said))


def waiting(request: HttpRequest, checkout: Checkout) -> HttpResponse:
    """The buyer's page of a checkout that nobody has decided yet."""
    setup = approval_requests.waiting_setup(checkout)
    approval = approvals.newest(checkout.pk)
    context = {
        "checkout": checkout,
        "approval": approval,
        "deciders": approval_requests.who_decides(approval) if approval else [],
        "card": checkout.kept_card or (checkout.card_setup.payment_method if checkout.card_setup else None),
        "step_url": setup.action_url if setup else "",
        "lines": wording.checkout_lines(checkout),
        "zone": checkout.tenant.zone,
    }
    return render(request, "commerce/awaiting_approval.html", context)


def ended(request: HttpRequest, checkout: Checkout, approval: Approval) -> HttpResponse:
    """The buyer's page of one that was declined, or that nobody decided in time."""
    context = {
        "approval": approval,
        "is_declined": approval.state == ApprovalState.DECLINED,
        "again_url": buy_url(checkout.plan, checkout.quantity),
        "zone": checkout.tenant.zone,
    }
    return render(request, "commerce/not_approved.html", context)


@sent_from("checkout")
def withdraw(request: HttpRequest, by: Actor, checkout_id: UUID) -> HttpResponse:
    checkout = get_object_or_404(Checkout.objects.by_buyer(by.home), pk=checkout_id)
    with suppress(checkouts.CheckoutClosed, settlement.PaymentInProgress):  # The checkout's page tells.
        checkouts.cancel_checkout(checkout=checkout, by=by, at=by.now())
        messages.success(request, _("Withdrawn. Nothing was charged."))
    return redirect("checkout", checkout_id=checkout_id)


@never_cache
@require_safe
@for_members
def my_approvals(request: HttpRequest, by: Actor) -> HttpResponse:
    """What the person is asked to approve: what waits first, then what was decided."""
    _require_approver(by)
    asked = approvals.seen_by(by).exclude(requester=by.home).with_people()
    page = Paginator(asked.waiting_first(), PAGE).get_page(request.GET.get("page"))
    rows = [_row(approval) for approval in page.object_list]
    shown = {"page": page, "rows": rows, "section": "approvals", "zone": by.home.tenant.zone}
    return render(request, "commerce/approvals.html", shown)


@never_cache
@require_safe
@for_members
def my_approval(request: HttpRequest, by: Actor, approval_id: UUID) -> HttpResponse:
    approval = _asked_of(by, approval_id)
    return _shown(request, by, approval, DecideForm(approval))


@sent_from("my-approval")
def decide(request: HttpRequest, by: Actor, approval_id: UUID) -> HttpResponse:
    approval = _asked_of(by, approval_id)
    form = DecideForm(approval, request.POST)
    done, status = decided(form, approval, approve="approve" in request.POST, by=by)
    if not done:
        return _shown(request, by, approval, form, status=status)
    messages.success(request, done)
    return redirect("my-approvals")


def decided(form: DecideForm, approval: Approval, *, approve: bool, by: Actor) -> tuple[str, int]:
    """Decide as the form says, and what to say of it; nothing: what is wrong stands on the form, with a status."""
    if not approve:
        form.fields["quantity"].required = False
    if not form.is_valid():
        return "", 400
    told: dict[str, Any] = {"quantity": form.cleaned_data["quantity"]} if approve else {}
    try:
        deciding.decide(
            approval=approval,
            approve=approve,
            message=form.cleaned_data["message"],
            by=by,
            at=by.now(),
            **told,
        )
    except PurchaseRefused as refusal:
        form.add_error(None, _("It can't be approved now, and the buyer was told so:"))
        for reason in refusal.answer.reasons:
            form.add_error(None, reason["detail"])
        return "", refusal.http_status
    except Refused as refusal:
        field = refusal.field if isinstance(refusal, BadInput) and refusal.field in form.fields else None
        form.add_error(field, str(refusal))
        return "", refusal.http_status
    said = _("Approved. %(name)s is told, and the payment follows.") if approve else _("Declined. %(name)s is told.")
    return said % {"name": approval.requester}, 200


def _asked_of(by: Actor, approval_id: UUID) -> Approval:
    _require_approver(by)
    return get_object_or_404(approvals.seen_by(by).with_people(), pk=approval_id)


def _require_approver(by: Actor) -> None:
    if not approvals.is_approver(by):
        raise PermissionDenied(_("You approve nobody's purchases."))


def _row(approval: Approval) -> dict[str, object]:
    return {"approval": approval, "look": KINDS.get(ApprovalState(approval.state), "")}


def _shown(request: HttpRequest, by: Actor, approval: Approval, form: DecideForm, *, status: int = 200) -> HttpResponse:
    checkout = get_object_or_404(Checkout.objects.of(by.home.tenant).with_plan(), pk=approval.subject)
    context = {
        **_row(approval),
        "checkout": checkout,
        "lines": wording.checkout_lines(checkout),
        "grounds": approval_grounds.read(approval),
        "ends_at": checkout.would_end_at(by.now()),
        "is_own": approval.requester_id == by.home.pk,
        "form": form if approval.waits_at(by.now()) else None,
        "section": "approvals",
        "zone": by.home.tenant.zone,
    }
    return render(request, "commerce/approval.html", context, status=status)
