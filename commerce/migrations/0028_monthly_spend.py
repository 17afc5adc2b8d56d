import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

# In the transaction that makes the table; the lock keeps what an older process posts meanwhile from being left out.
FILL = """
LOCK TABLE commerce_movement, commerce_posting IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO commerce_monthlyspend (tenant_id, month, channel, currency, amount, folded)
SELECT movement.tenant_id, date_trunc('month', movement.at AT TIME ZONE tenant.time_zone)::date,
       purchase.channel, movement.currency, -sum(posting.amount), true
FROM commerce_movement AS movement
JOIN tenants_tenant AS tenant ON tenant.id = movement.tenant_id
JOIN commerce_order AS purchase ON purchase.id = movement.order_id
JOIN commerce_posting AS posting ON posting.movement_id = movement.id
    AND posting.account IN ('sales', 'tax', 'disputed', 'losses')
GROUP BY 1, 2, 3, 4
HAVING sum(posting.amount) <> 0
"""


class Migration(migrations.Migration):
    dependencies = [
        ("commerce", "0027_centralisations"),
        ("licensing", "0017_seat_tallies"),
    ]
    operations = [
        migrations.CreateModel(
            name="MonthlySpend",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("month", models.DateField()),
                (
                    "channel",
                    models.CharField(
                        choices=[("self_service", "Self-service"), ("central", "Central"), ("partner", "Partner")],
                        max_length=20,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount", models.DecimalField(decimal_places=3, max_digits=20)),
                ("folded", models.BooleanField(default=False)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="monthlyspend",
            constraint=models.UniqueConstraint(
                condition=Q(folded=True),
                fields=("tenant", "month", "channel", "currency"),
                name="one_folded_spend_per_month",
            ),
        ),
        migrations.AddConstraint(
            model_name="monthlyspend",
            constraint=models.CheckConstraint(condition=Q(month__day=1), name="a_month_begins_on_its_first_day"),
        ),
        migrations.AddIndex(
            model_name="monthlyspend",
            index=models.Index(fields=["tenant", "month"], name="spend_of_tenant"),
        ),
        migrations.AddIndex(
            model_name="monthlyspend",
            index=models.Index(condition=Q(folded=False), fields=["id"], name="spend_to_fold"),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
