"""Handing a subscription over: offered by its owner, taken over by another member with a card of their own."""

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
from commerce.models import CardSetupState, TransferOffer, TransferState
from commerce.models.transfer import LONGEST_TRANSFER_MESSAGE
from commerce.operations.handover import acceptance, offers
from licensing.api.shapes import Email
from licensing.models import Subscription
from licensing.operations import seats
from tenants.api.fields import PersonField
from tenants.api.reading import Input
from tenants.api.schema import page_of, problem
from tenants.api.views import TenantView


class TransferBody(Input):
    to = Email(help_text=_("The member who is to have it."))
    message = serializers.CharField(max_length=LONGEST_TRANSFER_MESSAGE, allow_blank=True, default="")


class AcceptTransferBody(Input):
    payment_method = serializers.CharField(
        max_length=255, help_text=_("A kept card's id, or the payment provider's token of a new one.")
    )


class TransferFilters(Input):
    state = serializers.ChoiceField(TransferState.choices, required=False)


class TransferOut(serializers.Serializer):
    """`open`, and a `next_action`: the bank of whoever accepts wants a step before their card is kept."""

    id = serializers.CharField()
    state = serializers.ChoiceField(TransferState.choices)
    subscription = serializers.CharField(source="subscription_id")
    offered_by = PersonField()
    to = PersonField()
    message = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(source="lapses_at")
    next_action = serializers.SerializerMethodField(help_text="For whom it was offered to.")
    card_setup = serializers.SerializerMethodField(help_text="As above: to be confirmed, then accept again.")

    @extend_schema_field(NextActionOut(allow_null=True))
    def get_next_action(self, offer: TransferOffer) -> dict[str, str] | None:
        setup = self._setup(offer)
        if setup is None or setup.state != CardSetupState.REQUIRES_ACTION:
            return None
        return {"type": "redirect_to_url", "url": urljoin(settings.BASE_URL, setup.action_url)}

    def get_card_setup(self, offer: TransferOffer) -> str | None:
        setup = self._setup(offer)
        return str(setup.pk) if setup else None

    def _setup(self, offer: TransferOffer) -> Any:
        return acceptance.waiting_step(offer) if self.context["by"].is_member(offer.to_id) else None


ACCEPTED: dict[Any, Any] = {
    200: TransferOut,
    202: OpenApiResponse(TransferOut, description="The cardholder's step is needed, or the answer is not known yet"),
    (402, PROBLEM): OpenApiResponse(CardDeclinedOut, description="The card was declined"),
    (429, PROBLEM): problem("Too many cards were declined"),
    (503, PROBLEM): problem("The payment provider does not answer; nothing was tried"),
}


class TransferView(TenantView):
    scopes = {}

    def mine(self) -> Any:
        """What a person made, was made, or owns; whoever may end others' purchases offers on behalf of leavers."""
        return TransferOffer.objects.visible_to(self.actor).with_people()

    def newest(self, id: UUID) -> TransferOffer:
        """Of a subscription, among those the caller has to do with."""
        found: TransferOffer = self.find(self.mine().order_by("-created_at", "-pk"), subscription=id)
        return found

    def told(self, offer: TransferOffer, status: int = 200) -> Response:
        fresh = TransferOffer.objects.with_people().get(pk=offer.pk)
        return Response(TransferOut(fresh, context={"by": self.actor}).data, status=status)


class Transfers(TransferView):
    scopes = {"GET": "purchases:read"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_transfers", parameters=[TransferFilters], responses=page_of(TransferOut))
    def get(self, request: Request) -> Response:
        """The offers that one made or was made."""
        asked = self.query(TransferFilters)
        return self.page(self.mine().filter(**asked), TransferOut, by=self.actor)


class Transfer(TransferView):
    scopes = {"GET": "purchases:read", "POST": "purchases:write"}

    @extend_schema(operation_id="get_transfer", responses=TransferOut)
    def get(self, request: Request, id: UUID) -> Response:
        """The newest offer of a subscription, for whom it was made by or to."""
        return self.told(self.newest(id))

    @extend_schema(operation_id="offer_transfer", request=TransferBody, responses={201: TransferOut})
    def post(self, request: Request, id: UUID) -> Response:
        """
        Offer a subscription to another member, who has 14 days to accept with a card of their own. Until then nothing
        changes, and a charge that falls due goes to whoever pays now.
        """
        subscription = self.find(Subscription.objects.visible_to(self.actor).select_related("tenant"), pk=id)
        offers.require_offerer(subscription, self.actor)
        body = self.body(TransferBody)
        [to] = seats.members_by_email([body["to"]], by=self.actor, field="to")
        made = offers.offer(
            subscription=subscription, to=to, message=body["message"], by=self.actor, at=self.actor.now()
        )
        return self.told(made, 201)


class AcceptTransfer(TransferView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="accept_transfer", request=AcceptTransferBody, responses=ACCEPTED)
    def post(self, request: Request, id: UUID) -> Response:
        """
        Take a subscription over. Nothing is charged now; one's card pays from its next charge on. Where the card's
        bank wants a step: take it at `next_action`, or confirm the `card_setup` and accept again with the kept card.
        """
        offer = self.newest(id)
        offers.require_recipient(offer, self.actor)
        body = self.body(AcceptTransferBody)
        done = acceptance.accept(
            offer=offer,
            payment_method=body["payment_method"],
            return_to=lambda setup: came_back_url(offer),
            by=self.actor,
            at=self.actor.now(),
        )
        return self.told(done, 200 if done.state == TransferState.ACCEPTED else 202)


class DeclineTransfer(TransferView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="decline_transfer", request=Input, responses=TransferOut)
    def post(self, request: Request, id: UUID) -> Response:
        """Say no to what was offered to one."""
        offer = self.newest(id)
        self.body(Input)
        return self.told(offers.decline(offer=offer, by=self.actor, at=self.actor.now()))


class WithdrawTransfer(TransferView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="withdraw_transfer", request=Input, responses=TransferOut)
    def post(self, request: Request, id: UUID) -> Response:
        """Take back what one has offered."""
        offer = self.newest(id)
        self.body(Input)
        return self.told(offers.withdraw(offer=offer, by=self.actor, at=self.actor.now()))


def came_back_url(offer: TransferOffer) -> str:
    """Where the bank's page leads."""
    return urljoin(settings.BASE_URL, reverse("my-transfer-return", kwargs={"offer_id": offer.pk}))
