import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.keys
from tenants.keys import AddTenantKeys


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0006_second_factors_and_delegations'),
    ]

    operations = [
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('url', models.CharField(max_length=500, verbose_name='address')),
                ('types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, size=None)),
                ('state', models.CharField(choices=[('active', 'Active'), ('paused', 'Paused'), ('disabled', 'Disabled')], default='active', max_length=10, verbose_name='state')),
                ('disabled_because', models.CharField(blank=True, choices=[('gone', 'It said that it is there no more (status 410).'), ('failing', 'It has taken nothing for five days.')], default='', max_length=10)),
                ('disabled_at', models.DateTimeField(null=True)),
                ('secret', models.TextField()),
                ('previous_secret', models.TextField(blank=True, default='')),
                ('previous_until', models.DateTimeField(null=True)),
                ('position', models.BigIntegerField()),
                ('leased_until', models.DateTimeField(null=True)),
                ('turn_at', models.DateTimeField(null=True)),
                ('failing_since', models.DateTimeField(null=True)),
                ('failed_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('created_by', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.membership')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='webhook_endpoints', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'created_at', 'id'], name='webhook_endpoint_page')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='webhook_endpoint_tenant_and_id'), models.CheckConstraint(condition=models.Q(('state__in', ['active', 'paused', 'disabled'])), name='webhook_state_is_known'), models.CheckConstraint(condition=models.Q(('position__gte', 0)), name='webhook_position_counts'), models.CheckConstraint(condition=models.Q(models.Q(('disabled_at__isnull', False), ('disabled_because__in', ['gone', 'failing']), ('state', 'disabled')), models.Q(models.Q(('state', 'disabled'), _negated=True), ('disabled_at', None), ('disabled_because', '')), _connector='OR'), name='webhook_is_disabled_for_a_reason'), models.CheckConstraint(condition=models.Q(models.Q(('previous_secret', ''), ('previous_until', None)), models.Q(models.Q(('previous_secret', ''), _negated=True), ('previous_until__isnull', False)), _connector='OR'), name='webhook_previous_secret_ends')],
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('due', 'Due'), ('delivered', 'Delivered'), ('failed', 'Failed')], default='due', max_length=10, verbose_name='state')),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_try_at', models.DateTimeField(null=True)),
                ('tried_at', models.DateTimeField(null=True)),
                ('response_status', models.PositiveSmallIntegerField(null=True)),
                ('response_text', models.CharField(blank=True, default='', max_length=500)),
                ('error', models.CharField(blank=True, default='', max_length=40)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('event', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.event')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('endpoint', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='tenants.webhookendpoint')),
            ],
            options={
                'indexes': [models.Index(fields=['endpoint', 'created_at', 'id'], name='webhook_delivery_page'), models.Index(condition=models.Q(('state', 'due')), fields=['endpoint', 'next_try_at', 'id'], name='webhook_delivery_due')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='webhook_delivery_tenant_and_id'), models.UniqueConstraint(fields=('endpoint', 'event'), name='webhook_delivery_once_for_an_event'), models.CheckConstraint(condition=models.Q(('state__in', ['due', 'delivered', 'failed'])), name='webhook_delivery_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('next_try_at__isnull', False), ('state', 'due')), models.Q(models.Q(('state', 'due'), _negated=True), ('next_try_at', None)), _connector='OR'), name='webhook_delivery_is_tried_when_due')],
            },
        ),
        AddTenantKeys("WebhookEndpoint"),
        AddTenantKeys("WebhookDelivery"),
    ]
