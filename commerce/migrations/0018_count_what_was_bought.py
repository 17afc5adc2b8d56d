"""What was bought before there were spend limits counts towards them, too."""

from django.db import migrations

# The buyer's department and those above it, as they are now: nobody kept how they were.
DEPARTMENTS = """
    coalesce((
        WITH RECURSIVE above AS (
            SELECT d.id, d.parent_id FROM tenants_department d
            JOIN tenants_membership m ON m.department_id = d.id WHERE m.id = o.buyer_id
            UNION SELECT d.id, d.parent_id FROM tenants_department d JOIN above ON d.id = above.parent_id
        ) SELECT array_agg(id) FROM above
    ), '{}')
"""
COUNTS_AS = "CASE o.channel WHEN 'central' THEN 'central' ELSE 'self_service' END"
MONTH = """
    (extract(year FROM {at} AT TIME ZONE t.time_zone) * 12 + extract(month FROM {at} AT TIME ZONE t.time_zone) - 1)::int
"""
COLUMNS = """
    INSERT INTO policies_commitment (
        id, tenant_id, subject, member_id, departments, product_id, subscription_id, counts_as, amount, quantity,
        currency, first_month, step, settled, created_at
    )
"""
FROM = """
    FROM commerce_order o
    JOIN tenants_tenant t ON t.id = o.tenant_id
    JOIN commerce_orderline l ON l.order_id = o.id
    JOIN licensing_plan p ON p.id = l.plan_id
"""
CHARGES = f"""
    {COLUMNS}
    SELECT gen_random_uuid(), o.tenant_id, coalesce(o.checkout_id, o.id), o.buyer_id, {DEPARTMENTS}, p.product_id,
        o.subscription_id, {COUNTS_AS}, o.total, 1, o.currency, {MONTH.format(at="o.granted_at")}, 0, true, o.granted_at
    {FROM}
    WHERE o.state IN ('paid', 'invoiced')
    ON CONFLICT DO NOTHING
"""
RENEWALS = f"""
    {COLUMNS}
    SELECT gen_random_uuid(), o.tenant_id, coalesce(o.checkout_id, o.id), o.buyer_id, {DEPARTMENTS}, p.product_id,
        o.subscription_id, {COUNTS_AS}, l.unit_price * CASE WHEN o.tax_inclusive THEN 1 ELSE 1 + o.tax_rate END,
        l.quantity, o.currency, {MONTH.format(at="o.granted_at")}, CASE p.term WHEN 'P1Y' THEN 12 ELSE 1 END, false,
        o.granted_at
    {FROM}
    WHERE o.state IN ('paid', 'invoiced') AND o.kind = 'purchase'
    ON CONFLICT DO NOTHING
"""
REFUNDS = f"""
    {COLUMNS}
    SELECT gen_random_uuid(), o.tenant_id, r.id, o.buyer_id, {DEPARTMENTS}, p.product_id, o.subscription_id,
        {COUNTS_AS}, -r.amount, 1, o.currency, {MONTH.format(at="r.created_at")}, 0, true, r.created_at
    {FROM}
    JOIN commerce_refund r ON r.order_id = o.id
    LEFT JOIN commerce_payment y ON y.id = r.payment_id
    WHERE o.state IN ('paid', 'invoiced') AND r.replaces_id IS NULL AND (y.id IS NULL OR y.state = 'succeeded')
    ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [
        ("commerce", "0017_price_and_payer"),
        ("policies", "0007_spend_limits"),
    ]

    operations = [
        migrations.RunSQL(sql=statement, reverse_sql=migrations.RunSQL.noop)
        for statement in (CHARGES, RENEWALS, REFUNDS)
    ]
