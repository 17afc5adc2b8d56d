"""
One person over a catalogue of 200 products: processor time and queries of all decisions together.

The tenant has said something about every product, family and department, the person has an exception, and the operator
has exclusions. Beside it: the same rows only fetched, which no decision can do without, and one product alone.
"""

import cProfile
import pstats
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from licensing.models import Family, Product
from policies import eligibility
from policies.models import Exclusion, Market, Policy, SpendLimit
from tenants.directory.models import Department, Membership, Tenant, User

PRODUCTS, ROUNDS, WARM_UP = 200, 60, 5
GOAL_MS = 10.0
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


def processor_ms(deed: Callable[[], object]) -> float:
    """The median of many rounds, of this process alone: what the database does is not in it."""
    taken = []
    for round_ in range(ROUNDS + WARM_UP):
        before = time.process_time()
        deed()
        if round_ >= WARM_UP:
            taken.append((time.process_time() - before) * 1000)
    return statistics.median(taken)


def queries_of(deed: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        deed()
    return len(captured)


# Whose code is what kind of work; what is of none of these is Python's own and counted nowhere.
KINDS = {
    "building and compiling SQL": "/django/db/models/",
    "talking to the database": ("/psycopg/", "/django/db/backends/"),
    "deciding": "/policies/",
}


def shares_of(deed: Callable[[], object]) -> dict[str, int]:
    """Whose own code takes how many percent of what the kinds take together, by a profile."""
    profile = cProfile.Profile()
    profile.enable()
    for _round in range(ROUNDS):
        deed()
    profile.disable()
    spent = dict.fromkeys(KINDS, 0.0)
    for (file, _line, _name), (_calls, _primitive, own, *_rest) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        for kind, paths in KINDS.items():
            if any(path in file for path in ((paths,) if isinstance(paths, str) else paths)):
                spent[kind] += own
    return {kind: round(100 * own / sum(spent.values())) for kind, own in spent.items()}


def limit_all_levels(member: Membership) -> None:
    for level in ("tenant", "department", "member"):
        named = {} if level == "tenant" else {level: member if level == "member" else member.department}
        SpendLimit.objects.create(
            tenant=member.tenant,
            level=level,
            **named,
            period="month",
            amount=1000,
            currency="USD",
            mode="hard",
            counts=["self_service"],
            set_at=AT,
            created_at=AT,
        )


def a_busy_tenant() -> Membership:
    tenant = Tenant.objects.create(slug="busy", name="Busy", country="US", created_at=AT)
    families = Family.objects.bulk_create(Family(slug=f"family-{n}", name=f"Family {n}") for n in range(12))
    products = Product.objects.bulk_create(
        Product(
            id=f"P{n}",
            slug=f"p{n}",
            name=f"Product {n}",
            family=families[n % len(families)],
            self_service=True,
            created_at=AT,
        )
        for n in range(PRODUCTS)
    )
    top = Department.objects.create(tenant=tenant, name="All")
    team = Department.objects.create(tenant=tenant, name="Team", parent=top)
    user = User.objects.create(email="ana@busy.example", created_at=AT)
    member = Membership.objects.create(tenant=tenant, user=user, department=team, created_at=AT)
    said: list[dict[str, Any]] = [{"product": product} for product in products]
    said += [{"family": family} for family in families]
    said += [{"department": group, "family": family} for group in (top, team) for family in families[:4]]
    said += [{}, {"member": member, "product": products[0]}]
    values = ["enabled", "disabled", "approval_required", "only_trials_without_payment_method"]
    Policy.objects.bulk_create(
        Policy(tenant=tenant, value=values[n % 4], set_at=AT, set_by=user, **scope) for n, scope in enumerate(said)
    )
    Market.objects.bulk_create(Market(country="US", name="US", family=family) for family in [None, *families])
    Exclusion.objects.bulk_create(Exclusion(country="US", product=p, created_at=AT) for p in products[:20])
    return Membership.objects.select_related("tenant", "user", "department").get()


def main() -> int:
    member = a_busy_tenant()
    everything = list(Product.objects.select_related("family"))

    def decide() -> object:
        return eligibility.decide_all(member, everything, at=AT)

    def decide_one() -> object:
        return eligibility.decide(member, everything[0], at=AT)

    def fetch() -> object:
        return list(Policy.objects.of(member.tenant).select_related("set_by"))

    decided, one, fetched = processor_ms(decide), processor_ms(decide_one), processor_ms(fetch)
    queries, queries_of_one = queries_of(decide), queries_of(decide_one)
    print(f"{PRODUCTS} products decided: {queries} queries (one product: {queries_of_one})")
    print(f"processor time, median of {ROUNDS}: {decided:.2f} ms; goal under {GOAL_MS:g} ms")
    print(f"  {decided / fetched:.2f} times the fetching of the tenant's policy rows alone")
    print(f"  {decided / one:.2f} times one product, for {PRODUCTS} times the answers")
    told = ", ".join(f"{kind} {share} %" for kind, share in shares_of(decide).items())
    print(f"  profiled: {told}")
    limit_all_levels(member)
    print(f"  under three spend limits: {processor_ms(decide):.2f} ms, {queries_of(decide)} queries")
    return 0 if decided < GOAL_MS and queries <= 8 else 1
