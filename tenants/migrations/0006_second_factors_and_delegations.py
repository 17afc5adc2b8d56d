import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.ids
import tenants.keys
from tenants.keys import AddTenantKeys


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0005_jobs_clocks_and_runs'),
    ]

    operations = [
        migrations.AddField(
            model_name='tenant',
            name='requires_second_factor',
            field=models.BooleanField(db_default=False, default=False, verbose_name='second factor for every role'),
        ),
        migrations.AddField(
            model_name='membership',
            name='away_until',
            field=models.DateField(blank=True, null=True, verbose_name='on leave until'),
        ),
        migrations.AddField(
            model_name='user',
            name='second_factor_since',
            field=models.DateTimeField(editable=False, null=True, verbose_name='second factor since'),
        ),
        migrations.CreateModel(
            name='SignInRules',
            fields=[
            ],
            options={
                'verbose_name': 'sign-in',
                'verbose_name_plural': 'sign-in',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('tenants.tenant',),
        ),
        migrations.CreateModel(
            name='SecondFactor',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='second_factor', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('key', models.TextField()),
                ('last_step', models.BigIntegerField()),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('digest', models.CharField(max_length=64)),
                ('used_at', models.DateTimeField(null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recovery_codes', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'digest'), name='recovery_code_once_per_person')],
            },
        ),
        migrations.CreateModel(
            name='Delegation',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('roles', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('global_admin', 'Global admin'), ('billing_admin', 'Billing admin'), ('license_admin', 'License admin'), ('user_admin', 'User admin'), ('global_reader', 'Global reader')], max_length=20), size=None, verbose_name='roles')),
                ('granted_at', models.DateTimeField(verbose_name='granted')),
                ('ends_at', models.DateTimeField(verbose_name='ends')),
                ('accepted_at', models.DateTimeField(null=True, verbose_name='accepted')),
                ('revoked_at', models.DateTimeField(null=True, verbose_name='taken back')),
                ('accepted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('granted_by', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.membership', verbose_name='granted by')),
                ('partner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='customers', to='tenants.tenant', verbose_name='partner')),
                ('revoked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='delegations', to='tenants.tenant')),
                ('told', models.PositiveSmallIntegerField(db_default=0, default=0, editable=False)),
            ],
            options={
                'verbose_name': 'delegation',
                'verbose_name_plural': 'delegations',
                'indexes': [models.Index(fields=['tenant', 'granted_at', 'id'], name='delegation_page'), models.Index(fields=['partner', 'granted_at', 'id'], name='delegation_of_partner'), models.Index(condition=models.Q(('revoked_at', None), ('told__lt', 3)), fields=['ends_at', 'id'], name='delegation_to_tell_of')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='delegation_tenant_and_id'), models.CheckConstraint(condition=models.Q(('partner', models.F('tenant')), _negated=True), name='delegation_is_to_somebody_else'), models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('granted_at'))), name='delegation_ends_after_it_begins'), models.CheckConstraint(condition=models.Q(('roles__contained_by', ['global_admin', 'billing_admin', 'license_admin', 'user_admin', 'global_reader'])), name='delegated_roles_are_known'), models.CheckConstraint(condition=models.Q(('roles', []), _negated=True), name='delegation_has_roles'), models.CheckConstraint(condition=models.Q(models.Q(('accepted_at', None), ('accepted_by', None)), models.Q(('accepted_at__isnull', False), ('accepted_by__isnull', False)), _connector='OR'), name='delegation_is_accepted_by_somebody')],
            },
        ),
        AddTenantKeys("Delegation"),
    ]
