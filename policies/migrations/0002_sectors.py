from django.db import migrations

REASON = "Self-service purchase is not offered to this sector."


def exclude_sectors(apps, schema_editor):
    """Rows, never code: an operator may edit or end them later, and nothing puts them back."""
    Exclusion = apps.get_model("policies", "Exclusion")
    for sector in ("government", "nonprofit", "education"):
        Exclusion.objects.create(sector=sector, ends_renewals=True, reason=REASON)


class Migration(migrations.Migration):
    dependencies = [("policies", "0001_initial")]
    operations = [migrations.RunPython(exclude_sectors, migrations.RunPython.noop)]
