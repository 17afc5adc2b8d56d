"""For a new database: what 0001 to 0006 come to. One that has them keeps them, one that has some goes on with them."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.keys
from tenants.keys import AddTenantKeys

# cause, days expired, days disabled
DAYS = [("term_ended", 30, 90), ("canceled", 0, 90), ("chargeback", 0, 90), ("trial_ended", 0, 90)]


def set_days(apps, schema_editor):
    """Rows for every channel; a row for one channel would win over them."""
    LifecycleDays = apps.get_model("licensing", "LifecycleDays")
    for cause, expired, disabled in DAYS:
        LifecycleDays.objects.create(cause=cause, channel="", expired_days=expired, disabled_days=disabled)


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('licensing', '0001_initial'),
        ('licensing', '0002_lifecycle_days'),
        ('licensing', '0003_chargebacks'),
        ('licensing', '0004_held_until_decided'),
        ('licensing', '0005_trials'),
        ('licensing', '0006_renewal_stopped'),
    ]

    dependencies = [
        ('tenants', '0004_billing_address'),
    ]

    operations = [
        migrations.CreateModel(
            name='Family',
            fields=[
                ('slug', models.SlugField(max_length=63, primary_key=True, serialize=False, verbose_name='slug')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
            ],
            options={
                'verbose_name_plural': 'families',
            },
        ),
        migrations.CreateModel(
            name='LifecycleDays',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cause', models.CharField(choices=[('term_ended', 'The term ended'), ('canceled', 'Canceled with a refund'), ('chargeback', 'The charge was contested'), ('trial_ended', 'The trial ended')], max_length=20, verbose_name='cause')),
                ('channel', models.CharField(blank=True, choices=[('self_service', 'Self-service'), ('central', 'Central'), ('partner', 'Partner')], max_length=20, verbose_name='channel')),
                ('expired_days', models.PositiveSmallIntegerField(verbose_name='days expired')),
                ('disabled_days', models.PositiveSmallIntegerField(verbose_name='days disabled')),
            ],
            options={
                'verbose_name_plural': 'lifecycle days',
                'constraints': [models.UniqueConstraint(fields=('cause', 'channel'), name='lifecycle_days_once'), models.CheckConstraint(condition=models.Q(('channel__in', ['', 'self_service', 'central', 'partner'])), name='lifecycle_channel_is_known'), models.CheckConstraint(condition=models.Q(('cause__in', ['term_ended', 'canceled', 'chargeback', 'trial_ended'])), name='lifecycle_cause_is_known')],
            },
        ),
        migrations.CreateModel(
            name='Product',
            fields=[
                ('id', models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='id')),
                ('slug', models.SlugField(max_length=63, unique=True, verbose_name='slug')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('self_service', models.BooleanField(default=False, verbose_name='self-service')),
                ('summary', models.CharField(blank=True, max_length=500, verbose_name='summary')),
                ('resources', models.JSONField(blank=True, default=dict, verbose_name='resources')),
                ('capacity', models.JSONField(blank=True, default=dict, verbose_name='capacity')),
                ('trial_days', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='trial days')),
                ('trial_seats', models.PositiveIntegerField(blank=True, null=True, verbose_name='trial seats')),
                ('created_at', models.DateTimeField(editable=False)),
                ('family', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='products', to='licensing.family', verbose_name='family')),
                ('trial_disabled_days', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='days an ended trial is kept')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('trial_days', None), ('trial_seats', None)), models.Q(('trial_days__gte', 1), ('trial_seats__gte', 1)), _connector='OR'), name='product_trial_is_whole'), models.CheckConstraint(condition=models.Q(('trial_disabled_days', None), ('trial_days__isnull', False), _connector='OR'), name='product_keeps_only_trials_that_it_has')],
            },
        ),
        migrations.CreateModel(
            name='Plan',
            fields=[
                ('id', models.SlugField(max_length=80, primary_key=True, serialize=False, verbose_name='id')),
                ('term', models.CharField(choices=[('P1M', 'Monthly'), ('P1Y', 'Annual')], max_length=5, verbose_name='term')),
                ('min_quantity', models.PositiveIntegerField(default=1, verbose_name='smallest quantity')),
                ('max_quantity', models.PositiveIntegerField(default=10000, verbose_name='largest quantity')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='plans', to='licensing.product', verbose_name='product')),
            ],
            options={
                'ordering': ['product', 'term'],
                'constraints': [models.UniqueConstraint(fields=('product', 'term'), name='plan_term_once_per_product'), models.CheckConstraint(condition=models.Q(('term__in', ['P1M', 'P1Y'])), name='plan_term_is_known'), models.CheckConstraint(condition=models.Q(('min_quantity__gte', 1), ('max_quantity__gte', models.F('min_quantity'))), name='plan_quantity_is_a_range')],
            },
        ),
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('channel', models.CharField(choices=[('self_service', 'Self-service'), ('central', 'Central'), ('partner', 'Partner')], max_length=20, verbose_name='channel')),
                ('state', models.CharField(choices=[('trial', 'Trial'), ('active', 'Active'), ('expired', 'In grace'), ('disabled', 'Disabled'), ('deleted', 'Deleted')], default='active', max_length=10, verbose_name='state')),
                ('quantity', models.PositiveIntegerField(verbose_name='quantity')),
                ('seats_assigned', models.PositiveIntegerField(default=0, verbose_name='seats assigned')),
                ('term_start', models.DateTimeField(verbose_name='term start')),
                ('term_end', models.DateTimeField(verbose_name='expires')),
                ('anchor_at', models.DateTimeField(editable=False)),
                ('time_zone', models.CharField(editable=False, max_length=63)),
                ('auto_renew', models.BooleanField(default=True, verbose_name='automatic renewal')),
                ('state_ends_at', models.DateTimeField(null=True)),
                ('end_cause', models.CharField(blank=True, choices=[('term_ended', 'The term ended'), ('canceled', 'Canceled with a refund'), ('chargeback', 'The charge was contested'), ('trial_ended', 'The trial ended')], max_length=20)),
                ('order_ref', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField(verbose_name='bought')),
                ('owner', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='owned_subscriptions', to='tenants.membership')),
                ('payer', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='paid_subscriptions', to='tenants.membership')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='subscriptions', to='licensing.plan', verbose_name='plan')),
                ('purchaser', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='purchases', to='tenants.membership', verbose_name='purchaser')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='subscriptions', to='tenants.tenant')),
                ('held_at', models.DateTimeField(null=True)),
                ('renewal_stopped_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'created_at', 'id'], name='subscription_page'), models.Index(fields=['tenant', 'term_end', 'id'], name='subscription_by_end'), models.Index(fields=['tenant', 'owner', 'created_at'], name='subscription_of_owner'), models.Index(condition=models.Q(('state_ends_at__isnull', False)), fields=['state_ends_at'], name='subscription_due')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='subscription_tenant_and_id'), models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='subscription_has_seats'), models.CheckConstraint(condition=models.Q(('seats_assigned__lte', models.F('quantity'))), name='seats_within_quantity'), models.CheckConstraint(condition=models.Q(('seats_assigned__gte', 0)), name='seats_assigned_not_negative'), models.CheckConstraint(condition=models.Q(('term_end__gt', models.F('term_start'))), name='term_ends_after_it_starts'), models.CheckConstraint(condition=models.Q(('channel__in', ['self_service', 'central', 'partner'])), name='subscription_channel_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('seats_assigned', 0), ('state', 'deleted'), ('state_ends_at', None)), models.Q(models.Q(('state', 'deleted'), _negated=True), ('state_ends_at__isnull', False)), _connector='OR'), name='only_a_deleted_subscription_is_final'), models.UniqueConstraint(fields=('tenant', 'order_ref'), name='one_subscription_per_order'), models.CheckConstraint(condition=models.Q(('held_at', None), ('state', 'disabled'), _connector='OR'), name='only_a_disabled_subscription_is_held'), models.CheckConstraint(condition=models.Q(('state__in', ['trial', 'active', 'expired', 'disabled', 'deleted'])), name='subscription_state_is_known'), models.CheckConstraint(condition=models.Q(('end_cause__in', ['', 'term_ended', 'canceled', 'chargeback', 'trial_ended'])), name='subscription_end_cause_is_known')],
            },
        ),
        migrations.CreateModel(
            name='Seat',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('assigned_at', models.DateTimeField(verbose_name='assigned')),
                ('released_at', models.DateTimeField(blank=True, null=True, verbose_name='released')),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='seats', to='tenants.membership', verbose_name='member')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='seats', to='tenants.tenant')),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='seats', to='licensing.subscription')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('released_at', None)), fields=['member'], name='seat_open_of_member')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('released_at', None)), fields=('subscription', 'member'), name='one_open_seat_per_member'), models.CheckConstraint(condition=models.Q(('released_at', None), ('released_at__gte', models.F('assigned_at')), _connector='OR'), name='seat_released_after_assigned')],
            },
        ),
        migrations.CreateModel(
            name='TrialUse',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('started_at', models.DateTimeField()),
                ('extended_at', models.DateTimeField(null=True)),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='trial_uses', to='tenants.membership')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='trial_uses', to='licensing.product')),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='trial_uses', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='trial_uses', to='tenants.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'member', 'product'), name='one_trial_per_person_and_product'), models.UniqueConstraint(fields=('subscription',), name='one_use_per_trial')],
            },
        ),
        AddTenantKeys("Subscription"),
        AddTenantKeys("Seat"),
        AddTenantKeys("TrialUse"),
        migrations.RunPython(set_days, migrations.RunPython.noop),
    ]
