"""The sums over many commitments read an index, never the whole table."""

import json

import pytest
from django.db import connection

from policies.models import SpendLimit
from tests.factories import NOON, MembershipFactory, PlanFactory

pytestmark = pytest.mark.django_db

MARCH = 2026 * 12 + 2
# A hundred tenants of a thousand commitments over five years, a fifth of them subscriptions that renew.
FILL = """
    INSERT INTO policies_commitment (id, tenant_id, subject, member_id, departments, product_id, counts_as, amount,
        quantity, currency, first_month, step, settled, created_at)
    SELECT gen_random_uuid(), m.tenant_id, gen_random_uuid(), m.id, '{}', %s, 'self_service', 9.99, 2, 'USD',
        %s - n %% 60, CASE WHEN n %% 5 = 0 THEN 1 ELSE 0 END, n %% 5 > 0, now()
    FROM tenants_membership m, generate_series(1, %s) n
"""


def plan_of(tenant):
    query = SpendLimit.objects.with_sums(tenant, MARCH)
    with connection.cursor() as cursor:
        sql, params = query.query.sql_with_params()
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql, params)
        [found] = cursor.fetchone()
    return (json.loads(found) if isinstance(found, str) else found)[0]


def nodes(node):
    yield node
    for below in node.get("Plans", ()):
        yield from nodes(below)


def test_a_hundred_thousand_commitments_are_summed_by_an_index():
    people = [MembershipFactory() for _ in range(100)]
    with connection.cursor() as cursor:
        cursor.execute(FILL, [PlanFactory().product_id, MARCH, 1000])
        cursor.execute("ANALYZE policies_commitment")
    tenant = people[0].tenant
    for period in ("month", "year"):
        SpendLimit.objects.create(
            tenant=tenant,
            level="tenant",
            period=period,
            amount=100,
            currency="USD",
            mode="hard",
            counts=["self_service"],
            set_at=NOON,
            created_at=NOON,
        )
    plan = plan_of(tenant)
    read = [node for node in nodes(plan["Plan"]) if node.get("Relation Name") == "policies_commitment"]
    indexes = {node.get("Index Name") for node in nodes(plan["Plan"]) if node.get("Index Name")}
    assert read
    assert all(node["Node Type"] != "Seq Scan" for node in read)
    assert {"commitment_at_once", "commitment_again"} <= indexes
    assert plan["Execution Time"] < 200
