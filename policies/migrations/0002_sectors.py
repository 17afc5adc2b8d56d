from django.db import migrations
from django.utils import timezone

REASON = "Self-service purchase is not offered to this sector."


def exclude_sectors(apps, schema_editor):
    """Rows, never code: nothing puts back what was ended later."""
    Exclusion = apps.get_model("policies", "Exclusion")
    for sector in ("government", "nonprofit", "education"):
        Exclusion.objects.create(sector=sector, ends_renewals=True, reason=REASON, created_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("policies", "0001_initial")]
    operations = [migrations.RunPython(exclude_sectors, migrations.RunPython.noop)]
