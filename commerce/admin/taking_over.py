"""Taking over what somebody bought, from its page: in which way, then what that does and moves, then the button."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.central import CentralOrders
from commerce.admin.take_over_forms import TakeOnePurchaseOverForm
from commerce.admin.take_over_shown import money_of, people_of
from commerce.admin.take_overs import may_take_over
from commerce.deeds.take_overs import wish_of
from commerce.models import TakeOver, TakeOverMode
from commerce.operations.takeover import previewing, showing, starting
from commerce.operations.takeover.previewing import Preview, Wish
from licensing.models import Channel, Subscription, SubscriptionState
from tenants.access import Actor, Right
from tenants.dates import listed_day, listed_minute
from tenants.ids import new_id
from tenants.procurement import READS
from tenants.procurement_form import blame
from tenants.refusal import Refused
from tenants.shown import read_back, sign

SALT = "commerce.admin.taking_over"
_BUTTONS: dict[str, str | Promise] = {
    TakeOverMode.MOVE: gettext_lazy("Move its people and end it"),
    TakeOverMode.ADOPT: gettext_lazy("Make it the organisation's own"),
    TakeOverMode.CANCEL: gettext_lazy("End it"),
}


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What the page showed, and of what (`mark`). `pk` makes a second click find the first one's take-over."""

    mark: str
    as_of: datetime
    total: Decimal
    pk: UUID


class TakingOver(CentralOrders):
    """One page, first with the choice, then with the preview below it."""

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view(self.take_over_view)
        return [
            path("<uuid:subscription_id>/take-over/", guarded, name="commerce_purchase_take_over"),
            *super().get_urls(),
        ]

    def take_over_view(self, request: HttpRequest, subscription_id: UUID) -> HttpResponse:
        actor = self.actor(request)
        if not may_take_over(actor) or request.method not in (*READS, "POST"):
            raise PermissionDenied
        row = self.found(request, str(subscription_id))
        open_one = TakeOver.objects.open().filter(subscription=row).first()
        if open_one is not None:
            return redirect("admin:commerce_takeover_change", open_one.pk)
        if request.method != "POST":
            return self.asked(request, row, TakeOnePurchaseOverForm(row, actor))
        form = TakeOnePurchaseOverForm(row, actor, request.POST)
        if "preview" in request.POST:
            form.errors.pop("reason", None)  # not before it is done
        if form.errors:
            return self.asked(request, row, form, told=self.previewed(form, row, actor), status=400)
        if "preview" in request.POST:
            told = self.previewed(form, row, actor)
            return self.asked(request, row, form, told=told, status=400 if told is None else 200)
        seen = _read(request.POST.get("shown", ""), actor, form, row)
        if seen is None:
            messages.info(request, _("What you saw holds no longer. Look at it again, then go on."))
            return self.asked(request, row, form, told=self.previewed(form, row, actor), status=400)
        return self.taken(request, row, form, seen)

    def previewed(self, form: TakeOnePurchaseOverForm, row: Subscription, by: Actor) -> Preview | None:
        """None: what was typed does not say what to do, or it cannot be done; that is said on the form."""
        if set(form.errors) - {"reason"}:
            return None
        try:
            return previewing.preview(subscription=row, wish=_wish(form, by), by=by, at=by.now())
        except Refused as refused:
            blame(form, refused)
            return None

    def taken(
        self, request: HttpRequest, row: Subscription, form: TakeOnePurchaseOverForm, seen: _Seen
    ) -> HttpResponse:
        by = self.actor(request)
        try:
            made = starting.take_over(
                subscription=row,
                wish=replace(_wish(form, by), reason=form.cleaned_data["reason"]),
                as_of=seen.as_of,
                expecting=seen.total,
                take_over_id=seen.pk,
                by=by,
                at=by.now(),
            )
        except Refused as refused:
            blame(form, refused)
            return self.asked(request, row, form, told=self.previewed(form, row, by), status=refused.http_status)
        told = _("Taken over. It is settled on %(day)s, or when you say so; until then it can be undone.")
        messages.success(request, told % {"day": listed_day(made.settles_at)})
        return redirect("admin:commerce_takeover_change", made.pk)

    def asked(
        self,
        request: HttpRequest,
        row: Subscription,
        form: TakeOnePurchaseOverForm,
        *,
        told: Preview | None = None,
        status: int = 200,
    ) -> HttpResponse:
        shown = showing.of_preview(told) if told else None
        context = {
            "form": form,
            "row": row,
            "asked": [field for field in form.visible_fields() if field.name != "reason"],
            "told": shown,
            "money": money_of(shown) if shown else None,
            "people": people_of(shown) if shown else None,
            "settles": listed_minute(told.settles_at) if told else "",
            "button": _BUTTONS[told.wish.mode] if told else "",
            "ends": told.wish.mode != TakeOverMode.ADOPT if told else False,
            "shown": _sign(told, self.actor(request), form, row) if told else "",
            "parent_title": str(row.plan),
            "parent_url": reverse("admin:commerce_purchase_change", args=[row.pk]),
        }
        return self.own_page(request, "admin/take_over_start.html", _("Take over"), context, status)


def take_over_of(purchase: Subscription, by: Actor) -> dict[str, Any] | None:
    """Where its take-over stands, or that it may be taken over; nothing for who may do neither."""
    found = TakeOver.objects.filter(subscription=purchase).order_by("-started_at", "-pk").first()
    sees = by.is_operator or by.may(Right.SEE_ALL_PURCHASES)
    begins = may_take_over(by) and _may_begin(purchase) and not (found and found.is_open)
    if not (found and sees) and not begins:
        return None
    return {
        "purchase": purchase,
        "held": found if sees else None,
        "begins": begins,
        "since": listed_minute(found.started_at) if found else "",
        "until": listed_day(found.settles_at) if found else "",
    }


def _may_begin(purchase: Subscription) -> bool:
    """What can be seen of it at once; the rest is said on the page."""
    is_own = purchase.owner_id is None and purchase.state not in (SubscriptionState.ACTIVE, SubscriptionState.EXPIRED)
    return (
        purchase.channel == Channel.SELF_SERVICE and purchase.gives_access and not purchase.never_charged and not is_own
    )


def _wish(form: TakeOnePurchaseOverForm, by: Actor) -> Wish:
    said = {name: value for name, value in form.cleaned_data.items() if name != "reason"}
    return replace(wish_of(said, by), members=form.chosen)


def _mark(form: TakeOnePurchaseOverForm) -> str:
    said = form.cleaned_data
    parts = [said["mode"], said["target_subscription"], said["pays"], str(said["reimburse"])]
    return sha256("\n".join([*parts, *sorted(said.get("members", ()))]).encode()).hexdigest()


def _sign(told: Preview, by: Actor, form: TakeOnePurchaseOverForm, row: Subscription) -> str:
    return sign(_Seen(mark=_mark(form), as_of=told.as_of, total=told.total, pk=new_id()), SALT, *_of(by, row))


def _read(signed: str, by: Actor, form: TakeOnePurchaseOverForm, row: Subscription) -> _Seen | None:
    """None: of something else, not ours, or shown too long ago."""
    seen = read_back(_Seen, signed, SALT, *_of(by, row))
    return seen if seen is not None and seen.mark == _mark(form) else None


def _of(by: Actor, row: Subscription) -> tuple[UUID | None, UUID]:
    """What one person was shown of one purchase, nobody else does, nor with another."""
    return by.user.pk if by.user else None, row.pk
