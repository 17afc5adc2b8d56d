from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("commerce", "0024_alignments")]
    operations = [
        migrations.AddConstraint(
            model_name="dunningstep",
            constraint=models.CheckConstraint(condition=Q(day__lte=30), name="dunning_ends_within_30_days"),
        ),
        migrations.AddConstraint(
            model_name="dunningstep",
            constraint=models.CheckConstraint(condition=~Q(day=0, retry=True), name="nothing_is_tried_on_day_0"),
        ),
        migrations.AddConstraint(
            model_name="leavertask",
            constraint=models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False) | ~Q(state="closed") & Q(closed_at=None),
                name="a_closed_leaver_task_says_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="scheduledchange",
            constraint=models.CheckConstraint(
                condition=Q(state="waiting", settled_at=None) | ~Q(state="waiting") & Q(settled_at__isnull=False),
                name="a_settled_change_says_when",
            ),
        ),
    ]
