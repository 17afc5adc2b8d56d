import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0004_billing_address'),
    ]

    operations = [
        migrations.CreateModel(
            name='SweepRun',
            fields=[
                ('name', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('failed_at', models.DateTimeField(null=True)),
                ('last_error', models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.AlterModelOptions(
            name='job',
            options={'verbose_name': 'job', 'verbose_name_plural': 'jobs'},
        ),
        migrations.AddField(
            model_name='job',
            name='last_error',
            field=models.CharField(blank=True, db_default='', default='', max_length=300, verbose_name='last error'),
        ),
        migrations.AlterField(
            model_name='job',
            name='attempts',
            field=models.PositiveSmallIntegerField(default=0, verbose_name='attempts'),
        ),
        migrations.AlterField(
            model_name='job',
            name='created_at',
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name='waits since'),
        ),
        migrations.AlterField(
            model_name='job',
            name='set_aside_at',
            field=models.DateTimeField(null=True, verbose_name='set aside'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('set_aside_at__isnull', False)), fields=['set_aside_at', 'id'], name='job_set_aside'),
        ),
    ]
