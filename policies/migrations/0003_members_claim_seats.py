from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("policies", "0002_sectors")]

    operations = [
        migrations.AddField(
            model_name="tenantsettings",
            name="members_claim_seats",
            field=models.BooleanField(default=False),
        ),
    ]
