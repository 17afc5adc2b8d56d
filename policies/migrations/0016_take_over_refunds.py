from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("policies", "0015_auto_claims")]
    operations = [
        migrations.AddField(
            model_name="tenantsettings",
            name="take_over_refunds",
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]
