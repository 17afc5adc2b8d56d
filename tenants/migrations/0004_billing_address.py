from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('tenants', '0003_tax_number')]

    operations = [
        migrations.AddField(
            model_name='tenant',
            name='legal_name',
            field=models.CharField(blank=True, max_length=200, verbose_name='legal name'),
        ),
        migrations.AddField(
            model_name='tenant',
            name='billing_address',
            field=models.TextField(blank=True, max_length=500, verbose_name='billing address'),
        ),
    ]
