from django.db import migrations, models
from django.db.models import Q

KINDS = [
    ("purchase", "Purchase"),
    ("seats", "More seats"),
    ("reactivation", "Reactivation"),
    ("renewal", "Renewal"),
    ("alignment", "Aligned end of term"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("commerce", "0023_trials_with_card"),
        ("licensing", "0013_trials_that_convert"),
        ("tenants", "0007_clock_moves"),
    ]
    operations = [
        migrations.RemoveConstraint(model_name="order", name="order_kind_is_known"),
        migrations.AddField(
            model_name="order",
            name="anchor_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="order",
            name="kind",
            field=models.CharField(choices=KINDS, default="purchase", max_length=20, verbose_name="kind"),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=Q(kind__in=[kind for kind, _name in KINDS]), name="order_kind_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=Q(kind="alignment", anchor_at__isnull=False) | ~Q(kind="alignment") & Q(anchor_at=None),
                name="an_alignment_has_its_anchor",
            ),
        ),
    ]
