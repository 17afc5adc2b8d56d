from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
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
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Least
from django.utils.translation import gettext_lazy as _

from commerce.models.agreement import AgreementPrice
from commerce.models.change import ScheduledChange
from commerce.models.checkout import Checkout
from commerce.models.order import BillingPeriod, Order, OrderKind, OrderState
from commerce.models.payment import Payment, PaymentState
from commerce.models.payment_method import PaymentSource, price_channel
from commerce.models.price import NOTICE, Price
from commerce.models.price_notice import PriceNotice
from licensing.models import GIVES_ACCESS, Channel, EndCause, Subscription
from licensing.models.subscription import SubscriptionQuerySet
from tenants.access import Actor, Right
from tenants.arrays import in_array
from tenants.journal.models import Event

# From each charge, to the second.
REFUND_WINDOW = timedelta(days=7)

_MONEY: DecimalField = DecimalField(max_digits=17, decimal_places=3)
_MOMENT: models.DateTimeField = models.DateTimeField(null=True)
# Of these an event says when; of all others the term does.
_ENDED_BY_EVENT = (EndCause.CANCELED, EndCause.CHARGEBACK, EndCause.TAKEN_OVER, EndCause.TRIAL_ENDED)
# What tells the price of a purchase.
_OF_MONEY = ("unit_price", "currency", "paid", "refunded", "to_pay", "refundable_until", "renewal_price")


def _of_term(field: str) -> Coalesce:
    """A field of the newest period that has begun; of a trial with a card of what its first term is to be."""
    period = BillingPeriod.objects.of_terms_till_now().filter(tenant=OuterRef("tenant"), subscription=OuterRef("pk"))
    promised = Checkout.objects.filter(tenant=OuterRef("tenant"), trial=OuterRef("pk"), with_trial=True)
    return Coalesce(Subquery(period.values(field)[:1]), Subquery(promised.values(field)[:1]))


class PurchaseQuerySet(SubscriptionQuerySet):
    def with_price(self) -> Self:
        """`unit_price` and `currency` of the present term, or the last. None where nothing was charged."""
        return self.annotate(unit_price=_of_term("unit_price"), currency=_of_term("currency"))

    def priced_over(self, amount: Decimal) -> Self:
        """Those of which a seat costs more, each in its own currency."""
        return self.alias(price_of_term=_of_term("unit_price")).filter(price_of_term__gt=amount)

    def with_paid(self) -> Self:
        """
        What a subscription costs and brought in: `unit_price` and `currency` of its newest period, `paid` (captured
        less what went back or the bank took), `refunded` (what went back). None where nothing was charged. What was
        captured in vain counts for nothing.
        """
        payments = (
            Payment.objects.filter(
                tenant=OuterRef("tenant"), order__subscription=OuterRef("pk"), state=PaymentState.SUCCEEDED
            )
            .order_by()
            .values("order__subscription")
        )
        kept = payments.annotate(kept=Sum(F("captured") - F("refunded") - F("disputed"))).values("kept")
        back = payments.annotate(back=Sum("refunded")).values("back")
        return self.with_price().annotate(
            paid=Coalesce(Subquery(kept), Value(0), output_field=_MONEY),
            refunded=Coalesce(Subquery(back), Value(0), output_field=_MONEY),
        )

    def with_refund_window(self) -> Self:
        """`refundable_until` (none: no charge, or none of which anything may go back, or it has ended)."""
        orders = Order.objects.granted().filter(tenant=OuterRef("tenant"), subscription=OuterRef("pk"))
        contested = Payment.objects.filter(order=OuterRef("pk"), disputed__gt=0)
        until = ExpressionWrapper(
            Subquery(
                orders.filter(~Exists(contested))
                .exclude(kind=OrderKind.ALIGNMENT)
                .order_by("-granted_at")
                .values("granted_at")[:1]
            )
            + Value(REFUND_WINDOW),
            output_field=models.DateTimeField(),
        )
        return self.annotate(
            refundable_until=Case(
                When(state__in=GIVES_ACCESS, then=until),
                output_field=models.DateTimeField(null=True),
            ),
        )

    def with_due(self) -> Self:
        """`to_pay`: what its invoices still want, less what was credited."""
        invoiced = Order.objects.filter(
            tenant=OuterRef("tenant"), subscription=OuterRef("pk"), state=OrderState.INVOICED
        )
        owed = invoiced.order_by().values("subscription").annotate(owed=Sum(F("total") - F("credited"))).values("owed")
        return self.annotate(to_pay=Coalesce(Subquery(owed), Value(0), output_field=_MONEY))

    def with_end(self) -> Self:
        """`ended_at`: when access by a subscription that has ended ended: with its term, or when something ended it."""
        canceled = When(end_cause=EndCause.CANCELED, then=Value("subscription.canceled"))
        of_it = Event.objects.filter(
            tenant=OuterRef("tenant"),
            subject=Cast(OuterRef("pk"), models.CharField()),
            type=OuterRef("ended_by"),
        ).order_by("-at")
        # A trial ended before its time, or with it, however late that was written down. LEAST passes over NULL.
        by_itself = Case(When(end_cause=EndCause.TRIAL_ENDED, then=F("term_end")), output_field=_MOMENT)
        return self.alias(ended_by=Case(canceled, default=Value("subscription.disabled"))).annotate(
            ended_at=Case(
                When(state__in=GIVES_ACCESS, then=None),
                When(end_cause__in=_ENDED_BY_EVENT, then=Least(Subquery(of_it.values("at")[:1]), by_itself)),
                default=F("term_end"),
                output_field=_MOMENT,
            )
        )

    def with_change(self) -> Self:
        """
        `scheduled_quantity`: how many seats it is to have from the end of the term on, and `scheduled_for`, when that
        is. None: as many as now.
        """
        waiting = ScheduledChange.objects.waiting().filter(tenant=OuterRef("tenant"), subscription=OuterRef("pk"))
        return self.annotate(
            scheduled_quantity=Subquery(waiting.values("quantity")[:1]),
            scheduled_for=Subquery(waiting.values("takes_effect_at")[:1]),
        )

    def with_renewal_price(self, at: datetime | None = None, *, after_paid: bool = False) -> Self:
        """
        `renewal_price`: what a seat costs from the end of the term on, or from a moment on: by the agreement that
        pays, else by the newest version whose letter had gone out 30 days before, else the price as it is. Of what the
        organisation adopted since the present term was paid that is the central price as it was known then. None where
        nothing was charged. `renewal_notice`: the id of that letter's notice, where one decides. `after_paid`: from
        the end of the last term that is paid, where that is a later one.
        """
        ends = Coalesce(OuterRef("renewed_until"), OuterRef("term_end")) if after_paid else OuterRef("term_end")
        end = Value(at, output_field=models.DateTimeField()) if at else ends
        day = Cast(Func(OuterRef("time_zone"), end, function="timezone"), models.DateField())
        agreed = AgreementPrice.objects.holding(
            tenant=OuterRef("tenant"),
            subscription=OuterRef("pk"),
            plan=OuterRef("plan"),
            currency=OuterRef("currency"),
            day=day,
        )
        period = BillingPeriod.objects.of_terms_till_now().filter(
            tenant=OuterRef("tenant"), subscription=OuterRef("subscription")
        )
        adopted = PaymentSource.objects.adopted("pk").filter(tenant=OuterRef("tenant"))
        told = (
            PriceNotice.objects.binding()
            .filter(
                tenant=OuterRef("tenant"),
                subscription=OuterRef("pk"),
                price__plan=OuterRef("plan"),
                price__channel=OuterRef("price_channel"),
                price__currency=OuterRef("currency"),
                price__valid_from__lte=day,
                sent_at__lte=ExpressionWrapper(end - Value(NOTICE), output_field=models.DateTimeField()),
                # What an earlier term could have taken is in the price that is paid now, or was outdone by terms.
                applies_from__gt=Subquery(period.values("starts_at")[:1]),
            )
            .order_by("-price__valid_from")
        )
        central = (
            Price.objects.known_by(OuterRef("adopted_since"))
            .filter(plan=OuterRef("plan"), channel=Channel.CENTRAL, currency=OuterRef("currency"), valid_from__lte=day)
            .order_by("-valid_from")
        )
        agreed_price = Subquery(agreed.values("amount")[:1])
        # Once a term was paid since, that one's price is the organisation's own.
        still = adopted.filter(
            adopted_at__gte=Coalesce(
                Subquery(period.values("line__order__granted_at")[:1]), F("subscription__created_at")
            )
        )
        return self.with_price().annotate(
            price_channel=price_channel(adopted, "channel"),
            adopted_since=Subquery(still.values("adopted_at")[:1]),
            renewal_price=Coalesce(
                agreed_price,
                Subquery(told.values("amount")[:1]),
                Case(When(adopted_since__isnull=False, then=Subquery(central.values("amount")[:1]))),
                F("unit_price"),
            ),
            renewal_notice=Case(When(~Exists(agreed), then=Subquery(told.values("pk")[:1])), default=None),
        )

    def repriced(self) -> Self:
        """
        Those whose next term may cost something else than the present one: an agreement pays, the organisation adopted
        them, or somebody was told of another price. Of all others `renewal_price` is `unit_price`: where
        `with_renewal_price` is to find a price, it stands here, too.
        """
        source = PaymentSource.objects.filter(tenant=OuterRef("tenant"), subscription=OuterRef("pk"))
        source = source.filter(Q(agreement__isnull=False) | Q(adopted_at__isnull=False))
        told = PriceNotice.objects.binding().filter(tenant=OuterRef("tenant"), subscription=OuterRef("pk"))
        return self.filter(Exists(source) | Exists(told))

    def priced_for(self, by: Actor) -> Self:
        """
        Without the money of purchases that somebody may see, but not what they cost: none, or nothing paid. The last
        of what is annotated.
        """
        if by.is_operator or by.may(Right.SEE_ALL_PURCHASES):
            return self
        return self._priced_where(by.own("purchaser", "owner"))

    def priced_among(self, tenants: Collection[UUID]) -> Self:
        """Without the money of other tenants than these. The last of what is annotated."""
        return self._priced_where(Q(tenant__in=tenants))

    def _priced_where(self, told: Q) -> Self:
        nothing = Value(0, output_field=_MONEY)
        empty = {"paid": nothing, "refunded": nothing, "to_pay": nothing}
        return self.annotate(
            **{
                name: Case(When(told, then=F(name)), default=empty.get(name, Value(None)))
                for name in _OF_MONEY
                if name in self.query.annotations
            }
        )

    def few(self, found: QuerySet[Any]) -> Self:
        """
        Those that a query finds first: looked up one by one. Joined with that query, all purchases there are would be
        read for a handful.
        """
        return self.filter(in_array(F("pk"), ArraySubquery(found.values("pk"))))

    def for_list(self) -> Self:
        """With what a list says of each: product, purchaser, money and end, in one query."""
        people = self.select_related("tenant", "plan__product", "purchaser__user", "purchaser__department")
        return people.with_paid().with_due().with_end().with_change()

    def for_procurement(self) -> Self:
        """As its page and the API show it: as a list does, with who owns and pays, and what may still go back."""
        return self.with_people().for_list().with_refund_window()


class Purchase(Subscription):
    """A subscription as whoever pays for it sees it: the same row, with the money of its orders beside it."""

    # Only of rows that came by `with_price`.
    unit_price: Decimal | None
    currency: str | None
    # Only of rows that came by `with_paid`.
    paid: Decimal
    refunded: Decimal
    # Only of rows that came by `with_refund_window`.
    refundable_until: datetime | None
    # Only of rows that came by `with_due`.
    to_pay: Decimal
    # Only of rows that came by `with_renewal_price`.
    renewal_price: Decimal | None
    renewal_notice: UUID | None
    # Only of rows that came by `with_change`.
    scheduled_quantity: int | None
    scheduled_for: datetime | None
    # Only of rows that came by `with_end`.
    ended_at: datetime | None

    objects = PurchaseQuerySet.as_manager()  # type: ignore[misc]  # the same rows, with more to ask of them

    class Meta:
        proxy = True
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
