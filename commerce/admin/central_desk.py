"""What the organisation has bought, on the pages that change it: their addresses, and what may pay."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.central import CentralOrders
from commerce.amounts import money
from commerce.models import Agreement, PaymentMethod, PaymentSource
from commerce.operations.paying import cards, sources
from commerce.views import desks, paying, standing
from commerce.views.desks import Desk
from commerce.views.subscriptions import may_cancel
from licensing.models import Channel, Plan, Subscription, SubscriptionState
from policies.eligibility import PurchaseRefused
from tenants.access import Actor, Right

PAY = "payment"
TITLES: dict[str, str | Promise] = {
    desks.ADD: gettext_lazy("Add seats"),
    desks.REMOVE: gettext_lazy("Remove seats"),
    desks.ALIGN: gettext_lazy("Align renewals"),
    desks.CANCEL: gettext_lazy("Cancel subscription"),
    desks.NOTHING_TO_CANCEL: gettext_lazy("There is nothing to cancel"),
    desks.REACTIVATE: gettext_lazy("Reactivate"),
    PAY: gettext_lazy("Change what pays"),
}
TEMPLATES = {
    desks.ADD: "admin/central_seats.html",
    desks.REMOVE: "admin/central_seats.html",
    desks.ALIGN: "admin/central_align.html",
    desks.CANCEL: "admin/central_cancel.html",
    desks.NOTHING_TO_CANCEL: "admin/central_cancel.html",
    desks.REACTIVATE: "admin/central_reactivate.html",
    PAY: "admin/central_payment.html",
}


class OrganisationPaysForm(forms.Form):
    """An agreement, by invoice, or one of the organisation's cards."""

    def __init__(self, agreements: Iterable[Agreement], kept: Iterable[PaymentMethod], *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.agreements = {str(agreement.pk): agreement for agreement in agreements}
        by_invoice = [(pk, self.named(held)) for pk, held in self.agreements.items()]
        messages = dict.fromkeys(("required", "invalid_choice"), _("Choose what pays."))
        self.fields["payment_method"] = forms.ChoiceField(
            label=_("Payment"),
            choices=[*by_invoice, *((str(card.pk), str(card)) for card in kept)],
            error_messages=messages,
        )

    def named(self, agreement: Agreement) -> str:
        return _("Invoice, under %(name)s") % {"name": agreement.name}

    def clean_payment_method(self) -> str:
        """Nothing for an agreement: it is what pays already."""
        chosen = str(self.cleaned_data["payment_method"])
        return "" if chosen in self.agreements else chosen

    @property
    def agreement(self) -> Agreement | None:
        return self.agreements.get(str(self.data.get("payment_method")))


class NextPayerForm(OrganisationPaysForm):
    """What pays from the next charge on; an agreement also decides at which price."""

    def __init__(self, plan: Plan, *args: Any, **kwargs: Any) -> None:
        self.plan = plan
        super().__init__(*args, **kwargs)

    def named(self, agreement: Agreement) -> str:
        agreed = next((price for price in agreement.prices.all() if price.plan_id == self.plan.pk), None)
        told = {"name": agreement.name, "price": agreed and money(agreed.amount, agreement.currency)}
        if agreed is None:
            return _("Invoice, under %(name)s: it has no price of its own for this plan") % told
        return _("Invoice, under %(name)s: %(price)s a seat") % told


@dataclass(frozen=True, kw_only=True)
class CentralDesk(Desk):
    """Of what the organisation pays itself, for whoever buys for it."""

    admin: CentralOrders

    def url(self, page: str = "") -> str:
        return reverse(f"admin:commerce_purchase_{(page or 'change').replace('-', '_')}", args=[self.subscription.pk])

    def show(self, page: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        shown = {
            "subscription": self.subscription,
            "parent_title": str(self.subscription.plan),
            "parent_url": self.url(),
            "ends_anyway": page == desks.NOTHING_TO_CANCEL,
            **context,
        }
        return self.admin.own_page(self.request, TEMPLATES[page], str(TITLES[page]), shown, status)

    def refused(self, refusal: PurchaseRefused) -> HttpResponse:
        for reason in refusal.answer.reasons:
            messages.error(self.request, reason["detail"])
        return self.leave()

    def means_form(self, data: Mapping[str, Any] | None = None) -> forms.Form:
        """With what pays for it chosen already: its agreement as long as that is paid by invoice, or its card."""
        source = paying.source_of(self.subscription)
        held = source.agreement_id if source and source.by_invoice else None
        agreements = sources.billing(self.subscription, at=self.now).filter(pk__in=[held] if held else [])
        return OrganisationPaysForm(agreements, self.kept(source), data)

    def sources_form(self, data: Mapping[str, Any] | None = None) -> OrganisationPaysForm:
        """Whatever could pay from the next charge on."""
        source = paying.source_of(self.subscription)
        now = source and (source.payment_method_id or source.agreement_id)
        agreements = sources.billing(self.subscription, at=self.now).with_prices().order_by("name", "pk")
        usual = {"payment_method": str(now or "")}
        return NextPayerForm(self.subscription.plan, agreements, self.kept(source), data, initial=usual)

    def kept(self, source: PaymentSource | None) -> list[PaymentMethod]:
        """The organisation's cards, first the one that pays."""
        usual = source.payment_method_id if source else None
        kept = cards.offered(by=self.by, at=self.now, for_organisation=True)
        return sorted(kept, key=lambda card: card.pk != usual)


def is_the_organisations(subscription: Subscription) -> bool:
    return subscription.owner_id is None and subscription.payer_id is None


def changes_of(subscription: Subscription, by: Actor) -> dict[str, Any] | None:
    """What may be done with a purchase on its page; none: nothing, by this person or at all."""
    if by.membership is None or not is_the_organisations(subscription) or not may_change(by):
        return None
    if subscription.channel == Channel.PARTNER:
        return None
    if subscription.state == SubscriptionState.DELETED:
        return None
    buys = by.may(Right.BUY_CENTRALLY)
    stands = standing.of_subscription(subscription, by)
    return {
        **stands,
        "subscription": subscription,
        "source": paying.source_of(subscription),
        "buys": buys,
        "runs": subscription.state == SubscriptionState.ACTIVE,
        "may_cancel": may_cancel(subscription, by),
    }


def may_change(by: Actor) -> bool:
    """Whether somebody may at least end what the organisation pays."""
    return by.may(Right.BUY_CENTRALLY) or by.may(Right.END_PURCHASES_OF_OTHERS)
