import datetime

import django.core.serializers.json
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import tenants.ids
import tenants.keys
from tenants.keys import AddTenantKeys

# One that was done after all, though it had been set aside: it is done.
DONE = "UPDATE tenants_job SET set_aside_at = NULL WHERE done_at IS NOT NULL AND set_aside_at IS NOT NULL"
# What a demo made was made to try things out.
SANDBOXES = "UPDATE tenants_tenant SET is_sandbox = true WHERE is_demo"


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0004_billing_address'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='job',
            options={'verbose_name': 'job', 'verbose_name_plural': 'jobs'},
        ),
        migrations.AddField(
            model_name='job',
            name='last_error',
            field=models.CharField(blank=True, db_default='', default='', max_length=300, verbose_name='last error'),
        ),
        migrations.AddField(
            model_name='job',
            name='sent_at',
            field=models.DateTimeField(editable=False, null=True),
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
        migrations.RunSQL(DONE, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name='job',
            constraint=models.CheckConstraint(condition=models.Q(('done_at', None), ('set_aside_at', None), _connector='OR'), name='a_job_is_done_or_set_aside_not_both'),
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
        migrations.CreateModel(
            name='ClockMove',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('begins_at', models.DateTimeField()),
                ('target', models.DateTimeField()),
                ('reached_at', models.DateTimeField()),
                ('asked_at', models.DateTimeField()),
                ('leased_until', models.DateTimeField(null=True)),
                ('done_at', models.DateTimeField(null=True)),
                ('letters', models.JSONField(default=dict)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='clock_moves', to='tenants.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='clockmove_tenant_and_id'), models.UniqueConstraint(condition=models.Q(('done_at', None)), fields=('tenant',), name='clock_moves_once_at_a_time'), models.CheckConstraint(condition=models.Q(('reached_at__gte', models.F('begins_at')), ('target__gte', models.F('reached_at'))), name='clock_move_reaches_its_target')],
            },
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('deed', models.CharField(max_length=100, verbose_name='what is done')),
                ('given', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ('size', models.PositiveIntegerField(verbose_name='rows')),
                ('created_at', models.DateTimeField(verbose_name='started')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('stopped_at', models.DateTimeField(null=True, verbose_name='stopped')),
                ('leased_until', models.DateTimeField(null=True)),
                ('started_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'bulk action',
                'verbose_name_plural': 'bulk actions',
                'indexes': [models.Index(condition=models.Q(('finished_at', None)), fields=['created_at'], name='run_under_way'), models.Index(fields=['tenant', 'created_at', 'id'], name='run_page')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='run_tenant_and_id'), models.CheckConstraint(condition=models.Q(('size__gt', 0)), name='run_has_rows'), models.CheckConstraint(condition=models.Q(('stopped_at', None), ('finished_at__isnull', False), _connector='OR'), name='run_stopped_is_finished')],
            },
        ),
        migrations.CreateModel(
            name='RunRow',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('position', models.PositiveIntegerField()),
                ('subject', models.CharField(max_length=64)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('done', 'Done'), ('refused', 'Refused'), ('set_aside', 'Failed'), ('left', 'Not done')], default='waiting', max_length=12, verbose_name='outcome')),
                ('code', models.CharField(blank=True, default='', max_length=100)),
                ('detail', models.CharField(blank=True, default='', max_length=500, verbose_name='what happened')),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('last_error', models.CharField(blank=True, default='', max_length=300)),
                ('done_at', models.DateTimeField(null=True)),
                ('run', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='tenants.run')),
                ('tenant', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['run', 'tries', 'position'], name='run_row_in_turn')],
                'constraints': [models.UniqueConstraint(fields=('run', 'position'), name='run_row_once_at_a_position'), models.UniqueConstraint(fields=('run', 'subject'), name='run_row_once_for_a_subject'), models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'done', 'refused', 'set_aside', 'left'])), name='run_row_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('done_at', None), ('state', 'waiting')), models.Q(models.Q(('state', 'waiting'), _negated=True), ('done_at__isnull', False)), _connector='OR'), name='run_row_ended_once_it_waits_no_more')],
            },
        ),
        AddTenantKeys("RunRow"),
        migrations.RunSQL(SANDBOXES, migrations.RunSQL.noop),
    ]
