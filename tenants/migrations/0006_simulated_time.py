import datetime

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0005_jobs_set_aside'),
    ]

    operations = [
        migrations.CreateModel(
            name='SandboxClock',
            fields=[
            ],
            options={
                'verbose_name': 'sandbox clock',
                'verbose_name_plural': 'sandbox clocks',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('tenants.tenant',),
        ),
        migrations.AddField(
            model_name='tenant',
            name='clock_ahead',
            field=models.DurationField(db_default=datetime.timedelta(0), default=datetime.timedelta, editable=False, verbose_name='ahead by'),
        ),
        migrations.AddField(
            model_name='tenant',
            name='is_sandbox',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddConstraint(
            model_name='tenant',
            constraint=models.CheckConstraint(condition=models.Q(('clock_ahead__gte', datetime.timedelta(0))), name='tenant_clock_runs_forwards'),
        ),
        migrations.AddConstraint(
            model_name='tenant',
            constraint=models.CheckConstraint(condition=models.Q(('is_sandbox', True), ('clock_ahead', datetime.timedelta(0)), _connector='OR'), name='tenant_clock_is_moved_in_sandboxes'),
        ),
        # What a demo made was made to try things out.
        migrations.RunSQL(
            'UPDATE tenants_tenant SET is_sandbox = true WHERE is_demo',
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
