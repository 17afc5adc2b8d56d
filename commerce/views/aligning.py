"""Several subscriptions that are to renew on one day: first what that costs, then the button."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commerce import amounts
from commerce.forms.aligning import AlignForm, usual
from commerce.models import OrderState
from commerce.operations.changes import alignable, aligning
from commerce.operations.changes.aligning import Aligned, Alignment
from commerce.operations.changes.quantity import RenewalIsOff
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.renewing.ahead import NextTermPaid
from commerce.views import changing, desks, ordering, wording
from commerce.views.desks import Desk, own_desk
from commerce.views.people import for_members
from commerce.views.wording import Line
from licensing.models import Subscription
from licensing.operations.subscriptions import RenewalStopped, SubscriptionInactive
from tenants.access import Actor
from tenants.dates import day
from tenants.ids import new_id
from tenants.refusal import BadInput
from tenants.shown import read_back, sign

SALT = "commerce.views.aligning"
# What stands against the one that ends last.
NOT_WITH_THIS = (SubscriptionInactive, NextTermPaid, RenewalIsOff, RenewalStopped, PaymentInProgress)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the page showed: which end, for which others, computed for which moment, and the total of all."""

    target: str
    others: tuple[str, ...]
    as_of: datetime
    total: Decimal
    key: UUID


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def align(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    return align_alike(own_desk(request, by, subscription_id))


def align_alike(desk: Desk) -> HttpResponse:
    request = desk.request
    alike = list(alignable.alike(desk.subscription, at=desk.now))
    if len({one.term_end for one in alike}) < 2 and "shown" not in request.POST:
        messages.info(request, _("Nothing else of this plan renews on another day, so there is nothing to align."))
        return desk.leave()
    if request.method != "POST":
        typed = {"chosen": request.GET.getlist("chosen") or usual(alike)}
        return _ask(desk, AlignForm(alike, typed))
    form = AlignForm(alike, request.POST)
    seen = _read(desk.subscription, request.POST.get("shown", ""))
    if "update" in request.POST:
        return _show_again(desk)
    if seen is None or not set(form.alike) >= {seen.target, *seen.others} == set(request.POST.getlist("chosen")):
        messages.info(request, _("What you saw holds no longer. Look at it again, then go on."))
        return _show_again(desk)
    means = desk.means_form(request.POST)
    if not means.is_valid():
        return _ask(desk, form, means)
    return _do(desk, form, seen, means)


def _ask(desk: Desk, form: AlignForm, means: forms.Form | None = None) -> HttpResponse:
    """The page with what was chosen, and what each of it costs or why it stays as it is."""
    told = None
    if form.is_valid():
        try:
            told = aligning.preview(target=form.target, others=form.others, by=desk.by, at=desk.now)
        except (*NOT_WITH_THIS, BadInput) as refusal:
            form.add_error("chosen", str(refusal))
    context: dict[str, Any] = {"form": form, "action": desk.url(desks.ALIGN)}
    if told:
        context |= {
            "quote": told,
            "shown": _sign(desk.subscription, told),
            "lines": [line for one in told.each for line in _lines(one)],
            "left": [_why_left(one) for one in told.each if one.refusal],
            "charges": bool(told.quotes),
            "card": means or desk.means_form(),
            "card_stays": not changing.helps_out(desk.subscription),
        }
    bad = bool(form.errors or (means and means.errors))
    return desk.show(desks.ALIGN, context, status=400 if bad else 200)


def _do(desk: Desk, form: AlignForm, seen: Seen, means: forms.Form) -> HttpResponse:
    try:
        done = aligning.align(
            target=form.alike[seen.target],
            others=[form.alike[pk] for pk in seen.others],
            payment_method=means.cleaned_data["payment_method"],
            as_of=seen.as_of,
            expecting=seen.total,
            return_url=lambda one: replace(desk, subscription=one).return_url,
            key=seen.key,
            by=desk.by,
            at=desk.now,
        )
    except (*NOT_WITH_THIS, *ordering.LOOK_AGAIN, BadInput) as refusal:
        messages.error(desk.request, str(refusal))
        return _show_again(desk)
    refused = [one for one in done.each if one.refusal]
    if len(refused) == len(done.each) and isinstance(refused[0].refusal, ordering.CARD_REFUSED):
        means.add_error("payment_method", desks.why(refused[0].refusal))
        return _ask(desk, form, means)
    return _tell(desk, done)


def _tell(desk: Desk, done: Alignment) -> HttpResponse:
    """Each is done or not by itself, and the bank may want to ask about some of them first."""
    placed = [one.order for one in done.each if one.order is not None]
    paid = [order for order in placed if order.state != OrderState.PENDING]
    waiting = [order for order in placed if order.state == OrderState.PENDING]
    if paid:
        total = {"amount": amounts.money(sum((o.total for o in paid), Decimal(0)), paid[0].currency)}
        billed = any(order.state == OrderState.INVOICED for order in paid)
        text = ngettext(
            "%(count)s subscription now renews on %(day)s, too.",
            "%(count)s subscriptions now renew on %(day)s, too.",
            len(paid),
        ) % {"count": len(paid), "day": day(done.target.term_end, done.target.zone)}
        money = (_("%(amount)s was billed.") if billed else _("%(amount)s was charged.")) % total
        messages.success(desk.request, f"{text} {money}")
    for one in done.each:
        if one.refusal:
            messages.error(desk.request, _why_left(one))
    if not waiting:
        return desk.leave()
    if len(waiting) > 1:
        messages.info(desk.request, _("Your bank asks about each of them: open the others and confirm them, too."))
    first = next(one for one in done.each if one.order is waiting[0])
    return replace(desk, subscription=first.subscription).onward(waiting[0])


def _lines(one: Aligned) -> list[Line]:
    if one.quote is None:
        return []
    bought = day(one.subscription.created_at, one.subscription.zone)
    text = _("%(plan)s, bought %(day)s") % {"plan": one.subscription.plan, "day": bought}
    return [replace(line, text=text) for line in wording.quote_lines(one.quote)]


def _why_left(one: Aligned) -> str:
    bought = day(one.subscription.created_at, one.subscription.zone)
    told = {"day": bought, "why": desks.why(one.refusal) if one.refusal else ""}
    return _("The one bought %(day)s stays as it is. %(why)s") % told


def _show_again(desk: Desk) -> HttpResponse:
    """Nobody pays a total that they have not seen, or have seen too long ago."""
    chosen = urlencode({"chosen": desk.request.POST.getlist("chosen")}, doseq=True)
    return redirect(f"{desk.url(desks.ALIGN)}?{chosen}")


def _sign(subscription: Subscription, told: Alignment) -> str:
    others = tuple(str(one.subscription.pk) for one in told.each)
    seen = Seen(target=str(told.target.pk), others=others, as_of=told.as_of, total=told.total, key=new_id())
    return sign(seen, SALT, subscription.pk)


def _read(subscription: Subscription, signed: str) -> Seen | None:
    """None: not of this page, not ours, or shown too long ago."""
    return read_back(Seen, signed, SALT, subscription.pk)
