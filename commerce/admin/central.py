"""Ordering for the organisation itself: what it will cost first, then the button."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin import partner_record
from commerce.admin.seats import may_assign
from commerce.models import Agreement, Order, OrderState, PaymentMethod, PaymentState
from commerce.models.order import GRANTED
from commerce.money import text as exact_text
from commerce.operations.buying import central
from commerce.operations.buying.central import Quote
from commerce.operations.paying import cards, charging, open_orders
from commerce.views import governing
from commerce.views.wording import Line, decline
from licensing.models import Channel, Plan
from policies.operations import acknowledgements
from policies.operations.acknowledgements import Read
from tenants import clock
from tenants.access import Actor, Right
from tenants.directory.models import Tenant
from tenants.ids import new_id
from tenants.procurement import READS, ProcurementAdmin
from tenants.procurement_form import blame
from tenants.refusal import Refused
from tenants.shown import A_DAY, read_back, sign

SALT = "seatwise.central_order"
INVOICE = "invoice"
LOOK_AGAIN_AFTER = 5


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What the page showed to one person. `order` makes a second click find the first one's."""

    order: UUID
    total: str
    wanted: tuple[str, ...]


class CentralOrderForm(forms.Form):
    """What to buy, at which prices, and what pays for it."""

    plan = forms.ModelChoiceField(
        Plan.objects.select_related("product").order_by("product__name", "term"),
        label=gettext_lazy("Plan"),
        empty_label=gettext_lazy("Choose a plan"),
        error_messages=dict.fromkeys(("required", "invalid_choice"), gettext_lazy("Choose a plan.")),
    )
    quantity = forms.IntegerField(
        label=gettext_lazy("Seats"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages=dict.fromkeys(("required", "invalid"), gettext_lazy("Type a whole number of seats.")),
    )
    agreement = forms.ModelChoiceField(
        Agreement.objects.none(),
        label=gettext_lazy("Prices"),
        empty_label=gettext_lazy("Price list"),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("This agreement does not hold today.")},
    )
    pay = forms.ChoiceField(label=gettext_lazy("Payment"))

    def __init__(self, tenant: Tenant, kept: Iterable[PaymentMethod], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = Agreement.objects.of(tenant).in_force(tenant.today(clock.now(tenant))).order_by("name")
        agreement: Any = self.fields["agreement"]
        agreement.queryset = held
        by_invoice = [(INVOICE, _("Invoice, as the agreement says"))] if any(a.pay_by_invoice for a in held) else []
        pay: Any = self.fields["pay"]
        pay.choices = [*by_invoice, *((str(card.pk), str(card)) for card in kept)]
        # What is chosen first can be ordered: an invoice, which stands first, needs an agreement that is paid by one.
        usual = next((held_now for held_now in held if held_now.pay_by_invoice), None)
        agreement.initial = usual and usual.pk

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        agreement = said.get("agreement")
        if said.get("pay") == INVOICE and not (agreement and agreement.pay_by_invoice):
            message = _("Choose an agreement that is paid by invoice, or a card.")
            self.add_error("agreement" if agreement is None else "pay", message)
        return said

    @property
    def means(self) -> dict[str, Any]:
        """As the operation takes them."""
        said = self.cleaned_data
        card = "" if said["pay"] == INVOICE else said["pay"]
        return {"plan": said["plan"], "quantity": said["quantity"], "agreement": said["agreement"]} | (
            {"payment_method": card} if card else {}
        )


class CentralOrders(ProcurementAdmin):
    """The pages on which an order is made, previewed and followed, for whoever buys for the organisation."""

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("order/", guarded(self.order_view), name="commerce_purchase_order"),
            path("order/<uuid:order_id>/", guarded(self.ordered_view), name="commerce_purchase_ordered"),
            *super().get_urls(),
        ]

    def order_view(self, request: HttpRequest) -> HttpResponse:
        if self.actor(request).is_delegate:
            return partner_record.view(self, request, self.actor(request))
        actor = self.acting_buyer(request)
        kept = cards.offered(by=actor, at=actor.now(), for_organisation=True)
        if request.method in READS:
            # A link says what to buy, and leaves open what pays: nothing is wrong with it yet.
            typed = request.GET if "pay" in request.GET else None
            return self.order_page(
                request, CentralOrderForm(actor.home.tenant, kept, typed, initial=request.GET.dict())
            )
        form = CentralOrderForm(actor.home.tenant, kept, request.POST)
        seen = read_back(_Seen, request.POST.get("seen", ""), SALT, actor.home.pk, holds_for=A_DAY)
        if not form.is_valid() or seen is None or seen.wanted != _wanted(form):
            return self.order_page(request, form, 400)
        read = self.read_form(request, form)
        if not read.is_valid():
            return self.order_page(request, form, 400, read=read)
        return self.place(request, form, actor, order_id=seen.order, total=seen.total, read=governing.read_in(read))

    def read_form(self, request: HttpRequest, form: CentralOrderForm) -> governing.ReadForm:
        """With a box for each data policy that a valid order asks to be read first."""
        member = self.actor(request).home
        policies = acknowledgements.wanted(member=member, product=form.cleaned_data["plan"].product)
        return governing.ReadForm(policies, request.POST if request.method == "POST" else None)

    def place(
        self, request: HttpRequest, form: CentralOrderForm, actor: Actor, *, order_id: UUID, total: str, read: Read
    ) -> HttpResponse:
        back = reverse("admin:commerce_purchase_ordered", args=[order_id])
        try:
            placed = central.order(
                **form.means,
                expecting=Decimal(total),
                order_id=order_id,
                acknowledge=read,
                return_url=request.build_absolute_uri(back),
                by=actor,
                at=actor.now(),
            )
        except charging.CardDeclined as refused:
            form.add_error("pay", decline(str(refused.extra.get("decline_code", ""))))
            return self.order_page(request, form, refused.http_status)
        except Refused as refused:
            blame(form, refused)
            return self.order_page(request, form, refused.http_status)
        waiting = open_orders.live_payment(placed)
        if waiting is not None and waiting.state == PaymentState.REQUIRES_ACTION:
            return redirect(waiting.action_url)
        return redirect(back)

    def ordered_view(self, request: HttpRequest, order_id: UUID) -> HttpResponse:
        """Where an order leads, also from the bank's page: to the purchase, or to what it waits for."""
        actor = self.acting_buyer(request)
        if request.method not in READS:
            raise PermissionDenied
        order = Order.objects.of(actor.home.tenant).filter(channel=Channel.CENTRAL, pk=order_id).first()
        if order is None:
            raise Http404
        if order.state == OrderState.PENDING and actor.is_member(order.buyer_id):
            order = self.learn(request, order, actor)
        if order.state in GRANTED:
            messages.success(request, _bought(order, actor))
            return redirect("admin:commerce_purchase_change", order.subscription_id)
        if order.state == OrderState.CANCELED:
            messages.error(request, _("The order was canceled. Nothing was charged; order again."))
            return redirect("admin:commerce_purchase_order")
        return self.waiting_page(request, order)

    def learn(self, request: HttpRequest, order: Order, actor: Actor) -> Order:
        try:
            return open_orders.refresh_order(order=order, by=actor, at=actor.now())
        except Refused as refused:
            messages.error(request, str(refused))
            return Order.objects.get(pk=order.pk)

    def acting_buyer(self, request: HttpRequest) -> Actor:
        """:raises PermissionDenied: somebody who may not buy for the organisation; an operator belongs to none"""
        actor = self.actor(request)
        if actor.membership is None or not actor.may(Right.BUY_CENTRALLY):
            raise PermissionDenied(_("Only those who buy for an organisation can do this."))
        return actor

    def order_page(
        self,
        request: HttpRequest,
        form: CentralOrderForm,
        status: int = 200,
        read: governing.ReadForm | None = None,
    ) -> HttpResponse:
        tenant = self.actor(request).home.tenant
        is_whole = form.is_bound and set(form.errors) <= {NON_FIELD_ERRORS}
        quote = _quote(form, tenant) if is_whole else None
        shown = {
            "form": form,
            "quote": quote,
            "tenant": tenant,
            **(_told(quote, form, self.actor(request)) if quote else {}),
            **(governing.of_product(tenant, quote.plan.product) if quote else {}),
            "read": (read or self.read_form(request, form)) if quote else None,
        }
        return self.own_page(request, "admin/central_order.html", _("Order centrally"), shown, status)

    def waiting_page(self, request: HttpRequest, order: Order) -> HttpResponse:
        payment = open_orders.live_payment(order)
        needs_step = payment is not None and payment.state == PaymentState.REQUIRES_ACTION
        shown = {"order": order, "step_url": payment.action_url if payment and needs_step else ""}
        response = self.own_page(request, "admin/central_waiting.html", _("Waiting for the payment"), shown)
        if not needs_step:
            response.headers["Refresh"] = str(LOOK_AGAIN_AFTER)
        return response

    def own_page(
        self, request: HttpRequest, template: str, title: str, shown: dict[str, Any], status: int = 200
    ) -> TemplateResponse:
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "parent_title": self.list_title,
            "parent_url": reverse("admin:commerce_purchase_changelist"),
            **shown,
        }
        return TemplateResponse(request, template, context, status=status)


def _quote(form: CentralOrderForm, tenant: Tenant) -> Quote | None:
    """What it would cost; what forbids it is said on the form."""
    said = form.cleaned_data
    wanted = {name: said[name] for name in ("plan", "quantity", "agreement")}
    try:
        return central.quote(tenant=tenant, **wanted, at=clock.now(tenant))
    except Refused as refused:
        blame(form, refused)
        return None


def _bought(order: Order, actor: Actor) -> str:
    if order.subscription is None or may_assign(order.subscription, actor):
        return _("Bought. Assign its seats to people below.")
    return _("Bought. Its seats are assigned by a global, license or user administrator.")


def _told(quote: Quote, form: CentralOrderForm, actor: Actor) -> dict[str, Any]:
    line = Line(
        text=str(quote.plan),
        unit=quote.unit_price,
        quantity=quote.quantity,
        amount=quote.total if quote.tax_inclusive else quote.subtotal,
    )
    seen = _Seen(order=new_id(), total=exact_text(quote.total, quote.currency), wanted=_wanted(form))
    by_invoice = form.cleaned_data["pay"] == INVOICE
    return {
        "lines": [line],
        "seen": sign(seen, SALT, actor.home.pk),
        "days": form.cleaned_data["agreement"].payment_days if by_invoice else None,
        "card": None if by_invoice else dict(form.fields["pay"].choices)[form.cleaned_data["pay"]],  # type: ignore[attr-defined]  # a ChoiceField
    }


def _wanted(form: CentralOrderForm) -> tuple[str, ...]:
    said = form.cleaned_data
    return said["plan"].pk, str(said["quantity"]), str(said["agreement"].pk if said["agreement"] else ""), said["pay"]
