"""A person's questions to the vendor's support."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from commerce.forms.support import NewCaseForm, ReplyForm
from commerce.models import SupportCase
from commerce.models.support import LONGEST_SUBJECT, MOST_TEXT, CaseKind, CaseState
from commerce.operations import support
from commerce.views.people import for_members, sent_from
from licensing.models import Subscription
from licensing.models.subscription import SubscriptionQuerySet
from tenants.access import Actor
from tenants.refusal import Refused

PAGE = 25
KINDS = {CaseState.OPEN: "amber", CaseState.ANSWERED: "green", CaseState.CLOSED: ""}


class EndCaseForm(NewCaseForm):
    """Which subscription an admin wants ended, and why."""

    def __init__(self, subscriptions: SubscriptionQuerySet, *args: Any, **kwargs: Any) -> None:
        super().__init__(subscriptions, *args, **kwargs)
        self.fields["subscription"] = forms.ModelChoiceField(subscriptions, label=_("What is to end"), empty_label=None)
        self.order_fields(["subscription"])

    body = forms.CharField(
        label=gettext_lazy("Why it is to end"),
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": gettext_lazy("Say why.")},
    )


@never_cache
@require_safe
@for_members
def my_cases(request: HttpRequest, by: Actor) -> HttpResponse:
    mine = SupportCase.objects.opened_by(by.home).select_related("subscription__plan__product")
    page = Paginator(mine.order_by("-changed_at", "-pk"), PAGE).get_page(request.GET.get("page"))
    rows = [{"case": case, "look": KINDS[CaseState(case.state)]} for case in page.object_list]
    return render(request, "commerce/support_cases.html", {"page": page, "rows": rows, "zone": by.home.tenant.zone})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def new_case(request: HttpRequest, by: Actor) -> HttpResponse:
    ends = request.GET.get("kind") == CaseKind.END_SUBSCRIPTION
    form = _end_form(request, by) if ends else _question_form(request, by)
    kind = CaseKind.END_SUBSCRIPTION if ends else CaseKind.QUESTION
    if request.method == "POST" and form.is_valid():
        try:
            case = support.open_case(kind=kind, by=by, at=by.now(), **form.cleaned_data)
        except Refused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        else:
            messages.success(request, _("Your question was sent. The answer comes here and by e-mail."))
            return redirect("my-support-case", case_id=case.pk)
    context = {"form": form, "ends": ends}
    return render(request, "commerce/new_support_case.html", context, status=400 if form.errors else 200)


def _question_form(request: HttpRequest, by: Actor) -> NewCaseForm:
    about = Subscription.objects.managed_by(by.home).with_people().order_by("-created_at")
    return NewCaseForm(about, request.POST or None, initial={"subscription": request.GET.get("subscription")})


def _end_form(request: HttpRequest, by: Actor) -> NewCaseForm:
    """
    About the one subscription that is named.

    :raises Http404: none that the person sees
    """
    try:
        named = UUID(request.GET.get("subscription", ""))
    except ValueError:
        raise Http404 from None
    seen = Subscription.objects.visible_to(by).with_people().filter(pk=named)
    subscription = get_object_or_404(seen)
    told = {"what": subscription, "person": subscription.owner or by.home.tenant}
    subject = (_("End %(what)s of %(person)s") % told)[:LONGEST_SUBJECT]
    return EndCaseForm(seen, request.POST or None, initial={"subscription": named, "subject": subject})


@never_cache
@require_safe
@for_members
def my_case(request: HttpRequest, by: Actor, case_id: UUID) -> HttpResponse:
    return _shown(request, by, case_id, ReplyForm())


@sent_from("my-support-case")
def reply(request: HttpRequest, by: Actor, case_id: UUID) -> HttpResponse:
    case, form = _own(by, case_id), ReplyForm(request.POST)
    if not form.is_valid():
        return _shown(request, by, case_id, form, status=400)
    try:
        support.reply(case=case, body=form.cleaned_data["body"], by=by, at=by.now())
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _shown(request, by, case_id, form, status=refusal.http_status)
    messages.success(request, _("Sent to support."))
    return redirect("my-support-case", case_id=case_id)


@sent_from("my-support-case")
def close(request: HttpRequest, by: Actor, case_id: UUID) -> HttpResponse:
    support.close(case=_own(by, case_id), by=by, at=by.now())
    messages.success(request, _("Closed."))
    return redirect("my-support-case", case_id=case_id)


def _own(by: Actor, case_id: UUID) -> SupportCase:
    return get_object_or_404(SupportCase.objects.opened_by(by.home), pk=case_id)


def _shown(request: HttpRequest, by: Actor, case_id: UUID, form: ReplyForm, *, status: int = 200) -> HttpResponse:
    case = get_object_or_404(SupportCase.objects.opened_by(by.home).with_messages(), pk=case_id)
    context = {
        "case": case,
        "look": KINDS[CaseState(case.state)],
        "is_closed": case.state == CaseState.CLOSED,
        "form": form,
        "zone": by.home.tenant.zone,
    }
    return render(request, "commerce/support_case.html", context, status=status)
