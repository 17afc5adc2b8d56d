"""
The procurement view of an organisation at 10,000 and at 1,000,000 subscriptions over 2,000 organisations, of which one
has every tenth subscription: queries and server time of the list, filters, a search and the home page.

Each page is asked for as a browser asks, through the whole server; what the network would add is not in it. The smaller
one is kept as a database of its own, and each page is asked for in both by turns: a machine that is slower for a while
is so for both. SIZE in the environment, such as 100000, makes the larger one smaller.
"""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any
from urllib.parse import urlencode

from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench import many
from licensing.models import Plan
from licensing.operations import tallies
from tenants.directory.models import Department, Membership, Tenant
from tests.callers import signed_in, token_for
from tests.factories import MembershipFactory, plan_on_sale

SIZES = (10_000, int(os.environ.get("SIZE", "1000000")))
TENANTS, PEOPLE, PRODUCTS, SEATS = 2_000, 100_000, 10, 5
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
TURNS, ROUNDS, WARM_UP = 3, 5, 2
QUERIES, GROWTH, GOAL_MS = 15, 1.5, 150


def told_apart(plans: list[str]) -> dict[str, str]:
    """Products, channels, states and room: what filters ask for, some of it rare."""
    of_plans = ", ".join(f"'{plan}'" for plan in plans)
    return {
        # The last product is that of one in a thousand.
        "plan_id": f"(ARRAY[{of_plans}])[CASE WHEN n / 10 % 1000 = 7 THEN {len(plans)} ELSE 1 + n / 10 % 9 END]",
        "channel": "CASE WHEN n / 10 % 4 = 0 THEN 'central' ELSE 'self_service' END",
        "state": "CASE WHEN n / 10 % 500 = 3 THEN 'expired' ELSE 'active' END",
        "quantity": f"{SEATS} + n / 10 % 3",
        "seats_assigned": str(SEATS),
    }


def admins(crowd: many.Crowd) -> dict[str, Membership]:
    """Of the organisation that has every tenth subscription, and of one as most are."""
    found = {}
    for name, number in (("large", 0), ("usual", 1)):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {many.id_of('tenant', str(number))}")
            [pk] = cursor.fetchone() or [None]
        tenant = Tenant.objects.get(pk=pk)
        found[name] = MembershipFactory(tenant=tenant, roles=["global_admin"])
        department = Department.objects.create(tenant=tenant, name="Sales")
        some = Membership.objects.of(tenant).values_list("pk", flat=True)[:20]
        Membership.objects.filter(pk__in=list(some)).update(department=department)
    return found


def pages(member: Membership, rare: Plan) -> dict[str, str]:
    purchases = reverse("admin:commerce_purchase_changelist")
    bought = Membership.objects.of(member.tenant).exclude(pk=member.pk).select_related("user")[3]
    address = bought.user.email
    asked = {
        "list": {},
        "page 100 of the list": {"p": "100"},
        "filter: product": {"product": rare.product_id},
        "filter: state": {"state": "expired"},
        "filter: channel": {"channel": "central"},
        "filter: unused seats": {"unused": "1"},
        "filter: department": {"department": "Sales"},
        "filter: expiry": {"expires_after": "2026-03-20", "expires_before": "2026-03-22"},
        "filter: over a price that few have": {"over": "500"},
        "filter: spent in a month": {"spent_in": "2026-03 USD"},
        "filter: spent in a month by channel": {"spent_in": "2026-02 USD", "channel": "central"},
        "filter: spent in a month of nothing": {"spent_in": "2025-12 USD"},
        "filter: several": {"state": "expired", "channel": "central", "product": rare.product_id},
        "search: a person": {"q": address.split("@")[0]},
        "search: everybody": {"q": "copies.example"},
        "search: nobody": {"q": "no such words"},
    }
    found = {name: f"{purchases}?{urlencode(query)}" for name, query in asked.items()}
    by_api: dict[str, dict[str, str]] = {
        "list": {},
        "assigned_to": {"assigned_to": address},
        "search": {"search": address},
    }
    found |= {f"API: {name}": f"/api/v1/subscriptions/?{urlencode(query)}" for name, query in by_api.items()}
    return {"home": reverse("admin:index"), **found}


@dataclass(frozen=True, kw_only=True)
class Measured:
    queries: int
    # In the median, and the least: what was least disturbed by others is what grows or does not.
    ms: float
    least: float
    # How many purchases the page shows.
    rows: int


def measured(browser: Client, url: str, token: str, databases: list[str]) -> list[Measured]:
    """In each of the databases, by turns."""
    headers = {"host": "localhost"} | ({"authorization": f"Bearer {token}"} if url.startswith("/api/") else {})
    taken: dict[str, list[float]] = {name: [] for name in databases}
    found = {}
    for turn in range(TURNS):
        for name in databases:
            go_to(name)
            for round_ in range(ROUNDS + WARM_UP):
                began = time.perf_counter()
                answer = browser.get(url, headers=headers)
                if round_ >= WARM_UP:
                    taken[name].append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise SystemExit(f"{url} answered {answer.status_code}")
            if turn == 0:
                with CaptureQueriesContext(connection) as captured:
                    browser.get(url, headers=headers)
                if os.environ.get("EXPLAIN"):
                    explain(url, captured.captured_queries)
                found[name] = (len(captured), rows_of(answer))
    return [
        Measured(queries=found[name][0], ms=median(taken[name]), least=min(taken[name]), rows=found[name][1])
        for name in databases
    ]


def go_to(database: str) -> None:
    if connection.settings_dict["NAME"] != database:
        connection.close()
        connection.settings_dict["NAME"] = database


def kept_as(name: str) -> None:
    """A copy of all that there is by now."""
    there = connection.settings_dict["NAME"]
    connections.close_all()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{there}"')


def rows_of(answer: Any) -> int:
    if answer["Content-Type"] == "application/json":
        return len(answer.json()["results"])
    # Each has a box to tick.
    return int(answer.content.count(b'name="row"'))


def explain(url: str, queries: list[dict[str, str]]) -> None:
    """What takes long, as the database says."""
    for query in queries:
        if float(query["time"]) >= 0.03 and query["sql"].startswith("SELECT"):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {query['sql']}")
                plan = "\n".join(row[0] for row in cursor.fetchall())
            print(f"--- {url}\n{query['sql']}\n{plan}\n")


def grow(crowd: many.Crowd, first: int, last: int, plans: list[str]) -> None:
    began = time.perf_counter()
    for start in range(first, last + 1, 250_000):
        end = min(start + 249_999, last)
        many.subscriptions(crowd, start, end, due=1, seats=SEATS, told_apart=told_apart(plans))
        many.spending(crowd, start, end)
        while tallies.fold():
            pass
    with connection.cursor() as cursor:
        # One in a thousand costs what few do.
        cursor.execute("UPDATE commerce_billingperiod SET unit_price = 900 WHERE get_byte(uuid_send(id), 5) = 77")
        cursor.execute("VACUUM ANALYZE")
    print(f"made {last - first + 1:,} subscriptions in {time.perf_counter() - began:.0f} s")


def alike(taken: dict[tuple[str, str], list[Measured]], who: str, name: str) -> tuple[str, Measured]:
    """
    What a page is to be compared with: itself where there are few, or, where it finds fewer rows there, the page of
    its kind that has as many of them, or hardly more. More rows take longer to write, wherever they come from.
    """
    own, lots = taken[who, name]
    if own.rows == lots.rows:
        return name, own
    kind = [(other, few) for (_who, other), (few, _lots) in taken.items() if is_call(other) == is_call(name)]
    return min(kind, key=lambda each: (each[1].rows < lots.rows, abs(each[1].rows - lots.rows)))


def is_call(name: str) -> bool:
    return name.startswith("API")


def main() -> int:
    crowd = many.crowd(tenants=TENANTS, people=PEOPLE, seats=SEATS, at=AT, skewed=True)
    rare = [crowd.bought.plan, *(plan_on_sale() for _product in range(PRODUCTS - 1))]
    members = admins(crowd)
    asked = {who: pages(member, rare[-1]) for who, member in members.items()}
    callers = {who: (signed_in(member), token_for(member)) for who, member in members.items()}
    all_plans = [plan.pk for plan in rare]
    small, large = "few_purchases", connection.settings_dict["NAME"]
    grow(crowd, 1, SIZES[0], all_plans)
    kept_as(small)
    grow(crowd, SIZES[0] + 1, SIZES[1], all_plans)
    taken: dict[tuple[str, str], list[Measured]] = {}
    missed = False
    for who, (browser, token) in callers.items():
        for name, url in asked[who].items():
            taken[who, name] = measured(browser, url, token, [small, large])
            for size, page in zip(SIZES, taken[who, name], strict=True):
                missed |= page.queries > QUERIES
                told = f"{page.ms:.0f} ms (at least {page.least:.0f}), {page.queries} queries, {page.rows} rows"
                print(f"{size:>9,} subscriptions, {who} organisation, {name}: {told}", flush=True)
    go_to(large)
    for (who, name), (_few, lots) in taken.items():
        like, few = alike(taken, who, name)
        late = lots.least / few.least > GROWTH
        missed |= late
        told = f"{lots.least / few.least:.2f} times as long" + (f" as “{like}” there" if like != name else "")
        print(f"{who} organisation, {name}: {lots.ms:.0f} ms, {told}{' – missed' if late else ''}")
    print(
        f"goals: at most {QUERIES} queries; with as many rows on the page at most {GROWTH} times as long; {GOAL_MS} ms"
    )
    return int(missed)
