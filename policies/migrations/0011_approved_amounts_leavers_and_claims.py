import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.ids


class Migration(migrations.Migration):

    dependencies = [
        ('licensing', '0009_usage_and_solutions'),
        ('policies', '0010_endings'),
        ('tenants', '0006_second_factors_and_delegations'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='approval',
            name='approved_amount',
            field=models.DecimalField(decimal_places=3, max_digits=17, null=True, verbose_name='approved total'),
        ),
        migrations.AddField(
            model_name='approval',
            name='grounds',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='decision',
            name='checkout',
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name='ending',
            name='said_for',
            field=models.CharField(blank=True, default='', max_length=300),
        ),
        migrations.AddField(
            model_name='exclusion',
            name='set_at',
            field=models.DateTimeField(editable=False, null=True, verbose_name='set at'),
        ),
        migrations.AddField(
            model_name='exclusion',
            name='set_by',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='set by'),
        ),
        migrations.AddField(
            model_name='tenantsettings',
            name='leaver_default',
            field=models.CharField(choices=[('renew', 'Renew it'), ('let_end', 'Let it end'), ('adopt', 'Adopt it for the organisation')], default='renew', max_length=10),
        ),
        migrations.AddField(
            model_name='tenantsettings',
            name='leaver_grace_days',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='tenantsettings',
            name='take_over_refunds',
            field=models.BooleanField(db_default=True, default=True),
        ),
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
        migrations.AddIndex(
            model_name='ending',
            index=models.Index(condition=models.Q(('done_at', None)), fields=['tenant', 'said_for'], name='ending_waits_for'),
        ),
        migrations.AddIndex(
            model_name='approval',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['lapses_at', 'id'], name='approval_waiting'),
        ),
        migrations.AddConstraint(
            model_name='approval',
            constraint=models.CheckConstraint(condition=models.Q(('approved_amount', None), models.Q(('approved_amount__lte', models.F('amount')), ('state', 'approved')), _connector='OR'), name='approved_costs_no_more_than_asked'),
        ),
        migrations.CreateModel(
            name='AutoClaim',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('ceiling', models.PositiveIntegerField(verbose_name='at most')),
                ('reason', models.TextField(blank=True, max_length=500, verbose_name='reason')),
                ('set_at', models.DateTimeField(verbose_name='set at')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.product', verbose_name='product')),
                ('set_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='set by')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='auto_claims', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'seats claimed on first use',
                'verbose_name_plural': 'seats claimed on first use',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='auto_claim_tenant_and_id'), models.UniqueConstraint(fields=('tenant', 'product'), name='auto_claim_once_per_product'), models.CheckConstraint(condition=models.Q(('ceiling__gte', 1)), name='auto_claim_has_a_ceiling')],
            },
        ),
    ]
