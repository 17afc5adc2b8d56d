from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("policies", "0016_take_over_refunds")]
    operations = [
        migrations.AddField(
            model_name="approval",
            name="approved_amount",
            field=models.DecimalField(decimal_places=3, max_digits=17, null=True, verbose_name="approved total"),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=Q(approved_amount=None) | Q(state="approved", approved_amount__lte=F("amount")),
                name="approved_costs_no_more_than_asked",
            ),
        ),
    ]
