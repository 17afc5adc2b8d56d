from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('tenants', '0002_tokens')]

    operations = [
        migrations.AddField(
            model_name='tenant',
            name='tax_number',
            field=models.CharField(blank=True, max_length=40, verbose_name='tax number'),
        ),
    ]
