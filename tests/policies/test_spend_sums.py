"""What is taken of a limit, as the database sums it up, against a slow reading of the same words."""

from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensing.models import Subscription
from policies.models import Commitment, SpendLimit
from policies.spending import Proposal, Renewals, occurrences, period
from tests.factories import NOON, DepartmentFactory, MembershipFactory, PlanFactory, ProductFactory, TenantFactory

pytestmark = pytest.mark.django_db

MONTH = 2026 * 12 + 2
MONTHS = st.integers(MONTH - 15, MONTH + 15)


class TestOccurrences:
    @given(first=MONTHS, step=st.sampled_from([1, 12]), start=MONTHS, length=st.sampled_from([1, 12]))
    def test_are_those_that_one_finds_by_walking_along(self, first, step, start, length):
        happens = [first + step * k for k in range(100)]
        assert occurrences(first, step, start, start + length) == sum(start <= m < start + length for m in happens)

    def test_a_purchase_adds_its_renewals_of_the_period(self):
        renewals = Renewals(first_month=MONTH + 1, step=1, per_seat=Decimal("9.99"), quantity=2)
        bought = Proposal(amount=Decimal("19.98"), currency="USD", renewals=renewals)
        assert bought.adds(*period("month", MONTH)) == Decimal("19.98")
        assert bought.adds(*period("year", MONTH)) == 10 * Decimal("19.98")  # March to December
        renewals = Renewals(first_month=MONTH + 12, step=12, per_seat=Decimal("99.90"), quantity=2)
        assert Proposal(amount=Decimal("199.80"), currency="USD", renewals=renewals).adds(
            *period("year", MONTH)
        ) == Decimal("199.80")


SCOPES = ("tenant", "department", "member", "product")
COMMITMENT = st.fixed_dictionaries(
    {
        "who": st.integers(0, 2),
        "what": st.integers(0, 1),
        "counts_as": st.sampled_from(["self_service", "central", "trial"]),
        "currency": st.sampled_from(["USD", "USD", "EUR"]),
        "step": st.sampled_from([0, 0, 1, 12]),
        "amount": st.decimals(1, 500, places=2),
        "quantity": st.integers(1, 4),
        "first_month": MONTHS,
        "settled": st.booleans(),
        # None: it waits for its payment. Else what its subscription says.
        "held": st.none() | st.tuples(st.sampled_from(["active", "expired", "disabled"]), st.booleans(), MONTHS),
        "ours": st.sampled_from([True, True, True, False]),
    }
)
LIMIT = st.fixed_dictionaries(
    {
        "level": st.sampled_from(SCOPES),
        "of": st.integers(0, 1),
        "period": st.sampled_from(["month", "year"]),
        "mode": st.sampled_from(["hard", "approval"]),
        "counts": st.sets(st.sampled_from(["self_service", "central", "trial"]), min_size=1),
    }
)


@pytest.fixture
def world():
    return World()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(COMMITMENT, max_size=12), limit=LIMIT)
def test_sums_are_those_of_a_slow_reading(world, rows, limit):
    world.clear()
    kept = [world.commit(row) for row in rows]
    kept = [row for row in kept if row]
    found = SpendLimit.objects.with_sums(world.tenant, MONTH).get(pk=world.limit(limit).pk)
    fitting = [row for row in kept if world.fits(row, limit)]
    start, end = (MONTH, MONTH + 1) if limit["period"] == "month" else (2026 * 12, 2027 * 12)
    assert found.committed == sum((slow(row, start, end) for row in fitting), Decimal(0))
    charged = [row for row in fitting if row["step"] == 0 and row["settled"]]
    assert found.charged == sum((slow(row, start, end) for row in charged), Decimal(0))


def slow(row, start, end):
    """The money of one row, month by month."""
    if row["step"] == 0:
        return row["amount"] if start <= row["first_month"] < end else Decimal(0)
    first, quantity = row["first_month"], row["quantity"]
    if row["held"]:
        state, renews, first = row["held"]
        if state != "active" or not renews:
            return Decimal(0)
        quantity = row["seats"]
    total = Decimal(0)
    for month in range(start, end):
        if month >= first and (month - first) % row["step"] == 0:
            total += row["amount"] * quantity
    return total


class World:
    """Two departments, one below the other, and three people: in the lower, in the upper, in none."""

    def __init__(self):
        self.upper = DepartmentFactory(tenant__time_zone="America/New_York")
        self.tenant = self.upper.tenant
        self.lower = DepartmentFactory(tenant=self.tenant, parent=self.upper)
        self.people = [
            MembershipFactory(tenant=self.tenant, department=where) for where in (self.lower, self.upper, None)
        ]
        self.paths = [[self.lower.pk, self.upper.pk], [self.upper.pk], []]
        self.products = [ProductFactory(), ProductFactory()]
        self.plans = [PlanFactory(product=product) for product in self.products]
        self.stranger = MembershipFactory(tenant=TenantFactory())

    def clear(self):
        for kind in (Commitment, SpendLimit, Subscription):
            kind.objects.all().delete()

    def commit(self, row):
        member = self.people[row["who"]] if row["ours"] else self.stranger
        held = row["held"] if row["step"] else None
        subscription = self.subscription(row, member, *held) if held else None
        Commitment.objects.create(
            tenant=member.tenant,
            subject=uuid4(),
            member=member,
            departments=self.paths[row["who"]] if row["ours"] else [],
            product=self.products[row["what"]],
            subscription=subscription,
            created_at=NOON,
            **{name: row[name] for name in ("counts_as", "amount", "currency", "first_month", "step")},
            settled=row["settled"] and row["step"] == 0,
            quantity=row["quantity"] if row["step"] else 1,
        )
        return {**row, "held": held, "seats": row["quantity"] + 3} if row["ours"] else None

    def subscription(self, row, member, state, renews, month):
        year, month = divmod(month, 12)
        # The last hour of a month in New York is the first of the next one in Greenwich.
        first = NOON.replace(year=year, month=month + 1, day=1, hour=5)
        return Subscription.objects.create(
            tenant=member.tenant,
            plan=self.plans[row["what"]],
            channel="self_service",
            state=state,
            purchaser=member,
            quantity=row["quantity"] + 3,
            term_start=first.replace(year=year - 2),
            term_end=first,
            anchor_at=first,
            time_zone=member.tenant.time_zone,
            auto_renew=renews,
            state_ends_at=first,
            order_ref=str(uuid4()),
            created_at=NOON,
        )

    def limit(self, limit):
        named = {
            "tenant": {},
            "department": {"department": (self.lower, self.upper)[limit["of"]]},
            "member": {"member": self.people[limit["of"]]},
            "product": {"product": self.products[limit["of"]]},
        }
        return SpendLimit.objects.create(
            tenant=self.tenant,
            amount=100,
            currency="USD",
            set_at=NOON,
            created_at=NOON,
            counts=sorted(limit["counts"]),
            **{name: limit[name] for name in ("level", "period", "mode")},
            **named[limit["level"]],
        )

    def fits(self, row, limit):
        if row["currency"] != "USD" or row["counts_as"] not in limit["counts"]:
            return False
        return {
            "tenant": True,
            # Of the upper one are also those who are in the lower.
            "department": row["who"] == 0 or (row["who"] == 1 and limit["of"] == 1),
            "member": row["who"] == limit["of"],
            "product": row["what"] == limit["of"],
        }[limit["level"]]
