import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.ids
import tenants.keys
from tenants.keys import AddTenantKeys


class Migration(migrations.Migration):

    dependencies = [
        ('licensing', '0008_seat_tallies'),
        ('tenants', '0006_second_factors_and_delegations'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='WastedSeat',
            fields=[
            ],
            options={
                'verbose_name': 'wasted seat',
                'verbose_name_plural': 'wasted seats',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('licensing.seat',),
        ),
        migrations.CreateModel(
            name='CapacityUse',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=40, verbose_name='kind')),
                ('in_use', models.BigIntegerField(verbose_name='in use')),
                ('reported_at', models.DateTimeField(verbose_name='reported')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.product')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'capacity',
                'verbose_name_plural': 'capacity',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='capacity_use_tenant_and_id'), models.UniqueConstraint(fields=('tenant', 'product', 'kind'), name='capacity_use_once_per_kind'), models.CheckConstraint(condition=models.Q(('in_use__gte', 0)), name='capacity_in_use_is_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='ProductUse',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('last_used_at', models.DateTimeField(null=True, verbose_name='last used')),
                ('first_reported_at', models.DateTimeField()),
                ('reported_at', models.DateTimeField(verbose_name='reported')),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='product_uses', to='tenants.membership')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.product')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'product', 'reported_at'], name='product_use_reported')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='product_use_tenant_and_id'), models.UniqueConstraint(fields=('member', 'product'), name='product_use_once_per_member'), models.CheckConstraint(condition=models.Q(('last_used_at', None), ('last_used_at__lte', models.F('reported_at')), _connector='OR'), name='product_use_is_not_in_the_future')],
            },
        ),
        migrations.CreateModel(
            name='Solution',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('text', models.CharField(max_length=500, verbose_name='text')),
                ('link', models.URLField(max_length=500, verbose_name='link')),
                ('state', models.CharField(choices=[('waiting', 'Waits for approval'), ('approved', 'Shown'), ('declined', 'Declined'), ('withdrawn', 'Withdrawn')], default='waiting', max_length=10, verbose_name='state')),
                ('changed_at', models.DateTimeField(verbose_name='changed')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('products', models.ManyToManyField(related_name='+', to='licensing.product', verbose_name='products')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='solutions', to='tenants.tenant', verbose_name='partner')),
            ],
            options={
                'verbose_name': 'solution',
                'verbose_name_plural': 'solutions',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='solution_tenant_and_id'), models.UniqueConstraint(fields=('tenant', 'name'), name='solution_name_once'), models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'approved', 'declined', 'withdrawn'])), name='solution_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'approved'), _negated=True), ('decided_at__isnull', False), _connector='OR'), name='solution_is_approved_by_decision')],
            },
        ),
        AddTenantKeys("ProductUse"),
    ]
