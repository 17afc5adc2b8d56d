from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('policies', '0013_leaver_settings'),
    ]

    operations = [
        migrations.AddField(
            model_name='tenantsettings',
            name='tell_admins_of_failed_charges',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='tenantsettings',
            name='tell_admins_of_renewals',
            field=models.BooleanField(default=False),
        ),
    ]
