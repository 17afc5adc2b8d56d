"""What was bought: a list that filters, renewal, end."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.api.shapes import SubscriptionOut
from commerce.models import Purchase
from commerce.models.purchase import PurchaseQuerySet
from commerce.operations.buying import extensions
from commerce.operations.changes import policy_endings
from commerce.operations.procurement import searching
from licensing.api.shapes import Email
from licensing.models import Channel, Subscription, SubscriptionState
from licensing.operations import subscriptions
from tenants.access import Right
from tenants.api.reading import Flag, Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView


class SubscriptionFilters(Input):
    channel = serializers.ChoiceField(Channel.choices, required=False)
    state = serializers.ChoiceField(SubscriptionState.choices, required=False)
    product = serializers.CharField(max_length=40, required=False, help_text=_("A product's id."))
    family = serializers.CharField(max_length=63, required=False, help_text=_("A family's slug."))
    purchaser = Email(required=False)
    assigned_to = Email(required=False, help_text=_("Who holds a seat now."))
    expires_before = serializers.DateTimeField(required=False, help_text=_("`term_end` is earlier."))
    expires_after = serializers.DateTimeField(required=False, help_text=_("`term_end` is later."))
    search = serializers.CharField(max_length=200, required=False, help_text=_("In product, and purchaser."))


# What each filter asks of the rows; those by people and by text are asked otherwise.
LOOKUPS = {
    "channel": "channel",
    "state": "state",
    "product": "plan__product",
    "family": "plan__product__family",
    "expires_before": "term_end__lt",
    "expires_after": "term_end__gt",
}


class AutoRenewBody(Input):
    auto_renew = Flag()
    reason = serializers.CharField(
        max_length=500, allow_blank=True, required=False, help_text=_("Why an admin lifts a stop of its renewal.")
    )


class SubscriptionView(TenantView):
    scopes = {}

    def visible(self) -> PurchaseQuerySet:
        return Purchase.objects.visible_to(self.actor)

    def only_previews(self) -> bool:
        """Whether the caller asks what it would do, before a key is asked for or the body read."""
        sent: dict[str, Any] = self.request.data  # type: ignore[assignment]  # the parser reads objects only
        return sent.get("preview") is True

    def endable(self, id: UUID) -> Subscription:
        """:raises NotAllowed: the caller sees it, but may not end it"""
        subscription = self.find(self.visible(), pk=id)
        subscriptions.require_ender(subscription, self.actor)
        return subscription

    def shown(self, id: UUID) -> Subscription:
        return self.find(self.visible().for_procurement().priced_for(self.actor), pk=id)


class Subscriptions(SubscriptionView):
    scopes = {"GET": "purchases:read"}
    orderings = {"created_at": "created_at", "term_end": "term_end", "id": "id"}

    @extend_schema(
        operation_id="list_subscriptions", parameters=[SubscriptionFilters], responses=page_of(SubscriptionOut)
    )
    def get(self, request: Request) -> Response:
        """
        One's own purchases; whoever sees all purchases, those of the tenant, however they were bought. Without prices
        for those who only give its seats.
        """
        asked = self.query(SubscriptionFilters)
        return self.page(self.filtered(asked).for_procurement().priced_for(self.actor), SubscriptionOut)

    def filtered(self, asked: dict[str, Any]) -> PurchaseQuerySet:
        found = self.visible().filter(**{LOOKUPS[name]: asked[name] for name in asked if name in LOOKUPS})
        if "purchaser" in asked:
            found = found.filter(purchaser__in=searching.members_at(asked["purchaser"], among=[self.tenant.pk]))
        if "assigned_to" in asked:
            found = searching.held_by(found, asked["assigned_to"], among=[self.tenant.pk])
        return searching.matching(found, asked["search"], among=[self.tenant.pk]) if "search" in asked else found


class OneSubscription(SubscriptionView):
    scopes = {"GET": "purchases:read"}

    @extend_schema(operation_id="get_subscription", responses=SubscriptionOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One purchase."""
        return Response(SubscriptionOut(self.shown(id)).data)


class AutoRenew(SubscriptionView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="set_auto_renew", request=AutoRenewBody, responses=SubscriptionOut)
    def post(self, request: Request, id: UUID) -> Response:
        """
        Turn automatic renewal off or on. Twice changes nothing more. By an admin, on lifts a stop of the organisation:
        its owner may renew it again, and is told; of another's purchase renewal stays off until they turn it on.
        Of what was adopted, and may yet be undone, it is the organisation's to turn.
        """
        subscription, body = self.endable(id), self.body(AutoRenewBody)
        reason, at = body.pop("reason", ""), self.actor.now()
        if body["auto_renew"] and self.may_lift(subscription):
            policy_endings.lift_stop(subscription=subscription, reason=reason, by=self.actor, at=at)
        else:
            subscriptions.set_auto_renew(subscription=subscription, by=self.actor, at=at, **body)
        return Response(SubscriptionOut(self.shown(id)).data)

    def may_lift(self, subscription: Subscription) -> bool:
        return policy_endings.is_stopped(subscription) and self.actor.may(Right.CHANGE_POLICY)


class ExtendTrial(SubscriptionView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="extend_trial", request=Input, responses=SubscriptionOut)
    def post(self, request: Request, id: UUID) -> Response:
        """Give a running trial as many days again as its product has, from its end on. Once, by an admin."""
        subscription = self.find(self.visible(), pk=id)
        self.body(Input)
        extensions.extend(subscription=subscription, by=self.actor, at=self.actor.now())
        return Response(SubscriptionOut(self.shown(id)).data)
