from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("licensing", "0013_trials_that_convert")]
    operations = [
        migrations.AddField(
            model_name="plan",
            name="renewable",
            field=models.BooleanField(db_default=True, default=True, verbose_name="renews"),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=Q(converts=False) | Q(channel="self_service"), name="only_self_service_converts"
            ),
        ),
    ]
