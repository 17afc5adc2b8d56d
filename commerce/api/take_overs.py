"""Taking over what people bought: previewed with its money, done, undone and settled."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.api.change_shapes import RefundLineOut, SumsOut
from commerce.api.changes import EXPECTED, PreviewBody
from commerce.api.checkouts import PROBLEM, CardDeclinedOut
from commerce.api.payment_methods import came_back_url
from commerce.api.shapes import SubscriptionOut
from commerce.api.subscriptions import SubscriptionView
from commerce.models import Agreement, PaymentMethod, TakeOver, TakeOverMode, TakeOverState
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.leaving.adoption import Payer
from commerce.operations.paying import card_setups, cards
from commerce.operations.takeover import previewing, settling, showing, starting, undoing
from commerce.operations.takeover.previewing import Wish
from commerce.operations.takeover.showing import Shown
from licensing.api.shapes import Email
from licensing.models import Subscription
from licensing.operations import seats
from licensing.operations.seats import MOST_AT_ONCE
from tenants.api.fields import Money, MoneyField, Person, PersonField, money
from tenants.api.reading import Flag, Input
from tenants.refusal import BadInput
from tenants.text import LONGEST_REASON

NAMED = 100


class TakeOverBody(PreviewBody):
    mode = serializers.ChoiceField(TakeOverMode.choices)
    target_subscription = serializers.UUIDField(required=False, help_text=_("With `move`: a central subscription."))
    members = serializers.ListField(
        child=Email(),
        required=False,
        max_length=MOST_AT_ONCE,
        help_text=_("With `move`: who is moved; the others lose access. Default all who hold a seat."),
    )
    payment_method = serializers.CharField(
        max_length=255, required=False, help_text=_("With `adopt`: a card of the organisation, or a provider's token.")
    )
    agreement = serializers.UUIDField(required=False, help_text=_("With `adopt`: what pays, by invoice."))
    reimburse = Flag(
        default=False,
        help_text=_("With `adopt`: the rest of the term goes back to who paid it, and the organisation is charged."),
    )
    reason = serializers.CharField(max_length=LONGEST_REASON, allow_blank=True, default="")
    expected_total = serializers.DecimalField(
        max_digits=15, decimal_places=3, min_value=0, required=False, help_text=EXPECTED
    )


class NextTermOut(serializers.Serializer):
    """What the organisation pays at the next renewal: at its agreement's price, else the central one."""

    at = serializers.DateTimeField()
    unit_price = MoneyField(amount="unit_price", currency="currency")
    quantity = serializers.IntegerField()
    total = MoneyField(amount="total", currency="currency")


class TakeOverOut(SumsOut):
    """
    A take-over, done or only previewed. `total` goes back to who paid when it is settled, `charge` the organisation
    pays for it then. `as_of` is the moment from which on the time counts as not used.
    """

    id = serializers.SerializerMethodField(help_text="Null: a preview.")
    mode = serializers.ChoiceField(TakeOverMode.choices)
    state = serializers.SerializerMethodField(help_text="Null: a preview.")
    target_subscription = serializers.SerializerMethodField(help_text="Null: nobody is moved.")
    members = serializers.SerializerMethodField(help_text="Who is moved.")
    loses_access = serializers.SerializerMethodField(help_text="How many people do, and up to 100 of them.")
    lines = RefundLineOut(many=True)
    charge = serializers.SerializerMethodField(help_text="Null: nothing was ever charged.")
    next_term = NextTermOut(allow_null=True, help_text="Of what is adopted. Null: it does not renew as it stands.")
    refunds = serializers.BooleanField(help_text="false: the organisation gives nothing back, as its setting is.")
    reimburse = serializers.BooleanField()
    reason = serializers.CharField()
    settles_at = serializers.DateTimeField()
    as_of = serializers.DateTimeField()
    closed_at = serializers.SerializerMethodField(help_text="When it was settled or undone. Null: neither yet.")
    subscription = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_id(self, told: Shown) -> str | None:
        return str(told.take_over.pk) if told.take_over else None

    @extend_schema_field(serializers.ChoiceField(TakeOverState.choices, allow_null=True))
    def get_state(self, told: Shown) -> str | None:
        return told.take_over.state if told.take_over else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_target_subscription(self, told: Shown) -> str | None:
        return str(told.target.pk) if told.target else None

    @extend_schema_field(Person(many=True))
    def get_members(self, told: Shown) -> list[dict[str, str]]:
        return [PersonField().to_representation(member) for member in told.moved]

    @extend_schema_field({"type": "object", "properties": {"count": {"type": "integer"}, "people": {"type": "array"}}})
    def get_loses_access(self, told: Shown) -> dict[str, Any]:
        people = [PersonField().to_representation(seat.member) for seat in told.losing[:NAMED]]
        return {"count": len(told.losing), "people": people}

    @extend_schema_field(Money(allow_null=True))
    def get_charge(self, told: Shown) -> dict[str, str] | None:
        return money(told.charge, told.currency) if told.currency else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_closed_at(self, told: Shown) -> Any:
        closed_at = told.take_over.closed_at if told.take_over else None
        return serializers.DateTimeField().to_representation(closed_at) if closed_at else None

    @extend_schema_field(SubscriptionOut)
    def get_subscription(self, told: Shown) -> Any:
        return SubscriptionOut(self.context["purchase"]).data


class TakeOverView(SubscriptionView):
    scopes = {}

    def taken(self, id: UUID) -> Subscription:
        """:raises NotAllowed: the caller sees it, but may not take over what others bought"""
        subscription = self.find(Subscription.objects.visible_to(self.actor).with_people(), pk=id)
        previewing.require_taker(subscription, self.actor)
        return subscription

    def latest(self, id: UUID) -> TakeOver:
        newest = TakeOver.objects.with_people().order_by("-started_at", "-pk")
        return self.find(newest, subscription=self.taken(id))

    def told(self, shown: Shown) -> Response:
        return Response(TakeOverOut(shown, context={"purchase": self.shown(shown.subscription.pk)}).data)

    def told_of(self, take_over: TakeOver) -> Response:
        return self.told(showing.of_take_over(TakeOver.objects.with_people().get(pk=take_over.pk)))


class TakeOverPurchase(TakeOverView):
    scopes = {"GET": "purchases:read", "POST": "purchases:write"}
    idempotent = ("POST",)

    @extend_schema(operation_id="get_take_over", responses=TakeOverOut)
    def get(self, request: Request, id: UUID) -> Response:
        """The latest take-over of it; 404 where there is none."""
        self.query(Input)
        return self.told_of(self.latest(id))

    @extend_schema(operation_id="take_over_subscription", request=TakeOverBody, responses=TakeOverOut)
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """
        Take over what somebody bought. At once people are moved or lose access, or the organisation owns it; a week
        later, or when it is settled, money and records follow. Until then it can be undone.
        """
        subscription = self.taken(id)
        if self.only_previews():
            return self.preview(subscription)
        return self.once(lambda: self.take_over(subscription))

    def preview(self, subscription: Subscription) -> Response:
        body = self.body(TakeOverBody)
        told = previewing.preview(
            subscription=subscription,
            wish=self.wish(body, keep=False),
            as_of=body.get("as_of"),
            by=self.actor,
            at=self.actor.now(),
        )
        return self.told(showing.of_preview(told))

    def take_over(self, subscription: Subscription) -> Response:
        body = self.body(TakeOverBody)
        made = TakeOver.objects.filter(subscription=subscription, pk=self.key_id).first() if self.taken_over else None
        made = made or starting.take_over(
            subscription=subscription,
            wish=self.wish_with_card(subscription, body),
            as_of=body.get("as_of"),
            expecting=body.get("expected_total"),
            take_over_id=self.key_id,
            by=self.actor,
            at=self.actor.now(),
        )
        return self.told_of(made)

    def wish_with_card(self, subscription: Subscription, body: dict[str, Any]) -> Wish:
        """A new card is kept once nothing else stands in the way: what is refused keeps none."""
        wish = self.wish(body, keep=False)
        if not wish.new_card:
            return wish
        told = previewing.preview(
            subscription=subscription, wish=wish, as_of=body.get("as_of"), by=self.actor, at=self.actor.now()
        )
        if body.get("expected_total", told.total) != told.total:
            raise ChangedSincePreview
        return self.wish(body, keep=True)

    def wish(self, body: dict[str, Any], *, keep: bool) -> Wish:
        names = body.get("members")
        card, is_new = self.card(body["payment_method"], keep=keep) if "payment_method" in body else (None, False)
        agreement = self.known(Agreement.objects.of(self.tenant), "agreement", body)
        has_payer = card is not None or agreement is not None
        return Wish(
            mode=body["mode"],
            target=self.known(Subscription.objects.visible_to(self.actor), "target_subscription", body),
            members=None if names is None else seats.members_by_email(names, by=self.actor),
            payer=Payer(agreement=agreement, card=card) if has_payer else None,
            reimburse=body["reimburse"],
            reason=body["reason"],
            new_card=is_new,
        )

    def known(self, rows: Any, field: str, body: dict[str, Any]) -> Any:
        """:raises BadInput: nothing of the organisation's"""
        if field not in body:
            return None
        found = rows.filter(pk=body[field]).first()
        if found is None:
            raise BadInput(_("There is no such thing."), field=field, code="does_not_exist")
        return found

    def card(self, named: str, *, keep: bool) -> tuple[PaymentMethod | None, bool]:
        """A card of the organisation, by its id or by a provider's token; by that one it is kept when it is done."""
        means = cards.means(payment_method=named, by=self.actor)
        if means.card is not None:
            return means.card, False
        if not keep:
            return None, True
        setup = card_setups.add(
            token=means.token, for_organisation=True, return_to=came_back_url, by=self.actor, at=self.actor.now()
        )
        if setup.payment_method is None:
            said = _("The bank of this card wants it confirmed. Add it to the organisation's cards first.")
            raise cards.PaymentMethodNotAccepted(said, field="payment_method")
        return setup.payment_method, False


class UndoTakeOver(TakeOverView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="undo_take_over", request=Input, responses=TakeOverOut)
    def post(self, request: Request, id: UUID) -> Response:
        """Give it back as it was, as long as it is not settled. Undone already: nothing changes."""
        take_over = self.latest(id)
        self.body(Input)
        return self.told_of(undoing.undo(take_over=take_over, by=self.actor, at=self.actor.now()))


class SettleTakeOver(TakeOverView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(
        operation_id="settle_take_over",
        request=Input,
        responses={
            200: TakeOverOut,
            (402, PROBLEM): OpenApiResponse(
                CardDeclinedOut, description="The organisation's card was declined; it stays to be settled"
            ),
        },
    )
    def post(self, request: Request, id: UUID) -> Response:
        """Settle it now, and not in a week: what is not used goes back. Settled already: nothing changes."""
        take_over = self.latest(id)
        self.body(Input)
        return self.told_of(settling.settle(take_over=take_over, by=self.actor, at=self.actor.now()))
