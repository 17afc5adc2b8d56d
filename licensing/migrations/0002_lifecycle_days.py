from django.db import migrations

# cause, days expired, days disabled
DAYS = [("term_ended", 30, 90), ("canceled", 0, 90)]


def set_days(apps, schema_editor):
    """Rows for every channel; a row for one channel would win over them."""
    LifecycleDays = apps.get_model("licensing", "LifecycleDays")
    for cause, expired, disabled in DAYS:
        LifecycleDays.objects.create(cause=cause, channel="", expired_days=expired, disabled_days=disabled)


class Migration(migrations.Migration):
    dependencies = [("licensing", "0001_initial")]
    operations = [migrations.RunPython(set_days, migrations.RunPython.noop)]
