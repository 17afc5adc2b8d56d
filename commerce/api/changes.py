"""Another number of seats, the end of a subscription, and going on with it: previewed, then done."""

from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.api.change_shapes import CancellationOut, ChangeOut
from commerce.api.checkouts import PROBLEM, REFUSED, CardDeclinedOut, ReadBody, read_in
from commerce.api.subscriptions import SubscriptionView
from commerce.models import Order, OrderState
from commerce.operations.buying import ordering, quoted_orders
from commerce.operations.changes import cancellations, quantity, reactivations
from commerce.operations.changes.quantity import When
from commerce.operations.changes.quotes import Quote
from licensing.models import Subscription
from tenants.api.reading import Flag, Input
from tenants.api.schema import problem

AS_OF = _("`as_of` of a preview of the last 15 minutes: what it showed is what is done.")
EXPECTED = _("The preview's total, as `10.50`: where it would be another by now, `changed_since_preview`.")
CARD = _("A kept card's id or the payment provider's token of one; default the card that pays for the subscription.")
TELL = _("Only tell what it would do: needs no key.")

TRIED: dict[Any, Any] = {
    **REFUSED,
    200: ChangeOut,
    202: OpenApiResponse(
        ChangeOut, description="The cardholder's step is needed, or the answer is not known yet: see the order"
    ),
    (402, PROBLEM): OpenApiResponse(CardDeclinedOut, description="The card was declined; nothing has changed"),
    (429, PROBLEM): problem("Too many cards were declined"),
    (503, PROBLEM): problem("The payment provider does not answer; nothing was tried"),
}


class PreviewBody(Input):
    preview = Flag(default=False, help_text=TELL)
    as_of = serializers.DateTimeField(required=False, help_text=AS_OF)


class CancelBody(PreviewBody):
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")


class ReactivateBody(PreviewBody):
    expected_total = serializers.DecimalField(
        max_digits=15, decimal_places=3, min_value=0, required=False, help_text=EXPECTED
    )
    payment_method = serializers.CharField(max_length=255, required=False, help_text=CARD)


class QuantityBody(ReactivateBody, ReadBody):
    quantity = serializers.IntegerField(help_text=_("The new total."))
    when = serializers.ChoiceField(When.choices, default=When.NOW)


class ChangeView(SubscriptionView):
    scopes = {}

    def payable(self, id: UUID) -> Subscription:
        """:raises NotAllowed: the caller sees it, but may not spend on it"""
        subscription = self.find(Subscription.objects.visible_to(self.actor).with_people(), pk=id)
        ordering.require_payer(subscription, self.actor)
        return subscription

    def return_url(self, subscription: Subscription) -> str:
        path = reverse("my-subscription-return", kwargs={"subscription_id": subscription.pk})
        return urljoin(settings.BASE_URL, path)

    def told(self, quote: Quote, *, order: Order | None = None, is_preview: bool = False) -> Response:
        context = {"purchase": self.shown(quote.subscription.pk), "order": order, "is_preview": is_preview}
        waits = order is not None and order.state == OrderState.PENDING
        return Response(ChangeOut(quote, context=context).data, status=202 if waits else 200)

    def earlier(self, subscription: Subscription) -> Order | None:
        """What the call that held this key ordered before it died."""
        return ordering.past_order(subscription, self.key_id, by=self.actor) if self.taken_over else None


class ChangeQuantity(ChangeView):
    scopes = {"POST": "purchases:write"}
    idempotent = ("POST",)

    @extend_schema(operation_id="change_quantity", request=QuantityBody, responses=TRIED)
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """
        Another number of seats. More are charged at once for the rest of the term; fewer are given back, those that
        were charged last first, inside seven days of their charge, else at the renewal. The present number withdraws
        what waits for the renewal.
        """
        subscription = self.payable(id)
        if self.only_previews():
            return self.preview(subscription)
        return self.once(lambda: self.change(subscription))

    def preview(self, subscription: Subscription) -> Response:
        body = self.body(QuantityBody)
        told = quantity.preview(
            subscription=subscription,
            quantity=body["quantity"],
            when=body["when"],
            as_of=body.get("as_of"),
            by=self.actor,
            at=self.actor.now(),
        )
        return self.told(told, is_preview=True)

    def change(self, subscription: Subscription) -> Response:
        body = self.body(QuantityBody)
        order = self.earlier(subscription)
        if order is not None:
            return self.told(quoted_orders.quote_of(order, subscription), order=order)
        kept: list[Response] = []
        done = quantity.change(
            subscription=subscription,
            quantity=body["quantity"],
            when=body["when"],
            payment_method=body.get("payment_method", ""),
            as_of=body.get("as_of"),
            expecting=body.get("expected_total"),
            return_url=self.return_url(subscription),
            order_id=self.key_id,
            acknowledge=read_in(body),
            keep=lambda quote: kept.append(self.keep(self.told(quote))),
            by=self.actor,
            at=self.actor.now(),
        )
        return kept[0] if kept else self.told(done.quote, order=done.order)


class Reactivate(ChangeView):
    scopes = {"POST": "purchases:write"}
    idempotent = ("POST",)

    @extend_schema(operation_id="reactivate_subscription", request=ReactivateBody, responses=TRIED)
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """
        Go on. While the term runs, renewal is turned on and nothing is charged; in grace the next term is charged, and
        after that a new term from the payment on.
        """
        subscription = self.payable(id)
        if self.only_previews():
            return self.preview(subscription)
        return self.once(lambda: self.reactivate(subscription))

    def preview(self, subscription: Subscription) -> Response:
        body = self.body(ReactivateBody)
        told = reactivations.preview_reactivation(
            subscription=subscription, as_of=body.get("as_of"), by=self.actor, at=self.actor.now()
        )
        return self.told(told, is_preview=True)

    def reactivate(self, subscription: Subscription) -> Response:
        body = self.body(ReactivateBody)
        order = self.earlier(subscription)
        if order is not None:
            return self.told(quoted_orders.quote_of(order, subscription), order=order)
        done = reactivations.reactivate(
            subscription=subscription,
            payment_method=body.get("payment_method", ""),
            as_of=body.get("as_of"),
            expecting=body.get("expected_total"),
            return_url=self.return_url(subscription),
            order_id=self.key_id,
            by=self.actor,
            at=self.actor.now(),
        )
        return self.told(done.quote, order=done.order)


class Cancel(ChangeView):
    scopes = {"POST": "purchases:write"}
    idempotent = ("POST",)

    @extend_schema(operation_id="cancel_subscription", request=CancelBody, responses=CancellationOut)
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """
        End a subscription. What was charged less than seven days ago ends at once, and its unused part goes back; the
        rest runs to the end of what was paid.
        """
        subscription = self.endable(id)
        if self.only_previews():
            return self.preview(subscription)
        return self.once(lambda: self.cancel(subscription))

    def preview(self, subscription: Subscription) -> Response:
        body = self.body(CancelBody)
        return self.canceled(
            cancellations.preview_cancellation(
                subscription=subscription, as_of=body.get("as_of"), by=self.actor, at=self.actor.now()
            )
        )

    def cancel(self, subscription: Subscription) -> Response:
        body = self.body(CancelBody)
        kept: list[Response] = []
        cancellations.cancel_subscription(
            subscription=subscription,
            reason=body["reason"],
            as_of=body.get("as_of"),
            keep=lambda told: kept.append(self.keep(self.canceled(told))),
            by=self.actor,
            at=self.actor.now(),
        )
        return kept[0]

    def canceled(self, cancellation: cancellations.Cancellation) -> Response:
        context = {"purchase": self.shown(cancellation.subscription.pk)}
        return Response(CancellationOut(cancellation, context=context).data)
