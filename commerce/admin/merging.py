"""
Merging what people bought of a product into one central subscription, from its page: whose, then what goes back and
what the missing seats cost, then the button; people are moved as a run.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from commerce.admin.central_changes import ASKS, CentralChanges
from commerce.admin.central_desk import CentralDesk, is_the_organisations
from commerce.admin.purchase_facts import said
from commerce.amounts import money
from commerce.models import Order, OrderState
from commerce.operations.takeover import merging
from commerce.operations.takeover.merging import MOST_AT_ONCE, Merged, Merger
from commerce.views import desks, governing, wording
from licensing.models import Channel, Subscription
from policies.operations import acknowledgements
from tenants.access import Actor, Right
from tenants.dates import listed_day
from tenants.ids import new_id
from tenants.procurement_form import ReasonForm, blame
from tenants.refusal import Refused
from tenants.runs.models import Run
from tenants.shown import read_back, sign

SALT = "commerce.admin.merging, shown with its outcome"


class MergeForm(ReasonForm):
    """Which of them."""

    field_order = ("purchases", "reason")

    def __init__(self, target: Subscription, data: Any = None) -> None:
        super().__init__(data)
        found = list(to_merge(target)[:MOST_AT_ONCE])
        self.known: dict[str, Subscription] = {str(row.pk): row for row in found}
        self.fields["purchases"] = forms.MultipleChoiceField(
            label=_("Whose people go on with it"),
            help_text=_("At most %(most)s at a time.") % {"most": MOST_AT_ONCE},
            choices=[(key, _named(row)) for key, row in self.known.items()],
            initial=list(self.known),
            widget=forms.CheckboxSelectMultiple,
            error_messages={
                "required": _("Choose at least one."),
                "invalid_choice": _("One of them was ended or taken over meanwhile. Look at the list again."),
            },
        )
        self.order_fields(self.field_order)

    @property
    def chosen(self) -> list[Subscription]:
        return [self.known[key] for key in self.cleaned_data["purchases"]]


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """
    What the page showed: of which purchases (`mark`), what goes back of each (`outcome`, both in short) and what the
    seats cost, from one moment on. `key` makes a second click find the first one's order and run.
    """

    mark: str
    outcome: str
    as_of: datetime
    total: Decimal
    key: UUID


class Merging(CentralChanges):
    """One page, first with the choice, then with the preview below it."""

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view(self.merge_view)
        return [path("<uuid:subscription_id>/merge/", guarded, name="commerce_purchase_merge"), *super().get_urls()]

    def merge_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        desk = self.desk(request, subscription_id, methods=ASKS)
        if request.method != "POST":
            return self.merge_page(desk, MergeForm(desk.subscription))
        begun = None if "preview" in request.POST else _begun(desk, request.POST.get("shown", ""))
        if begun is not None:
            return redirect("admin:tenants_run_change", begun.pk)
        form = MergeForm(desk.subscription, request.POST)
        if "preview" in request.POST:
            form.errors.pop("reason", None)  # not before it is done
        if form.errors or "preview" in request.POST:
            told = self.foreseen(desk, form)
            return self.merge_page(desk, form, told=told, status=400 if form.errors else 200)
        seen = _read(request.POST.get("shown", ""), desk, form)
        told = self.foreseen(desk, form, seen)
        if form.errors:
            return self.merge_page(desk, form, status=400)
        if seen is None or told is None or _outcome(told) != seen.outcome:
            messages.info(request, _("What you saw holds no longer. Look at it again, then go on."))
            return self.merge_page(desk, form, told=self.foreseen(desk, form), status=400)
        means = _means(desk, request.POST) if seen.total else None
        if means is not None and not means.is_valid():
            return self.merge_page(desk, form, told=told, means=means, status=400)
        return self.merged(desk, form, seen, told, means)

    def foreseen(self, desk: CentralDesk, form: MergeForm, seen: _Seen | None = None) -> Merger | None:
        """
        As of the moment that was seen: time alone changes no amount. None: what was typed does not say what to do, or
        it cannot be done; that is said on the form.
        """
        as_of = seen.as_of if seen else None
        if set(form.errors) - {"reason"}:
            return None
        try:
            return merging.preview(target=desk.subscription, others=form.chosen, as_of=as_of, by=desk.by, at=desk.now)
        except Refused as refused:
            blame(form, refused)
            return None

    def merged(
        self, desk: CentralDesk, form: MergeForm, seen: _Seen, told: Merger, means: forms.Form | None
    ) -> HttpResponse:
        try:
            order = _room(desk, form, seen, means)
            if order is not None and order.state == OrderState.PENDING:
                messages.info(desk.request, _("Nobody was moved yet. Once the seats are paid, merge them here again."))
                return desk.onward(order)
            run = merging.move(
                target=desk.subscription,
                others=form.chosen,
                reason=form.cleaned_data["reason"],
                as_of=seen.as_of,
                key=seen.key,
                by=desk.by,
                at=desk.now,
            )
        except Refused as refused:
            form.add_error(None, desks.why(refused))
            return self.merge_page(desk, form, told=self.foreseen(desk, form), means=means, status=refused.http_status)
        return redirect("admin:tenants_run_change", run.pk)

    def merge_page(
        self,
        desk: CentralDesk,
        form: MergeForm,
        *,
        told: Merger | None = None,
        means: forms.Form | None = None,
        status: int = 200,
    ) -> HttpResponse:
        subscription = desk.subscription
        context: dict[str, Any] = {
            "form": form,
            "subscription": subscription,
            "ends": listed_day(subscription.term_end),
            "told": told,
            "parent_title": str(subscription.plan),
            "parent_url": desk.url(),
        }
        if told is not None:
            context |= {
                "each": [_line(one) for one in told.each if one.preview is not None],
                "refused": [_line(one) for one in told.each if one.preview is None],
                "refunds": [money(total, code) for code, total in sorted(told.refunds.items()) if total],
                "room_lines": wording.quote_lines(told.room) if told.room else [],
                "card": (means or _means(desk)) if told.room and told.room.total else None,
                "shown": _sign(told, desk, form),
                **governing.of_product(subscription.tenant, subscription.plan.product),
            }
        return self.own_page(desk.request, "admin/merge.html", _("Merge what people bought"), context, status)


def to_merge(target: Subscription) -> Any:
    """What people bought of its product and still use, by purchaser."""
    found = Subscription.objects.of(target.tenant).bought().with_access().with_people()
    found = found.filter(channel=Channel.SELF_SERVICE, plan__product=target.plan.product_id, owner__isnull=False)
    return found.exclude(take_overs__state="open").exclude(pk=target.pk).order_by("purchaser__name", "created_at", "pk")


def merging_of(row: Subscription, by: Actor) -> dict[str, Any] | None:
    """That what people bought can be merged into it; nothing where there is none, or for who may not."""
    may = by.membership is not None and by.may(Right.BUY_CENTRALLY) and by.may(Right.END_PURCHASES_OF_OTHERS)
    if not may or not is_the_organisations(row) or row.channel == Channel.PARTNER or row.is_trial:
        return None
    count = len(to_merge(row).values_list("pk", flat=True)[: MOST_AT_ONCE + 1]) if row.gives_access else 0
    return {"purchase": row, "count": min(count, MOST_AT_ONCE), "more": count > MOST_AT_ONCE} if count else None


def _named(row: Subscription) -> str:
    return f"{said(row)} ({row.purchaser.user.email})"


def _line(one: Merged) -> dict[str, Any]:
    told = one.preview
    return {
        "text": said(one.subscription),
        "people": told.moved if told else 0,
        "back": money(told.back, told.currency) if told and told.currency else "",
        "refused": str(one.refusal) if one.refusal else "",
    }


def _room(desk: CentralDesk, form: MergeForm, seen: _Seen, means: forms.Form | None) -> Order | None:
    return merging.make_room(
        target=desk.subscription,
        others=form.chosen,
        payment_method=means.cleaned_data["payment_method"] if means else "",
        as_of=seen.as_of,
        expecting=seen.total,
        acknowledge=governing.read_in(means) if means else acknowledgements.NOTHING_READ,
        return_url=desk.return_url,
        key=seen.key,
        by=desk.by,
        at=desk.now,
    )


def _means(desk: CentralDesk, data: Any = None) -> forms.Form:
    """What pays for the missing seats, with a box for each data policy that must be read first."""
    form = desk.means_form(data)
    wanted = acknowledgements.wanted(member=desk.by.home, product=desk.subscription.plan.product)
    governing.ask_to_read(form, wanted)
    return form


def _mark(form: MergeForm) -> str:
    return sha256("\n".join(sorted(form.cleaned_data["purchases"])).encode()).hexdigest()


def _outcome(told: Merger) -> str:
    """What goes back of each, and why some stay as they are. The seats are asked for when they are bought."""
    lines = [
        f"{one.subscription.pk}|{one.preview.back} {one.preview.currency}"
        if one.preview
        else f"{one.subscription.pk}|{one.refusal.code if one.refusal else ''}"
        for one in told.each
    ]
    return sha256("\n".join(lines).encode()).hexdigest()


def _sign(told: Merger, desk: CentralDesk, form: MergeForm) -> str:
    total = told.room.total if told.room else Decimal(0)
    seen = _Seen(mark=_mark(form), outcome=_outcome(told), as_of=told.as_of, total=total, key=new_id())
    return sign(seen, SALT, *_of(desk))


def _read(signed: str, desk: CentralDesk, form: MergeForm) -> _Seen | None:
    """None: of something else, not ours, or shown too long ago."""
    seen = read_back(_Seen, signed, SALT, *_of(desk))
    return seen if seen is not None and seen.mark == _mark(form) else None


def _begun(desk: CentralDesk, signed: str) -> Run | None:
    """What an earlier click on the same page began, however long ago."""
    seen = read_back(_Seen, signed, SALT, *_of(desk), holds_for=None)
    return Run.objects.filter(tenant=desk.subscription.tenant, pk=seen.key).first() if seen is not None else None


def _of(desk: CentralDesk) -> tuple[UUID, UUID]:
    """What one person was shown of one purchase, nobody else does, nor with another."""
    return desk.by.home.pk, desk.subscription.pk
