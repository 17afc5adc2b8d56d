import django.db.models.deletion
from django.db import migrations, models

import tenants.keys
from tenants.keys import AddTenantKeys

# One row for each purchaser, plan and channel of a statement, however many subscriptions it changes: whoever changes
# one waits for nobody, and nobody for them.
TALLY = """
CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    INSERT INTO licensing_seattally (tenant_id, product_id, channel, department_id, purchases, seats, used, folded)
    SELECT changed.tenant_id, plan.product_id, changed.channel, purchaser.department_id,
           sum(changed.purchases), sum(changed.seats), sum(changed.used), false
    FROM (
        SELECT tenant_id, plan_id, channel, purchaser_id,
               sum(sign) AS purchases, sum(sign * quantity) AS seats, sum(sign * seats_assigned) AS used
        FROM ({rows}) AS row
        WHERE state IN ('trial', 'active', 'expired')
        GROUP BY tenant_id, plan_id, channel, purchaser_id
        HAVING sum(sign) <> 0 OR sum(sign * quantity) <> 0 OR sum(sign * seats_assigned) <> 0
    ) AS changed
    JOIN licensing_plan AS plan ON plan.id = changed.plan_id
    JOIN tenants_membership AS purchaser ON purchaser.id = changed.purchaser_id
    GROUP BY changed.tenant_id, plan.product_id, changed.channel, purchaser.department_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER {function} AFTER {event} ON licensing_subscription REFERENCING {tables}
    FOR EACH STATEMENT EXECUTE FUNCTION {function}();
"""
NEW = "SELECT *, 1 AS sign FROM new_rows"
OLD = "SELECT *, -1 AS sign FROM old_rows"
NEW_TABLE, OLD_TABLE = "NEW TABLE AS new_rows", "OLD TABLE AS old_rows"
EVENTS = (
    ("insert", NEW, NEW_TABLE),
    ("update", f"{NEW} UNION ALL {OLD}", f"{OLD_TABLE} {NEW_TABLE}"),
    ("delete", OLD, OLD_TABLE),
)

MOVE = """
CREATE FUNCTION seats_follow_their_purchaser() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    INSERT INTO licensing_seattally (tenant_id, product_id, channel, department_id, purchases, seats, used, folded)
    SELECT subscription.tenant_id, plan.product_id, subscription.channel, side.department_id,
           sum(side.sign), sum(side.sign * subscription.quantity), sum(side.sign * subscription.seats_assigned), false
    FROM new_rows AS moved
    JOIN old_rows AS before ON before.id = moved.id AND before.department_id IS DISTINCT FROM moved.department_id
    CROSS JOIN LATERAL (VALUES (moved.department_id, 1), (before.department_id, -1)) AS side (department_id, sign)
    JOIN licensing_subscription AS subscription
        ON subscription.purchaser_id = moved.id AND subscription.state IN ('trial', 'active', 'expired')
    JOIN licensing_plan AS plan ON plan.id = subscription.plan_id
    GROUP BY subscription.tenant_id, plan.product_id, subscription.channel, side.department_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER seats_follow_their_purchaser AFTER UPDATE ON tenants_membership
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION seats_follow_their_purchaser();
"""
UNDO_MOVE = """
DROP TRIGGER seats_follow_their_purchaser ON tenants_membership;
DROP FUNCTION seats_follow_their_purchaser();
"""

# In the transaction that adds the triggers, which lets nobody write meanwhile. What it filled in is checked at once:
# Django adds its own keys at the end, and PostgreSQL alters no table whose rows still wait to be checked.
FILL = """
INSERT INTO licensing_seattally (tenant_id, product_id, channel, department_id, purchases, seats, used, folded)
SELECT subscription.tenant_id, plan.product_id, subscription.channel, purchaser.department_id,
       count(*), sum(subscription.quantity), sum(subscription.seats_assigned), true
FROM licensing_subscription AS subscription
JOIN licensing_plan AS plan ON plan.id = subscription.plan_id
JOIN tenants_membership AS purchaser ON purchaser.id = subscription.purchaser_id
WHERE subscription.state IN ('trial', 'active', 'expired')
GROUP BY subscription.tenant_id, plan.product_id, subscription.channel, purchaser.department_id;
SET CONSTRAINTS ALL IMMEDIATE
"""


def tallied(event: str, rows: str, tables: str) -> migrations.RunSQL:
    function = f"seats_are_tallied_on_{event}"
    sql = TALLY.format(function=function, rows=rows, event=event.upper(), tables=tables)
    return migrations.RunSQL(sql, f"DROP TRIGGER {function} ON licensing_subscription; DROP FUNCTION {function}();")


class Migration(migrations.Migration):

    dependencies = [
        ('licensing', '0007_renewals_and_endings'),
        ('tenants', '0006_second_factors_and_delegations'),
    ]

    operations = [
        migrations.CreateModel(
            name='SeatTally',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('channel', models.CharField(choices=[('self_service', 'Self-service'), ('central', 'Central'), ('partner', 'Partner')], max_length=20)),
                ('purchases', models.IntegerField()),
                ('seats', models.BigIntegerField()),
                ('used', models.BigIntegerField()),
                ('folded', models.BooleanField(default=False)),
                ('department', tenants.keys.TenantForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.department')),
                ('product', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='licensing.product')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('folded', False)), fields=['id'], name='seat_tally_to_fold')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('folded', True)), fields=('tenant', 'product', 'channel', 'department'), name='one_folded_seat_tally', nulls_distinct=False)],
            },
        ),
        AddTenantKeys("SeatTally"),
        *(tallied(*event) for event in EVENTS),
        migrations.RunSQL(MOVE, UNDO_MOVE),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
