import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.ids
import tenants.keys


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0008_resent_jobs'),
    ]

    operations = [
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
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('finished_at', None)), fields=['created_at'], name='run_under_way'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['tenant', 'created_at', 'id'], name='run_page'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.UniqueConstraint(fields=('tenant', 'id'), name='run_tenant_and_id'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.CheckConstraint(condition=models.Q(('size__gt', 0)), name='run_has_rows'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.CheckConstraint(condition=models.Q(('stopped_at', None), ('finished_at__isnull', False), _connector='OR'), name='run_stopped_is_finished'),
        ),
        migrations.AddIndex(
            model_name='runrow',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['run', 'tries', 'position'], name='run_row_in_turn'),
        ),
        migrations.AddConstraint(
            model_name='runrow',
            constraint=models.UniqueConstraint(fields=('run', 'position'), name='run_row_once_at_a_position'),
        ),
        migrations.AddConstraint(
            model_name='runrow',
            constraint=models.UniqueConstraint(fields=('run', 'subject'), name='run_row_once_for_a_subject'),
        ),
        migrations.AddConstraint(
            model_name='runrow',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'done', 'refused', 'set_aside', 'left'])), name='run_row_state_is_known'),
        ),
        migrations.AddConstraint(
            model_name='runrow',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('done_at', None), ('state', 'waiting')), models.Q(models.Q(('state', 'waiting'), _negated=True), ('done_at__isnull', False)), _connector='OR'), name='run_row_ended_once_it_waits_no_more'),
        ),
        tenants.keys.AddTenantKeys("RunRow"),
    ]
