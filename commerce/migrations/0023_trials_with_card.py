from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("commerce", "0022_dunning"), ("licensing", "0013_trials_that_convert")]
    operations = [
        migrations.AddField(
            model_name="checkout",
            name="with_trial",
            field=models.BooleanField(default=False),
        ),
        migrations.RemoveConstraint(model_name="checkout", name="a_trial_is_free_and_begins_at_once"),
        migrations.AddConstraint(
            model_name="checkout",
            constraint=models.CheckConstraint(
                condition=Q(trial=None) | Q(state="completed") & (Q(total=0) | Q(with_trial=True)),
                name="a_trial_is_free_and_begins_at_once",
            ),
        ),
    ]
