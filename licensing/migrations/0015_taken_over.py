from django.db import migrations, models
from django.db.models import Q

CAUSES = ["term_ended", "canceled", "chargeback", "trial_ended", "taken_over"]
CHOICES = [
    ("term_ended", "The term ended"),
    ("canceled", "Canceled with a refund"),
    ("chargeback", "The charge was contested"),
    ("trial_ended", "The trial ended"),
    ("taken_over", "The organisation took it over"),
]


def set_days(apps, schema_editor):
    """What is taken over is settled, and with that deleted, a week later."""
    LifecycleDays = apps.get_model("licensing", "LifecycleDays")
    LifecycleDays.objects.create(cause="taken_over", channel="", expired_days=0, disabled_days=7)


class Migration(migrations.Migration):
    dependencies = [("licensing", "0014_renewable_plans")]
    operations = [
        migrations.RemoveConstraint(model_name="lifecycledays", name="lifecycle_cause_is_known"),
        migrations.RemoveConstraint(model_name="subscription", name="subscription_end_cause_is_known"),
        migrations.AlterField(
            model_name="lifecycledays",
            name="cause",
            field=models.CharField(choices=CHOICES, max_length=20, verbose_name="cause"),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="end_cause",
            field=models.CharField(blank=True, choices=CHOICES, max_length=20),
        ),
        migrations.AddConstraint(
            model_name="lifecycledays",
            constraint=models.CheckConstraint(condition=Q(cause__in=CAUSES), name="lifecycle_cause_is_known"),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=Q(end_cause__in=["", *CAUSES]), name="subscription_end_cause_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="seat",
            constraint=models.UniqueConstraint(fields=["tenant", "id"], name="seat_tenant_and_id"),
        ),
        migrations.RunPython(set_days, migrations.RunPython.noop),
    ]
