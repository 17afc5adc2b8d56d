"""Ending a subscription: first what it does, with the money, then the button."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commerce.forms.subscriptions import CancelForm
from commerce.operations.changes import cancellations
from commerce.operations.changes.cancellations import Cancellation
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.views import desks, wording
from commerce.views.desks import Desk, own_desk
from commerce.views.people import for_members
from commerce.views.shown import Shown, read, sign
from commerce.views.subscriptions import ends_anyway
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor
from tenants.dates import day
from tenants.refusal import BadInput


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def cancel(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    return end(own_desk(request, by, subscription_id))


def end(desk: Desk) -> HttpResponse:
    request, form = desk.request, CancelForm(desk.request.POST or None)
    try:
        preview = cancellations.preview_cancellation(subscription=desk.subscription, by=desk.by, at=desk.now)
        if request.method != "POST" or ends_anyway(preview) or not form.is_valid():
            return _ask(desk, form, preview)
        shown = read(desk.subscription, request.POST.get("shown", ""))
        if shown is None:
            messages.info(request, _("What you saw holds no longer. Look at it again, then go on."))
            return _ask(desk, form, preview)
        return _do(desk, form.cleaned_data["reason"], shown)
    except (SubscriptionInactive, PaymentInProgress) as refusal:
        return desk.back(refusal)
    except (ChangedSincePreview, BadInput) as refusal:
        messages.error(request, str(refusal))
        return redirect(desk.url(desks.CANCEL))


def _do(desk: Desk, reason: str, shown: Shown) -> HttpResponse:
    done = cancellations.cancel_subscription(
        subscription=desk.subscription, reason=reason, as_of=shown.as_of, by=desk.by, at=desk.now
    )
    messages.success(desk.request, what_happened(done))
    return desk.leave()


def _ask(desk: Desk, form: CancelForm, preview: Cancellation) -> HttpResponse:
    seen = Shown(quantity=preview.seats_left, when="", as_of=preview.as_of, total=preview.total)
    context = {
        "form": form,
        "preview": preview,
        "lines": wording.quote_lines(preview),
        "ends_at": preview.ends_at,
        "more_people": preview.losing - len(preview.people),
        "shown": sign(desk.subscription, seen),
    }
    if ends_anyway(preview):
        return desk.show(desks.NOTHING_TO_CANCEL, context)
    return desk.show(desks.CANCEL, context, status=400 if form.errors else 200)


def what_happened(done: Cancellation) -> str:
    if done.subscription.is_trial and not done.refunds:
        return _("The trial has ended. Nothing was charged.")
    ends_on = {"day": day(done.ends_at, done.subscription.zone)}
    if done.ends_now:
        return f"{_('Canceled.')} {wording.goes_back(done)}"
    if done.refunds:
        going_on = _("The other seats keep working until %(day)s.") % ends_on
        return f"{_('Canceled.')} {wording.goes_back(done)} {going_on}"
    return _("Canceled. It keeps working until %(day)s.") % ends_on
