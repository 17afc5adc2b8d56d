"""A checkout as the API shows it."""

from datetime import datetime
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from commerce.api.shapes import TaxTermsField
from commerce.models import CardSetupState, Checkout, CheckoutState, Order, PaymentState
from commerce.models.checkout import CLOSED
from commerce.money import ZERO
from commerce.operations.buying import approval_requests, free_seats
from licensing.api.shapes import ProductRef
from licensing.models import Subscription
from policies.api.shapes import GovernanceRef, OrNone, ReasonOut
from policies.models import Approval, ApprovalState
from policies.models.governance import governance_of
from policies.operations import access, approvals
from tenants import clock
from tenants.api.fields import Money, MoneyField, Person, money


class QuoteLineOut(serializers.Serializer):
    product = ProductRef(source="plan.product")
    plan = serializers.CharField(source="plan_id")
    quantity = serializers.IntegerField()
    unit_price = MoneyField(amount="unit_price", currency="currency")
    amount = MoneyField(amount="subtotal", currency="currency", help_text="Without tax.")
    tax = MoneyField(amount="tax", currency="currency")


class QuoteOut(serializers.Serializer):
    """What is charged at once, and what is charged next. With a trial nothing at once, and its first term next."""

    lines = serializers.SerializerMethodField()
    unit_price = MoneyField(amount="unit_price", currency="currency")
    quantity = serializers.IntegerField()
    subtotal = MoneyField(amount="subtotal", currency="currency", help_text="Without tax.")
    tax = MoneyField(amount="tax", currency="currency")
    tax_terms = TaxTermsField()
    total = MoneyField(amount="total", currency="currency")
    next_charge_at = serializers.SerializerMethodField(
        help_text="When the term, or a `trial` with a card, ends: the next is charged unless renewal is turned off. "
        "Null: nothing ever is."
    )
    next_charge_total = serializers.SerializerMethodField(
        help_text="At today's price, with today's tax. Null, as `next_charge_at`."
    )
    trial = serializers.BooleanField(source="with_trial", help_text="It begins with a trial, and a card that is kept.")
    ends_at = serializers.SerializerMethodField(
        help_text="The end of the term; until it is paid, as if it were paid at the time of this answer."
    )
    needs_approval = serializers.SerializerMethodField(
        help_text="Paying for it asks for an approval first: the card is kept, and charged once it is given."
    )
    reasons = serializers.SerializerMethodField(help_text="Why it needs an approval; empty: it does not.")
    governance = serializers.SerializerMethodField(
        help_text="The organisation's data and access policies for the product."
    )

    def to_representation(self, checkout: Checkout) -> Any:
        self._reasons = approval_requests.reasons(checkout, at=clock.now(checkout.tenant))
        shown = super().to_representation(checkout)
        if checkout.with_trial:
            nothing = money(ZERO, checkout.currency)
            shown |= {"lines": [], "subtotal": nothing, "tax": nothing, "total": nothing}
            shown["next_charge_at"] = shown["ends_at"]
        return shown

    def get_needs_approval(self, checkout: Checkout) -> bool:
        return bool(self._reasons)

    @extend_schema_field(ReasonOut(many=True))
    def get_reasons(self, checkout: Checkout) -> list[dict[str, str]]:
        return self._reasons

    @extend_schema_field(GovernanceRef(many=True))
    def get_governance(self, checkout: Checkout) -> Any:
        product = checkout.plan.product
        return GovernanceRef(governance_of(checkout.tenant, [product])[product.pk], many=True).data

    @extend_schema_field(QuoteLineOut(many=True))
    def get_lines(self, checkout: Checkout) -> Any:
        return QuoteLineOut([checkout], many=True).data

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_charge_at(self, checkout: Checkout) -> Any:
        if not checkout.total:
            return None
        return serializers.DateTimeField().to_representation(self.get_ends_at(checkout))

    @extend_schema_field(Money(allow_null=True))
    def get_next_charge_total(self, checkout: Checkout) -> dict[str, str] | None:
        return money(checkout.total, checkout.currency) if checkout.total else None

    def get_ends_at(self, checkout: Checkout) -> datetime:
        brought = brought_by(checkout)
        if brought is not None:
            return brought.term_end
        return checkout.would_end_at(clock.now(checkout.tenant))


# How far a trial is whose card is being kept.
_KEEPING: dict[str, str] = {
    CardSetupState.STARTED: CheckoutState.PROCESSING,
    CardSetupState.REQUIRES_ACTION: CheckoutState.REQUIRES_ACTION,
}


class NextActionOut(serializers.Serializer):
    type = serializers.CharField(help_text="redirect_to_url")
    url = serializers.URLField(help_text="Where the cardholder has to go; then confirm.")


class ApprovalStandOut(serializers.Serializer):
    """How the wish to buy stands with the approvers."""

    id = serializers.CharField()
    state = serializers.ChoiceField(ApprovalState.choices)
    quantity = serializers.IntegerField(help_text="As it was asked for.")
    approved_quantity = serializers.IntegerField(allow_null=True)
    message = serializers.CharField(help_text="Of whoever decided.")
    asked_at = serializers.DateTimeField(source="created_at")
    approvers = serializers.SerializerMethodField(help_text="Who may decide, while it waits: the first twenty.")
    decided_by = OrNone(source="decided_by.email", default=None, help_text="The e-mail address of who decided.")
    decided_at = serializers.DateTimeField(allow_null=True)
    lapses_at = serializers.DateTimeField()

    @extend_schema_field(Person(many=True))
    def get_approvers(self, approval: Approval) -> Any:
        deciders = approval_requests.who_decides(approval) if approval.is_waiting else []
        return [{"email": person.user.email, "name": person.name} for person in deciders]


class FreeSeatsOut(serializers.Serializer):
    subscription = serializers.CharField(source="subscription.pk", help_text="The subscription's id.")
    product = ProductRef()
    seats_free = serializers.IntegerField()
    until = serializers.DateTimeField(help_text="When their access ends as things stand.")


class CheckoutOut(serializers.Serializer):
    """A purchase from its quote on. `subscription` and `order` are ids, once it is completed; a trial has no order."""

    id = serializers.CharField()
    state = serializers.SerializerMethodField()
    plan = serializers.CharField(source="plan_id")
    quote = QuoteOut(source="*")
    free_seats = serializers.SerializerMethodField(
        help_text="Free seats of the product that the organisation has bought and the buyer may take instead."
    )
    warnings = serializers.SerializerMethodField(
        help_text="What does not refuse it, but should be known before paying: `access_policy`."
    )
    next_action = serializers.SerializerMethodField(
        help_text="While `requires_action`; while `awaiting_approval`, if the holder has to agree that a card is kept."
    )
    approval = serializers.SerializerMethodField(help_text="What became of the approval; null: none was asked for.")
    subscription = serializers.SerializerMethodField()
    order = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(CheckoutState.choices))
    def get_state(self, checkout: Checkout) -> str:
        setup = checkout.card_setup if approval_requests.is_keeping_a_card(checkout) else None
        return _KEEPING.get(setup.state, checkout.state) if setup else checkout.state

    @extend_schema_field(FreeSeatsOut(many=True))
    def get_free_seats(self, checkout: Checkout) -> Any:
        is_open = checkout.state == CheckoutState.OPEN
        found = free_seats.offered(product=checkout.plan.product, member=checkout.buyer) if is_open else []
        return FreeSeatsOut(found, many=True).data

    @extend_schema_field(ReasonOut(many=True))
    def get_warnings(self, checkout: Checkout) -> list[dict[str, str]]:
        if checkout.state in CLOSED or not access.is_shut_out(checkout.buyer, checkout.plan.product):
            return []
        return [{"code": "access_policy", "detail": str(access.NO_ACCESS)}]

    @extend_schema_field(NextActionOut(allow_null=True))
    def get_next_action(self, checkout: Checkout) -> dict[str, str] | None:
        setup = approval_requests.waiting_setup(checkout)
        if setup is not None:
            return {"type": "redirect_to_url", "url": urljoin(settings.BASE_URL, setup.action_url)}
        if checkout.state != CheckoutState.REQUIRES_ACTION:
            return None
        for payment in (payment for order in checkout.orders.all() for payment in order.payments.all()):
            if payment.state == PaymentState.REQUIRES_ACTION:
                return {"type": "redirect_to_url", "url": urljoin(settings.BASE_URL, payment.action_url)}
        return None

    @extend_schema_field(ApprovalStandOut(allow_null=True))
    def get_approval(self, checkout: Checkout) -> Any:
        asked = approvals.newest(checkout.pk)
        return ApprovalStandOut(asked).data if asked else None

    def get_subscription(self, checkout: Checkout) -> str | None:
        brought = brought_by(checkout)
        return str(brought.pk) if brought else None

    def get_order(self, checkout: Checkout) -> str | None:
        paid = paid_order(checkout)
        return str(paid.pk) if paid else None


def brought_by(checkout: Checkout) -> Subscription | None:
    """The subscription that it was paid for, or the trial."""
    paid = paid_order(checkout)
    return paid.subscription if paid else checkout.trial


def paid_order(checkout: Checkout) -> Order | None:
    """Read from what `with_outcome` has fetched."""
    return next((order for order in checkout.orders.all() if order.subscription_id is not None), None)
