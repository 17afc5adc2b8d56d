"""A purchase: the quote, the card, the cardholder's step."""

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

from commerce.api.quotes import CheckoutOut
from commerce.models import Checkout, CheckoutState
from commerce.operations.buying import approval_requests, checkouts, payments, trials
from commerce.operations.paying import settlement
from licensing.api.shapes import Email
from licensing.models import Plan
from licensing.operations import seats
from policies.api.shapes import ContactOut, ReasonOut
from policies.operations.acknowledgements import Read
from tenants.api.reading import Input
from tenants.api.schema import ProblemOut, problem
from tenants.api.views import TenantView
from tenants.directory.models import Membership
from tenants.refusal import BadInput

MOST_READ = 200


class ReadPolicyBody(Input):
    id = serializers.CharField(max_length=40)
    version = serializers.IntegerField(min_value=1, help_text=_("As it was shown: another by now is refused."))


class ReadBody(Input):
    """What the buyer has read of the organisation's data policies."""

    acknowledge = serializers.ListField(
        child=serializers.CharField(max_length=40),
        required=False,
        max_length=MOST_READ,
        help_text=_("The ids of the data policies that the buyer has read; of all that ask for it."),
    )
    acknowledged = serializers.ListField(
        child=ReadPolicyBody(),
        required=False,
        max_length=MOST_READ,
        help_text=_("As `acknowledge`, with the version that the buyer has read."),
    )


def read_in(body: dict[str, Any]) -> Read:
    """Of a checked body; without a version it is what stands now."""
    named = {policy["id"]: policy["version"] for policy in body.pop("acknowledged", ())}
    return dict.fromkeys(body.pop("acknowledge", ())) | named


class CheckoutBody(ReadBody):
    plan = serializers.CharField(max_length=80)
    quantity = serializers.IntegerField()
    assign_to = serializers.ListField(
        child=Email(),
        required=False,
        max_length=seats.MOST_AT_ONCE,
        help_text=_("Who gets the seats; default the buyer. An empty list: nobody yet."),
    )
    trial = serializers.ChoiceField(
        [
            ("none", _("A purchase")),
            ("without_payment_method", _("A trial, which begins at once and ends by itself")),
            ("with_payment_method", _("A trial that begins when a card is kept, and becomes a purchase when it ends")),
        ],
        default="none",
    )


class PayBody(ReadBody):
    payment_method = serializers.CharField(
        max_length=255,
        required=False,
        help_text=_(
            "The payment provider's token of a card, or a kept card's id. Where somebody has to approve it first it "
            "may be left out: it is paid for after the approval."
        ),
    )


class PurchaseRefusedOut(ProblemOut):
    """`reasons` and `contact` with the code `purchase_refused`."""

    reasons = ReasonOut(many=True, required=False)
    contact = ContactOut(required=False)


class CardDeclinedOut(ProblemOut):
    decline_code = serializers.CharField()


PROBLEM = "application/problem+json"
REFUSED: dict[Any, Any] = {
    (403, PROBLEM): OpenApiResponse(
        PurchaseRefusedOut, description="A rule refuses, or the token lacks the scope, or the person is no member"
    )
}
TRIED: dict[Any, Any] = {
    **REFUSED,
    200: CheckoutOut,
    202: OpenApiResponse(
        CheckoutOut,
        description="The cardholder's step is needed, the answer is not known yet, or somebody has to approve it",
    ),
    (402, PROBLEM): OpenApiResponse(CardDeclinedOut, description="The card was declined; it stays open"),
    (429, PROBLEM): problem("Too many cards were declined"),
}


class CheckoutView(TenantView):
    """Whoever opened a checkout sees it, and nobody else."""

    scopes = {}

    def own(self, id: UUID) -> Checkout:
        return self.find(Checkout.objects.by_buyer(self.member), pk=id)

    def shown(self, checkout: Checkout, *, status: int) -> Response:
        found = Checkout.objects.with_plan().with_outcome().get(pk=checkout.pk)
        return Response(CheckoutOut(found).data, status=status)

    def after_a_card(self, checkout: Checkout) -> Response:
        return self.shown(checkout, status=200 if checkout.state == CheckoutState.COMPLETED else 202)


class Checkouts(CheckoutView):
    scopes = {"POST": "purchases:write"}
    idempotent = ("POST",)

    @extend_schema(operation_id="open_checkout", request=CheckoutBody, responses={201: CheckoutOut, **REFUSED})
    def post(self, request: Request) -> HttpResponse:
        """
        Quote a purchase. The price shown is the price charged, for 24 hours. Refused: 403 with every reason. A trial
        without a card is completed at once, with its subscription and without an order: nothing is charged. One with a
        card begins by `pay/`, which keeps the card and charges nothing; `next_charge_at` and `next_charge_total` say
        what follows unless automatic renewal is turned off.
        """
        return self.once(self.open)

    def open(self) -> Response:
        body = self.body(CheckoutBody)
        plan = Plan.objects.select_related("product__family").filter(pk=body["plan"]).first()
        if plan is None:
            raise BadInput(_("There is no such plan."), field="plan", code="does_not_exist")
        people = None
        if "assign_to" in body:
            people = seats.members_by_email(body["assign_to"], by=self.actor, field="assign_to")
        if body["trial"] == "without_payment_method":
            return self.start_trial(plan, body["quantity"], people, read_in(body))
        opened = checkouts.open_checkout(
            plan=plan,
            quantity=body["quantity"],
            assign_to=people,
            with_trial=body["trial"] == "with_payment_method",
            by=self.actor,
            at=self.actor.now(),
        )
        return self.shown(opened, status=201)

    def start_trial(self, plan: Plan, quantity: int, people: list[Membership] | None, read: Read) -> Response:
        kept: list[Response] = []
        trials.start_trial(
            plan=plan,
            quantity=quantity,
            assign_to=people,
            acknowledge=read,
            keep=lambda checkout: kept.append(self.keep(self.shown(checkout, status=201))),
            by=self.actor,
            at=self.actor.now(),
        )
        return kept[0]


class OneCheckout(CheckoutView):
    scopes = {"GET": "purchases:read"}

    @extend_schema(operation_id="get_checkout", responses=CheckoutOut)
    def get(self, request: Request, id: UUID) -> Response:
        """How a purchase stands. While `processing`, ask again."""
        return self.shown(self.own(id), status=200)


class PayCheckout(CheckoutView):
    scopes = {"POST": "purchases:write"}
    idempotent = ("POST",)

    @extend_schema(operation_id="pay_checkout", request=PayBody, responses=TRIED)
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """
        Try a card: paid at once, or with a step of the cardholder, or unknown for now. Declined: it stays open. Where
        somebody has to approve it first, the card is kept and charged after that (202, `awaiting_approval`).
        """
        checkout = self.own(id)
        return self.once(lambda: self.pay(checkout))

    def pay(self, checkout: Checkout) -> Response:
        body = self.body(PayBody)
        card, back = body.get("payment_method", ""), reverse("checkout-return", kwargs={"checkout_id": checkout.pk})
        try:
            tried = (payments.pay_checkout if card else payments.ask_for_approval)(
                checkout=checkout,
                payment_method=card,
                acknowledge=read_in(body),
                return_url=urljoin(settings.BASE_URL, back),
                by=self.actor,
                at=self.actor.now(),
            )
        except approval_requests.ApprovalNotNeeded:
            required = serializers.Field.default_error_messages["required"]
            raise BadInput(required, field="payment_method", code="required") from None
        except (checkouts.CheckoutCompleted, settlement.PaymentInProgress):
            if not self.taken_over:
                raise
            # The call that held this key died on its way: what became of its try is the answer.
            tried = self.own(checkout.pk)
        return self.after_a_card(tried)


class ConfirmCheckout(CheckoutView):
    scopes = {"POST": "purchases:write"}
    idempotent = ("POST",)

    @extend_schema(operation_id="confirm_checkout", request=Input, responses=TRIED)
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """After the cardholder's step: ask the provider what became of it."""
        checkout = self.own(id)
        return self.once(lambda: self.confirm(checkout))

    def confirm(self, checkout: Checkout) -> Response:
        self.body(Input)
        return self.after_a_card(payments.confirm_checkout(checkout=checkout, by=self.actor, at=self.actor.now()))


class CancelCheckout(CheckoutView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="cancel_checkout", request=Input, responses=CheckoutOut)
    def post(self, request: Request, id: UUID) -> Response:
        """Give it up. Canceled already: nothing changes."""
        checkout = self.own(id)
        self.body(Input)
        ended = checkouts.cancel_checkout(checkout=checkout, by=self.actor, at=self.actor.now())
        return self.shown(ended, status=200)
