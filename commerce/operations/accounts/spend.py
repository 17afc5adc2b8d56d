"""Keeping the sums of `MonthlySpend` short and right; the ledger writes what they are made of."""

from uuid import UUID

from django.db import connection, transaction

from commerce.models.spend import SPENT_ON

# Whoever sums rows up and whoever counts anew would count each other's twice.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('seatwise monthly spend', 0))"

FOLD = """
    WITH gone AS (
        DELETE FROM commerce_monthlyspend
        WHERE id IN (SELECT id FROM commerce_monthlyspend WHERE NOT folded ORDER BY id LIMIT %(limit)s)
        RETURNING *
    ), folded AS (
        INSERT INTO commerce_monthlyspend AS spend (tenant_id, month, channel, currency, amount, folded)
        SELECT tenant_id, month, channel, currency, sum(amount), true
        FROM gone GROUP BY tenant_id, month, channel, currency
        ON CONFLICT (tenant_id, month, channel, currency) WHERE folded DO UPDATE SET
            amount = spend.amount + excluded.amount
    )
    SELECT count(*) FROM gone
"""

# The month is that of the tenant's own time. One statement, and so one view of the data: what commits meanwhile is in
# neither part, and brings its own rows.
RECOUNT = """
    WITH gone AS (DELETE FROM commerce_monthlyspend WHERE tenant_id = %(tenant)s)
    INSERT INTO commerce_monthlyspend (tenant_id, month, channel, currency, amount, folded)
    SELECT movement.tenant_id, date_trunc('month', movement.at AT TIME ZONE tenant.time_zone)::date,
           purchase.channel, movement.currency, -sum(posting.amount), false
    FROM commerce_movement AS movement
    JOIN tenants_tenant AS tenant ON tenant.id = movement.tenant_id
    JOIN commerce_order AS purchase ON purchase.id = movement.order_id
    JOIN commerce_posting AS posting ON posting.movement_id = movement.id AND posting.account = ANY(%(accounts)s)
    WHERE movement.tenant_id = %(tenant)s
    GROUP BY 1, 2, 3, 4
    HAVING sum(posting.amount) <> 0
"""

ACCOUNTS = [account.value for account in SPENT_ON]


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
    """Sum a tenant's ledger up anew, whatever was written before."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        cursor.execute(RECOUNT, {"tenant": tenant_id, "accounts": ACCOUNTS})
