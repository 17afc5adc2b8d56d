"""What centralising a product costs: as people pay it now, and as the organisation would."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import cast

from django.db.models import Count, Q

from commerce import money
from commerce.models import Agreement, AgreementPrice, Centralisation, Purchase
from commerce.operations.centralising import self_service
from commerce.operations.pricing.prices import prices_in
from licensing.models import Channel, Plan, Seat, Subscription, SubscriptionState, Term
from licensing.operations import central_seats
from tenants.directory.models import Membership, Tenant

_A_YEAR = {Term.MONTH: 12, Term.YEAR: 1}


@dataclass(frozen=True, kw_only=True)
class Paid:
    """A purchase of somebody's: `chosen` of its people are to have central seats, `others` are not."""

    purchase: Purchase
    chosen: int
    others: int
    unit_price: Decimal | None
    currency: str | None

    @property
    def a_year(self) -> Decimal | None:
        """Of all its seats; none: nothing was ever charged for it."""
        if self.unit_price is None:
            return None
        return a_year(self.unit_price, self.purchase.plan, self.purchase.quantity)

    @property
    def goes_on(self) -> bool:
        """Whether it is charged again unless somebody cancels it."""
        return self.purchase.auto_renew


@dataclass(frozen=True, kw_only=True)
class Way:
    """How the seats that are missing can be bought: of which plan, by which agreement or as more of a purchase."""

    plan: Plan
    seats: int
    unit_price: Decimal
    currency: str
    agreement: Agreement | None = None
    added_to: Subscription | None = None

    @property
    def a_year(self) -> Decimal:
        return a_year(self.unit_price, self.plan, self.seats)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """`needed` people have no central seat, `free` seats are there, `missing` must be bought for all of them."""

    paid: list[Paid]
    people: int
    needed: int
    free: int
    ways: list[Way] = field(default_factory=list)

    @property
    def missing(self) -> int:
        return max(self.needed - self.free, 0)

    @property
    def paid_a_year(self) -> dict[str, Decimal]:
        """By currency: amounts of two are never added up."""
        sums: dict[str, Decimal] = defaultdict(lambda: money.ZERO)
        for each in self.paid:
            if each.currency and each.a_year is not None:
                sums[each.currency] += each.a_year
        return dict(sorted(sums.items()))


def a_year(unit_price: Decimal, plan: Plan, seats: int) -> Decimal:
    """What seats cost in a year at this price."""
    return unit_price * seats * times_a_year(plan.term)


def times_a_year(term: str) -> int:
    """How often a term is paid."""
    return _A_YEAR[Term(term)]


def of(centralisation: Centralisation, *, at: datetime) -> Cost:
    """In a fixed number of queries, however many people were chosen."""
    tenant, product = centralisation.tenant, centralisation.product
    members = here(centralisation)
    wanting = central_seats.without_own(tenant=tenant, product=product, members=members)
    free = central_seats.free(tenant, product)
    missing = max(len(wanting) - free, 0)
    ways = _ways(centralisation, missing, at=at) if missing else []
    return Cost(paid=paid(centralisation), people=len(members), needed=len(wanting), free=free, ways=ways)


def here(centralisation: Centralisation) -> list[Membership]:
    """Who was chosen and is an active member still."""
    chosen = centralisation.people.values("member")
    return list(Membership.objects.of(centralisation.tenant).active().filter(pk__in=chosen).select_related("user"))


def paid(centralisation: Centralisation) -> list[Paid]:
    """The purchases in which somebody who was chosen has a seat, dearest first; two queries."""
    chosen = centralisation.people.values("member")
    mine = self_service.purchases_of(centralisation.tenant, centralisation.product)
    seats = Seat.objects.open().filter(subscription__in=mine).order_by().values("subscription")
    counts = {
        row["subscription"]: (row["chosen"], row["seats"] - row["chosen"])
        for row in seats.annotate(chosen=Count("pk", filter=Q(member__in=chosen)), seats=Count("pk"))
        if row["chosen"]
    }
    found = cast("Iterable[Purchase]", Purchase.objects.filter(pk__in=counts).with_people().with_renewal_price())
    told = [
        Paid(
            purchase=purchase,
            chosen=counts[purchase.pk][0],
            others=counts[purchase.pk][1],
            unit_price=purchase.renewal_price,
            currency=purchase.currency,
        )
        for purchase in found
    ]
    return sorted(told, key=lambda each: (each.currency or "", -(each.a_year or 0), each.purchase.pk))


def to_ask(centralisation: Centralisation) -> list[Paid]:
    """Those that go on unless their owner cancels, who is here to be asked."""
    return [
        each for each in paid(centralisation) if each.goes_on and each.purchase.owner and each.purchase.owner.is_active
    ]


def _ways(centralisation: Centralisation, missing: int, *, at: datetime) -> list[Way]:
    """More seats of what there is first, then each plan by agreement and by list, the cheapest a year first."""
    tenant = centralisation.tenant
    plans = list(Plan.objects.filter(product=centralisation.product).select_related("product"))
    ways = [*_by_agreement(tenant, plans, missing, at=at), *_by_list(tenant, plans, missing, at=at)]
    return [*_more_of(centralisation, missing, at=at), *sorted(ways, key=lambda way: (way.currency, way.a_year))]


def _more_of(centralisation: Centralisation, missing: int, *, at: datetime) -> list[Way]:
    central = Purchase.objects.of(centralisation.tenant).of_the_tenant_itself().filter(payer=None)
    running = central.filter(
        plan__product=centralisation.product, state=SubscriptionState.ACTIVE, term_end__gt=at, channel=Channel.CENTRAL
    )
    found = cast("Iterable[Purchase]", running.with_people().with_price().order_by("-term_end", "pk")[:5])
    return [
        Way(plan=each.plan, seats=missing, unit_price=each.unit_price, currency=each.currency, added_to=each)
        for each in found
        if each.unit_price is not None and each.currency is not None
    ]


def _by_agreement(tenant: Tenant, plans: list[Plan], missing: int, *, at: datetime) -> list[Way]:
    held = Agreement.objects.of(tenant).in_force(tenant.today(at))
    agreed = AgreementPrice.objects.filter(agreement__in=held, plan__in=plans).select_related("agreement")
    by_pk = {plan.pk: plan for plan in plans}
    return [
        Way(
            plan=by_pk[price.plan_id],
            seats=missing,
            unit_price=price.amount,
            currency=price.agreement.currency,
            agreement=price.agreement,
        )
        for price in agreed
    ]


def _by_list(tenant: Tenant, plans: list[Plan], missing: int, *, at: datetime) -> list[Way]:
    listed = prices_in(tenant.country, plans, channel=Channel.CENTRAL, on=tenant.today(at))
    by_pk = {plan.pk: plan for plan in plans}
    return [
        Way(plan=by_pk[pk], seats=missing, unit_price=price.amount, currency=price.currency)
        for pk, price in listed.items()
    ]
