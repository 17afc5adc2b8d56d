from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models import (
    Case,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import gettext_lazy as _

from commerce.models.agreement import AgreementPrice
from commerce.models.change import ScheduledChange
from commerce.models.order import BillingPeriod, Order
from commerce.models.payment import Payment, PaymentState
from commerce.models.price import NOTICE, Price
from licensing.models import GIVES_ACCESS, EndCause, Subscription
from licensing.models.subscription import SubscriptionQuerySet
from tenants.access import Actor, Right
from tenants.journal.models import Event

# From each charge, to the second.
REFUND_WINDOW = timedelta(days=7)

_MONEY: DecimalField = DecimalField(max_digits=17, decimal_places=3)
# What tells the price of a purchase.
_OF_MONEY = ("unit_price", "currency", "paid", "refunded", "refundable_until", "renewal_price")


class PurchaseQuerySet(SubscriptionQuerySet):
    def with_money(self) -> Self:
        """
        What a subscription costs and brought in: `unit_price` and `currency` of its newest period, `paid` (captured
        less what went back or the bank took), `refunded` (what went back), `refundable_until` (none: no charge, or none
        of which anything may go back, or it has ended). None where nothing was charged. What was captured in vain
        counts for nothing.
        """
        period = BillingPeriod.objects.filter(tenant=OuterRef("tenant"), subscription=OuterRef("pk")).order_by(
            "-starts_at"
        )
        orders = Order.objects.granted().filter(tenant=OuterRef("tenant"), subscription=OuterRef("pk"))
        contested = Payment.objects.filter(order=OuterRef("pk"), disputed__gt=0)
        payments = (
            Payment.objects.filter(
                tenant=OuterRef("tenant"), order__subscription=OuterRef("pk"), state=PaymentState.SUCCEEDED
            )
            .order_by()
            .values("order__subscription")
        )
        kept = payments.annotate(kept=Sum(F("captured") - F("refunded") - F("disputed"))).values("kept")
        back = payments.annotate(back=Sum("refunded")).values("back")
        until = ExpressionWrapper(
            Subquery(orders.filter(~Exists(contested)).order_by("-granted_at").values("granted_at")[:1])
            + Value(REFUND_WINDOW),
            output_field=models.DateTimeField(),
        )
        return self.annotate(
            unit_price=Subquery(period.values("unit_price")[:1]),
            currency=Subquery(period.values("currency")[:1]),
            paid=Coalesce(Subquery(kept), Value(0), output_field=_MONEY),
            refunded=Coalesce(Subquery(back), Value(0), output_field=_MONEY),
            refundable_until=Case(
                When(state__in=GIVES_ACCESS, then=until),
                output_field=models.DateTimeField(null=True),
            ),
        )

    def with_end(self) -> Self:
        """`ended_at`: when access by a subscription that has ended ended: with its term, or when something ended it."""
        of_it = Event.objects.filter(
            tenant=OuterRef("tenant"), subject=Cast(OuterRef("pk"), models.CharField())
        ).order_by("-at")
        ended_by = {EndCause.CANCELED: "subscription.canceled", EndCause.CHARGEBACK: "subscription.disabled"}
        return self.annotate(
            ended_at=Case(
                When(state__in=GIVES_ACCESS, then=None),
                *(
                    When(end_cause=cause, then=Subquery(of_it.filter(type=type).values("at")[:1]))
                    for cause, type in ended_by.items()
                ),
                default=F("term_end"),
                output_field=models.DateTimeField(null=True),
            )
        )

    def with_change(self) -> Self:
        """`scheduled_quantity`: how many seats it is to have from the end of the term on. None: as many as now."""
        waiting = ScheduledChange.objects.waiting().filter(tenant=OuterRef("tenant"), subscription=OuterRef("pk"))
        return self.annotate(scheduled_quantity=Subquery(waiting.values("quantity")[:1]))

    def with_renewal_price(self, at: datetime | None = None) -> Self:
        """
        `renewal_price`: what a seat costs from the end of the term on, or from a moment on: by the agreement that
        pays, else the newest price that was announced 30 days before, else the price as it is. None where nothing was
        charged.
        """
        end = Value(at, output_field=models.DateTimeField()) if at else OuterRef("term_end")
        day = Cast(Func(OuterRef("time_zone"), end, function="timezone"), models.DateField())
        agreed = AgreementPrice.objects.filter(
            Q(agreement__valid_to=None) | Q(agreement__valid_to__gt=day),
            tenant=OuterRef("tenant"),
            plan=OuterRef("plan"),
            agreement__valid_from__lte=day,
            agreement__pays_for__subscription=OuterRef("pk"),
        )
        announced = Price.objects.renewing(
            plan=OuterRef("plan"),
            channel=OuterRef("channel"),
            currency=OuterRef("currency"),
            day=day,
            known_by=ExpressionWrapper(end - Value(NOTICE), output_field=models.DateTimeField()),
        )
        known = Coalesce(Subquery(agreed.values("amount")[:1]), Subquery(announced.values("amount")[:1]))
        return self.with_money().annotate(renewal_price=Coalesce(known, F("unit_price")))

    def priced_for(self, by: Actor) -> Self:
        """
        Without the money of purchases that somebody may see, but not what they cost: none, or nothing paid. The last
        of what is annotated.
        """
        if by.is_operator or by.may(Right.SEE_ALL_PURCHASES):
            return self
        own = Q(purchaser=by.home) | Q(owner=by.home)
        nothing = Value(0, output_field=_MONEY)
        empty = {"paid": nothing, "refunded": nothing}
        return self.annotate(
            **{
                name: Case(When(own, then=F(name)), default=empty.get(name, Value(None)))
                for name in _OF_MONEY
                if name in self.query.annotations
            }
        )

    def for_procurement(self) -> Self:
        """As the admins of a tenant read purchases: with people, product, money and end, in one query."""
        return self.with_people().with_money().with_end().with_change()


class Purchase(Subscription):
    """A subscription as whoever pays for it sees it: the same row, with the money of its orders beside it."""

    # Only of rows that came by `with_money`.
    unit_price: Decimal | None
    currency: str | None
    paid: Decimal
    refundable_until: datetime | None
    refunded: Decimal
    # Only of rows that came by `with_renewal_price`.
    renewal_price: Decimal | None
    # Only of rows that came by `with_change`.
    scheduled_quantity: int | None
    # Only of rows that came by `with_end`.
    ended_at: datetime | None

    objects = PurchaseQuerySet.as_manager()  # type: ignore[misc]  # the same rows, with more to ask of them

    class Meta:
        proxy = True
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
