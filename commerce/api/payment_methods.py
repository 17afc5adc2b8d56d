"""The cards that a person keeps, and those of the organisation for whoever buys for it."""

from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.api.checkouts import PROBLEM, CardDeclinedOut
from commerce.api.quotes import NextActionOut
from commerce.models import CardSetup, CardSetupState, PaymentMethod
from commerce.operations.paying import card_setups, kept_cards, sources
from licensing.models import Subscription
from tenants.api.reading import Flag, Input
from tenants.api.schema import page_of, problem
from tenants.api.views import TenantView
from tenants.refusal import BadInput


class NewPaymentMethodBody(Input):
    token = serializers.CharField(max_length=255, help_text=_("The payment provider's token of a card."))
    for_organisation = Flag(
        default=False, help_text=_("The organisation's own card, for central purchases: for whoever buys for it.")
    )


class ReplaceBody(Input):
    by = serializers.UUIDField(help_text=_("The other card's id."))


class SourceBody(Input):
    payment_method = serializers.UUIDField(help_text=_("A kept card's id."))


class PaymentMethodOut(serializers.Serializer):
    """What may be printed of a card. `holder`: one's own (`member`), or the organisation's (`tenant`)."""

    id = serializers.CharField()
    holder = serializers.SerializerMethodField()
    brand = serializers.CharField()
    last4 = serializers.CharField()
    exp_month = serializers.IntegerField()
    exp_year = serializers.IntegerField()
    is_default = serializers.BooleanField(help_text="Offered first.")
    in_use = serializers.SerializerMethodField(help_text="It pays for a subscription, so it can only be replaced.")
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(["member", "tenant"]))
    def get_holder(self, card: PaymentMethod) -> str:
        return "member" if card.member_id else "tenant"

    def get_in_use(self, card: PaymentMethod) -> bool:
        return card.pays_for_count > 0


class CardSetupOut(serializers.Serializer):
    """A card that is being kept. `started`: the provider has not answered yet, ask again."""

    id = serializers.CharField()
    state = serializers.ChoiceField(CardSetupState.choices)
    next_action = serializers.SerializerMethodField(help_text="While `requires_action`.")
    payment_method = serializers.CharField(source="payment_method_id", allow_null=True, help_text="The kept card's id.")
    decline_code = serializers.SerializerMethodField(help_text="Why it `failed`.")

    @extend_schema_field(NextActionOut(allow_null=True))
    def get_next_action(self, setup: CardSetup) -> dict[str, str] | None:
        if setup.state != CardSetupState.REQUIRES_ACTION:
            return None
        return {"type": "redirect_to_url", "url": urljoin(settings.BASE_URL, setup.action_url)}

    def get_decline_code(self, setup: CardSetup) -> str | None:
        return setup.decline_code or None


TRIED: dict[Any, Any] = {
    202: OpenApiResponse(CardSetupOut, description="The cardholder's step is needed, or the answer is not known yet"),
    (402, PROBLEM): OpenApiResponse(CardDeclinedOut, description="The card was declined"),
    (429, PROBLEM): problem("Too many cards were declined"),
    (503, PROBLEM): problem("The payment provider does not answer; nothing was tried"),
}


class CardView(TenantView):
    """One's own cards; whoever buys for the organisation, its cards too."""

    scopes = {}

    def usable(self) -> Any:
        return PaymentMethod.objects.usable_by(self.actor).select_related("tenant", "member")

    def card(self, id: UUID) -> PaymentMethod:
        found: PaymentMethod = self.find(self.usable(), pk=id)
        return found

    def shown(self, id: UUID, *, status: int = 200) -> Response:
        return Response(PaymentMethodOut(self.find(self.usable().with_use(), pk=id)).data, status=status)

    def setup_of(self, id: UUID) -> CardSetup:
        return self.find(CardSetup.objects.by_member(self.member).select_related("tenant", "member"), pk=id)

    def tried(self, setup: CardSetup, *, kept: int) -> Response:
        """The card, once it is kept; the try of it before that."""
        if setup.payment_method_id and self.usable().filter(pk=setup.payment_method_id).exists():
            return self.shown(setup.payment_method_id, status=kept)
        return Response(CardSetupOut(setup).data, status=202 if setup.settled_at is None else kept)


class PaymentMethods(CardView):
    scopes = {"GET": "purchases:read", "POST": "purchases:write"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_payment_methods", responses=page_of(PaymentMethodOut))
    def get(self, request: Request) -> Response:
        """One's own cards; for whoever buys for the organisation, its cards too."""
        self.query(Input)
        return self.page(self.usable().with_use(), PaymentMethodOut)

    @extend_schema(
        operation_id="add_payment_method",
        request=NewPaymentMethodBody,
        responses={
            200: OpenApiResponse(PaymentMethodOut, description="The card was kept already: it is the same one"),
            201: PaymentMethodOut,
            **TRIED,
        },
    )
    def post(self, request: Request) -> Response:
        """Keep a card for later charges. The same card again is the same card: nothing is kept twice."""
        body = self.body(NewPaymentMethodBody)
        setup = card_setups.add(
            token=body["token"],
            for_organisation=body["for_organisation"],
            return_to=came_back_url,
            by=self.actor,
            at=self.actor.now(),
        )
        return self.tried(setup, kept=200 if setup.found_kept else 201)


class OnePaymentMethod(CardView):
    scopes = {"GET": "purchases:read", "DELETE": "purchases:write"}

    @extend_schema(operation_id="get_payment_method", responses=PaymentMethodOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One card."""
        return self.shown(id)

    @extend_schema(operation_id="remove_payment_method", responses={204: None})
    def delete(self, request: Request, id: UUID) -> Response:
        """Keep a card no longer. One that pays for a subscription is refused (`payment_method_in_use`): replace it."""
        kept_cards.remove(card=self.card(id), by=self.actor, at=self.actor.now())
        return Response(status=204)


class DefaultPaymentMethod(CardView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="prefer_payment_method", request=Input, responses=PaymentMethodOut)
    def post(self, request: Request, id: UUID) -> Response:
        """Offer this card first from now on."""
        card = self.card(id)
        self.body(Input)
        kept_cards.make_default(card=card, by=self.actor, at=self.actor.now())
        return self.shown(id)


class ReplacePaymentMethod(CardView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="replace_payment_method", request=ReplaceBody, responses=PaymentMethodOut)
    def post(self, request: Request, id: UUID) -> Response:
        """Let another card pay for all that this one pays for, and remove this one. Answers with the other one."""
        card, body = self.card(id), self.body(ReplaceBody)
        other = self.usable().filter(pk=body["by"]).first()
        if other is None:
            raise BadInput(_("There is no such card."), field="by", code="does_not_exist")
        kept_cards.replace(card=card, other=other, by=self.actor, at=self.actor.now())
        return self.shown(other.pk)


class OneCardSetup(CardView):
    scopes = {"GET": "purchases:read"}

    @extend_schema(operation_id="get_card_setup", responses=CardSetupOut)
    def get(self, request: Request, id: UUID) -> Response:
        """How the keeping of a card stands."""
        return Response(CardSetupOut(self.setup_of(id)).data)


class ConfirmCardSetup(CardView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="confirm_card_setup", request=Input, responses={200: PaymentMethodOut, **TRIED})
    def post(self, request: Request, id: UUID) -> Response:
        """After the cardholder's step: ask the provider what became of it. Answers with the card, once it is kept."""
        setup = self.setup_of(id)
        self.body(Input)
        return self.tried(card_setups.confirm(setup=setup, by=self.actor, at=self.actor.now()), kept=200)


class CancelCardSetup(CardView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="cancel_card_setup", request=Input, responses=CardSetupOut)
    def post(self, request: Request, id: UUID) -> Response:
        """Give up a card that waits for its holder. Too late: it is kept."""
        setup = self.setup_of(id)
        self.body(Input)
        ended = card_setups.give_up(setup=setup, by=self.actor, at=self.actor.now())
        return Response(CardSetupOut(ended).data)


class SubscriptionPaymentMethod(CardView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="set_payment_method", request=SourceBody, responses=PaymentMethodOut)
    def post(self, request: Request, id: UUID) -> Response:
        """Choose which of the payer's cards pays for a subscription from its next charge on. Nothing is charged."""
        subscription, body = self.find(Subscription.objects.visible_to(self.actor), pk=id), self.body(SourceBody)
        card = self.usable().filter(pk=body["payment_method"]).first()
        if card is None:
            raise BadInput(_("There is no such card."), field="payment_method", code="does_not_exist")
        sources.change(subscription=subscription, card=card, by=self.actor, at=self.actor.now())
        return self.shown(card.pk)


def came_back_url(setup_id: UUID) -> str:
    """Where the bank's page leads."""
    return urljoin(settings.BASE_URL, reverse("payment-method-return", kwargs={"setup_id": setup_id}))
