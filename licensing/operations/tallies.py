"""Keeping the counts of `SeatTally` short and right; what they count is written by the database itself."""

from uuid import UUID

from django.db import connection, transaction

from tenants.directory.models import Tenant

# Whoever sums rows up and whoever counts anew would count each other's twice.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('seatwise seat tallies', 0))"

FOLD = """
    WITH gone AS (
        DELETE FROM licensing_seattally
        WHERE id IN (SELECT id FROM licensing_seattally WHERE NOT folded ORDER BY id LIMIT %(limit)s)
        RETURNING *
    ), folded AS (
        INSERT INTO licensing_seattally AS tally
            (tenant_id, product_id, channel, department_id, purchases, seats, used, folded)
        SELECT tenant_id, product_id, channel, department_id, sum(purchases), sum(seats), sum(used), true
        FROM gone GROUP BY tenant_id, product_id, channel, department_id
        ON CONFLICT (tenant_id, product_id, channel, department_id) WHERE folded DO UPDATE SET
            purchases = tally.purchases + excluded.purchases,
            seats = tally.seats + excluded.seats,
            used = tally.used + excluded.used
    )
    SELECT count(*) FROM gone
"""

# One statement, and so one view of the data: what commits meanwhile is in neither part, and brings its own rows.
RECOUNT = """
    WITH gone AS (DELETE FROM licensing_seattally WHERE tenant_id = %(tenant)s)
    INSERT INTO licensing_seattally (tenant_id, product_id, channel, department_id, purchases, seats, used, folded)
    SELECT subscription.tenant_id, plan.product_id, subscription.channel, purchaser.department_id,
           count(*), sum(subscription.quantity), sum(subscription.seats_assigned), false
    FROM licensing_subscription AS subscription
    JOIN licensing_plan AS plan ON plan.id = subscription.plan_id
    JOIN tenants_membership AS purchaser ON purchaser.id = subscription.purchaser_id
    WHERE subscription.tenant_id = %(tenant)s AND subscription.state IN ('trial', 'active', 'expired')
    GROUP BY subscription.tenant_id, plan.product_id, subscription.channel, purchaser.department_id
"""


@transaction.atomic
def fold(*, limit: int = 20_000) -> int:
    """Sum up what was written since the last time; how many rows that were."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        cursor.execute(FOLD, {"limit": limit})
        [folded] = cursor.fetchone()
    return folded


@transaction.atomic
def recount(*, tenant_id: UUID) -> None:
    """Count a tenant's anew, whatever was written before."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        cursor.execute(RECOUNT, {"tenant": tenant_id})


def recount_some(*, hour: int) -> int:
    """Those of an hour of the day: in a day each has been counted anew once."""
    of_this_hour = [pk for pk in Tenant.objects.order_by("pk").values_list("pk", flat=True) if pk.int % 24 == hour]
    for tenant_id in of_this_hour:
        recount(tenant_id=tenant_id)
    return len(of_this_hour)
