from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("licensing", "0012_seats_of_the_next_term")]
    operations = [
        migrations.AddField(
            model_name="subscription",
            name="converts",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.RemoveConstraint(model_name="subscription", name="only_a_running_term_is_renewed_ahead"),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=Q(renewed_until=None)
                | Q(renewed_until__gt=F("term_end")) & (Q(state="active") | Q(state="trial", converts=True)),
                name="only_a_running_term_is_renewed_ahead",
            ),
        ),
    ]
