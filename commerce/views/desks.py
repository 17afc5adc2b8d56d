"""Where a subscription is changed: among somebody's own here, or for the organisation in the procurement view."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from commerce.forms.cards import CardForm
from commerce.models import Order, PaymentState
from commerce.operations.paying import cards, charging, open_orders
from commerce.views import buying, paying, wording
from commerce.views.subscriptions import own
from licensing.models import Subscription
from policies.eligibility import PurchaseRefused
from tenants.access import Actor
from tenants.refusal import Refused

ADD, REMOVE, CANCEL, REACTIVATE, ALIGN = "add-seats", "remove-seats", "cancel", "reactivate", "align"
NOTHING_TO_CANCEL = "nothing-to-cancel"


@dataclass(frozen=True, kw_only=True)
class Desk(ABC):
    """One subscription on the pages of one edge: their addresses, how they look, and what may pay there."""

    request: HttpRequest
    subscription: Subscription
    by: Actor
    now: datetime

    @abstractmethod
    def url(self, page: str = "") -> str:
        """Of the page that changes it, or of its own."""

    @abstractmethod
    def show(self, page: str, context: dict[str, Any], status: int = 200) -> HttpResponse: ...

    @abstractmethod
    def refused(self, refusal: PurchaseRefused) -> HttpResponse:
        """A rule of eligibility says no."""

    @abstractmethod
    def means_form(self, data: Mapping[str, Any] | None = None) -> forms.Form:
        """Its field `payment_method` is what the operations take: nothing is what pays for the subscription already."""

    def leave(self) -> HttpResponse:
        return redirect(self.url())

    def back(self, refusal: Refused) -> HttpResponse:
        messages.error(self.request, why(refusal))
        return self.leave()

    def onward(self, order: Order) -> HttpResponse:
        """To the bank's step, where there is one; else to the page that says what is waited for."""
        payment = open_orders.live_payment(order)
        if payment and payment.state == PaymentState.REQUIRES_ACTION:
            return redirect(payment.action_url)
        return self.leave()

    @property
    def return_url(self) -> str:
        """Where the bank's page leads: from there everybody comes back to where they manage it."""
        path = reverse("my-subscription-return", kwargs={"subscription_id": self.subscription.pk})
        return self.request.build_absolute_uri(path)


class OwnDesk(Desk):
    """Of what somebody manages themselves."""

    def url(self, page: str = "") -> str:
        name = f"my-subscription-{page}" if page else "my-subscription"
        return reverse(name, kwargs={"subscription_id": self.subscription.pk})

    def show(self, page: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        shown = {"section": "subscriptions", "subscription": self.subscription, "card_fields": paying.card_fields()}
        template = f"commerce/{page.replace('-', '_')}.html"
        return render(self.request, template, {**shown, **context}, status=status)

    def refused(self, refusal: PurchaseRefused) -> HttpResponse:
        return buying.refused(self.request, refusal, self.subscription.plan, self.by)

    def means_form(self, data: Mapping[str, Any] | None = None) -> forms.Form:
        """With the card that pays for the subscription chosen already, as long as it can pay."""
        kept = cards.offered(by=self.by, at=self.now)
        source = paying.source_of(self.subscription)
        usual = source.payment_method_id if source else None
        kept.sort(key=lambda card: card.pk != usual)
        return CardForm(data, kept=kept)


def own_desk(request: HttpRequest, by: Actor, subscription_id: UUID) -> Desk:
    return OwnDesk(request=request, subscription=own(by, subscription_id), by=by, now=by.now())


def why(refusal: Refused) -> str:
    if isinstance(refusal, charging.CardDeclined):
        return wording.decline(str(refusal.extra["decline_code"]))
    return str(refusal)
