from django.db import migrations, models
from django.db.models import Q

# One that was done after all, though it had been set aside: it is done.
DONE = "UPDATE tenants_job SET set_aside_at = NULL WHERE done_at IS NOT NULL AND set_aside_at IS NOT NULL"


class Migration(migrations.Migration):
    dependencies = [("tenants", "0012_searched_names")]
    operations = [
        migrations.RunSQL(DONE, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=Q(done_at=None) | Q(set_aside_at=None), name="a_job_is_done_or_set_aside_not_both"
            ),
        ),
    ]
