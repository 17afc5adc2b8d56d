import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("licensing", "0009_renewed_until")]
    operations = [
        migrations.AddField(
            model_name="lifecycledays",
            name="product",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lifecycle_days",
                to="licensing.product",
                verbose_name="product",
            ),
        ),
        migrations.AlterField(
            model_name="lifecycledays",
            name="expired_days",
            field=models.PositiveSmallIntegerField(verbose_name="days in grace"),
        ),
        migrations.RemoveConstraint(model_name="lifecycledays", name="lifecycle_days_once"),
        migrations.AddConstraint(
            model_name="lifecycledays",
            constraint=models.UniqueConstraint(
                fields=("cause", "channel", "product"), name="lifecycle_days_once", nulls_distinct=False
            ),
        ),
    ]
