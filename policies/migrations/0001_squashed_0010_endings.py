"""For a new database: what 0001 to 0010 come to. One that has them keeps them, one that has some goes on with them."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

import tenants.ids
import tenants.keys
from tenants.keys import AddTenantKeys

REASON = "Self-service purchase is not offered to this sector."


def exclude_sectors(apps, schema_editor):
    """Rows, never code: nothing puts back what was ended later."""
    Exclusion = apps.get_model("policies", "Exclusion")
    for sector in ("government", "nonprofit", "education"):
        Exclusion.objects.create(sector=sector, ends_renewals=True, reason=REASON, created_at=timezone.now())


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('policies', '0001_initial'),
        ('policies', '0002_sectors'),
        ('policies', '0003_members_claim_seats'),
        ('policies', '0004_approvals_and_times'),
        ('policies', '0005_own_request_process'),
        ('policies', '0006_approvals'),
        ('policies', '0007_spend_limits'),
        ('policies', '0008_license_requests'),
        ('policies', '0009_governance'),
        ('policies', '0010_endings'),
    ]

    dependencies = [
        ('licensing', '0006_renewal_stopped'),
        ('tenants', '0004_billing_address'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='TenantSettings',
            fields=[
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='policy_settings', serialize=False, to='tenants.tenant')),
                ('self_service_enabled', models.BooleanField(default=True)),
                ('set_at', models.DateTimeField()),
                ('set_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('members_claim_seats', models.BooleanField(default=False)),
                ('request_process_message', models.TextField(blank=True, default='', max_length=2000)),
                ('request_process_url', models.CharField(blank=True, default='', max_length=500)),
            ],
            options={
                'verbose_name_plural': 'tenant settings',
            },
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('quantity', models.PositiveIntegerField(null=True)),
                ('outcome', models.CharField(choices=[('allowed', 'Allowed'), ('trial_only', 'Only a trial'), ('needs_approval', 'Needs approval'), ('refused', 'Refused')], max_length=20)),
                ('reasons', models.JSONField(default=list)),
                ('at', models.DateTimeField()),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='decisions', to='tenants.membership')),
                ('plan', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.plan')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.product')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='tenants.tenant')),
                ('trial', models.BooleanField(default=False)),
                ('remedies', models.JSONField(default=list)),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'at'], name='decision_of_tenant')],
                'constraints': [models.CheckConstraint(condition=models.Q(('outcome__in', ['allowed', 'trial_only', 'needs_approval', 'refused'])), name='decision_outcome_is_known')],
            },
        ),
        migrations.CreateModel(
            name='Exclusion',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('sector', models.CharField(blank=True, choices=[('commercial', 'Commercial'), ('government', 'Government'), ('nonprofit', 'Non-profit'), ('education', 'Education')], max_length=20, verbose_name='sector')),
                ('country', models.CharField(blank=True, max_length=2, verbose_name='country')),
                ('valid_from', models.DateField(blank=True, null=True, verbose_name='valid from')),
                ('valid_to', models.DateField(blank=True, null=True, verbose_name='valid to')),
                ('ends_renewals', models.BooleanField(default=False, verbose_name='ends renewals')),
                ('reason', models.TextField(blank=True, max_length=500, verbose_name='reason')),
                ('created_at', models.DateTimeField(editable=False)),
                ('family', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.family')),
                ('product', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.product')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('sector', ''), _negated=True), models.Q(('country', ''), _negated=True), ('family__isnull', False), ('product__isnull', False), _connector='OR'), name='exclusion_names_something'), models.CheckConstraint(condition=models.Q(('valid_from', None), ('valid_to', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='exclusion_ends_after_it_begins'), models.CheckConstraint(condition=models.Q(('sector__in', ['', 'commercial', 'government', 'nonprofit', 'education'])), name='exclusion_sector_is_known'), models.CheckConstraint(condition=models.Q(('country', ''), ('country__regex', '^[A-Z]{2}$'), _connector='OR'), name='exclusion_country_is_alpha_2')],
            },
        ),
        migrations.CreateModel(
            name='Market',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('country', models.CharField(max_length=2, verbose_name='country')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('opens_on', models.DateField(blank=True, null=True, verbose_name='opens on')),
                ('closes_on', models.DateField(blank=True, null=True, verbose_name='closes on')),
                ('family', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='markets', to='licensing.family', verbose_name='family')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('country', 'family'), name='market_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('country__regex', '^[A-Z]{2}$')), name='market_country_is_alpha_2'), models.CheckConstraint(condition=models.Q(('opens_on', None), ('closes_on', None), ('closes_on__gt', models.F('opens_on')), _connector='OR'), name='market_closes_after_it_opens')],
            },
        ),
        migrations.CreateModel(
            name='Policy',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('value', models.CharField(choices=[('enabled', 'Enabled'), ('approval_required', 'Needs approval'), ('only_trials_without_payment_method', 'Only trials without a card'), ('disabled', 'Disabled')], max_length=40, verbose_name='value')),
                ('reason', models.TextField(blank=True, max_length=500, verbose_name='reason')),
                ('set_at', models.DateTimeField(verbose_name='set at')),
                ('department', tenants.keys.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.department')),
                ('family', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.family')),
                ('member', tenants.keys.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.membership')),
                ('product', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.product')),
                ('set_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='set by')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='policies', to='tenants.tenant')),
                ('valid_from', models.DateTimeField(blank=True, null=True, verbose_name='valid from')),
                ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='valid to')),
            ],
            options={
                'verbose_name_plural': 'policies',
                'constraints': [models.CheckConstraint(condition=models.Q(('member', None), ('department', None), _connector='OR'), name='policy_of_person_or_group'), models.CheckConstraint(condition=models.Q(('product', None), ('family', None), _connector='OR'), name='policy_of_product_or_family'), models.UniqueConstraint(fields=('tenant', 'member', 'department', 'product', 'family', 'valid_from', 'valid_to'), name='policy_once_at_a_time', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('valid_from', None), ('valid_to', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='policy_ends_after_it_begins'), models.CheckConstraint(condition=models.Q(('value__in', ['enabled', 'approval_required', 'only_trials_without_payment_method', 'disabled'])), name='policy_value_is_known')],
            },
        ),
        migrations.CreateModel(
            name='SelfServiceProduct',
            fields=[
            ],
            options={
                'verbose_name': 'product policy',
                'verbose_name_plural': 'product policies',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('licensing.product',),
        ),
        migrations.CreateModel(
            name='Approver',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('department', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='approvers', to='tenants.department')),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='approves_for', to='tenants.membership')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvers', to='tenants.tenant')),
                ('created_at', models.DateTimeField(null=True, verbose_name='named')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'department', 'member'), name='approver_once_per_department')],
                'verbose_name_plural': 'approvers',
            },
        ),
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('quantity', models.PositiveIntegerField(verbose_name='quantity')),
                ('amount', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='total')),
                ('currency', models.CharField(max_length=3)),
                ('subject', models.CharField(max_length=64)),
                ('codes', models.JSONField(default=list)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('approved', 'Approved'), ('declined', 'Declined'), ('lapsed', 'Lapsed'), ('withdrawn', 'Withdrawn')], default='waiting', max_length=10, verbose_name='state')),
                ('created_at', models.DateTimeField(verbose_name='asked')),
                ('lapses_at', models.DateTimeField(verbose_name='lapses')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('approved_quantity', models.PositiveIntegerField(null=True, verbose_name='approved')),
                ('message', models.TextField(blank=True, max_length=1000, verbose_name='message')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.plan')),
                ('requester', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='tenants.membership', verbose_name='asked by')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='tenants.tenant')),
            ],
            options={
                'verbose_name_plural': 'approvals',
                'indexes': [models.Index(fields=['tenant', 'created_at', 'id'], name='approval_page'), models.Index(fields=['subject'], name='approval_of_subject')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='approval_tenant_and_id'), models.UniqueConstraint(condition=models.Q(('state__in', ('waiting', 'approved'))), fields=('tenant', 'subject'), name='one_approval_at_a_time'), models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'approved', 'declined', 'lapsed', 'withdrawn'])), name='approval_state_is_known'), models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='approval_asks_for_seats'), models.CheckConstraint(condition=models.Q(models.Q(('approved_quantity__gte', 1), ('approved_quantity__lte', models.F('quantity')), ('state', 'approved')), models.Q(models.Q(('state', 'approved'), _negated=True), ('approved_quantity', None)), _connector='OR'), name='approved_for_no_more_than_asked'), models.CheckConstraint(condition=models.Q(models.Q(('decided_by__isnull', False), ('state__in', ('approved', 'declined'))), models.Q(models.Q(('state__in', ('approved', 'declined')), _negated=True), ('decided_by', None)), _connector='OR'), name='an_approval_says_who_decided'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('state', 'waiting')), models.Q(models.Q(('state', 'waiting'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='an_approval_says_when_it_ended')],
            },
        ),
        migrations.CreateModel(
            name='SpendLimit',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('level', models.CharField(choices=[('tenant', 'The organisation'), ('department', 'A department'), ('member', 'A person'), ('product', 'A product')], max_length=10, verbose_name='level')),
                ('period', models.CharField(choices=[('month', 'A month'), ('year', 'A year')], max_length=10, verbose_name='period')),
                ('amount', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='amount')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('mode', models.CharField(choices=[('hard', 'Refuse'), ('approval', 'Ask for approval')], max_length=10, verbose_name='mode')),
                ('counts', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('self_service', 'Self-service'), ('central', 'Central'), ('trial', 'Trials')], max_length=20), size=None, verbose_name='counts')),
                ('reason', models.TextField(blank=True, max_length=500, verbose_name='reason')),
                ('set_at', models.DateTimeField(verbose_name='set at')),
                ('created_at', models.DateTimeField(editable=False)),
                ('department', tenants.keys.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.department')),
                ('member', tenants.keys.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.membership')),
                ('product', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.product')),
                ('set_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='set by')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='spend_limits', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'created_at', 'id'], name='spend_limit_page')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='spend_limit_tenant_and_id'), models.CheckConstraint(condition=models.Q(models.Q(('department', None), ('level', 'tenant'), ('member', None), ('product', None)), models.Q(('department__isnull', False), ('level', 'department'), ('member', None), ('product', None)), models.Q(('department', None), ('level', 'member'), ('member__isnull', False), ('product', None)), models.Q(('department', None), ('level', 'product'), ('member', None), ('product__isnull', False)), _connector='OR'), name='spend_limit_names_its_scope'), models.UniqueConstraint(fields=('tenant', 'department', 'member', 'product', 'period', 'mode'), name='spend_limit_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='spend_limit_not_negative'), models.CheckConstraint(condition=models.Q(('period__in', ['month', 'year'])), name='spend_limit_period_is_known'), models.CheckConstraint(condition=models.Q(('mode__in', ['hard', 'approval'])), name='spend_limit_mode_is_known'), models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='spend_limit_has_a_currency'), models.CheckConstraint(condition=models.Q(('counts__contained_by', ['self_service', 'central', 'trial']), ('counts__len__gte', 1)), name='spend_limit_counts_something')],
            },
        ),
        migrations.CreateModel(
            name='LimitNotice',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('period_start', models.IntegerField()),
                ('threshold', models.PositiveSmallIntegerField()),
                ('told_at', models.DateTimeField()),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('limit', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='policies.spendlimit')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('limit', 'period_start', 'threshold'), name='limit_notice_once'), models.CheckConstraint(condition=models.Q(('threshold__in', (50, 80, 100))), name='limit_notice_threshold_is_known')],
            },
        ),
        migrations.CreateModel(
            name='Commitment',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('subject', models.UUIDField()),
                ('departments', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('counts_as', models.CharField(choices=[('self_service', 'Self-service'), ('central', 'Central'), ('trial', 'Trials')], max_length=20)),
                ('amount', models.DecimalField(decimal_places=7, max_digits=24)),
                ('quantity', models.PositiveIntegerField(default=1)),
                ('currency', models.CharField(max_length=3)),
                ('first_month', models.IntegerField()),
                ('step', models.PositiveSmallIntegerField(default=0)),
                ('settled', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField()),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.membership')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.product')),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='commitments', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='commitments', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('step', 0)), fields=['tenant', 'first_month'], name='commitment_at_once'), models.Index(condition=models.Q(('step__gt', 0)), fields=['tenant'], name='commitment_again')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'subject', 'step'), name='commitment_once'), models.UniqueConstraint(condition=models.Q(('step__gt', 0), ('subscription__isnull', False)), fields=('subscription',), name='one_renewal_commitment_per_subscription'), models.CheckConstraint(condition=models.Q(('counts_as__in', ['self_service', 'central', 'trial'])), name='commitment_counts_as_known'), models.CheckConstraint(condition=models.Q(('step__in', (0, 1, 12))), name='commitment_step_is_known'), models.CheckConstraint(condition=models.Q(('step', 0), ('amount__gte', 0), _connector='OR'), name='renewal_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='LicenseRequest',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('reason', models.TextField(max_length=1000, verbose_name='reason')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('decided', 'Decided'), ('withdrawn', 'Withdrawn'), ('expired', 'Nobody decided')], default='waiting', max_length=10, verbose_name='state')),
                ('message', models.TextField(blank=True, max_length=1000, verbose_name='message')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('reminded', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('created_at', models.DateTimeField(verbose_name='asked')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.product', verbose_name='product')),
                ('requester', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='license_requests', to='tenants.membership', verbose_name='asked by')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='license_requests', to='tenants.tenant')),
            ],
            options={
                'verbose_name_plural': 'licence requests',
                'indexes': [models.Index(fields=['tenant', 'created_at', 'id'], name='license_request_page'), models.Index(fields=['requester', 'created_at', 'id'], name='license_request_of_person'), models.Index(condition=models.Q(('state', 'waiting')), fields=['created_at'], name='license_request_waiting'), models.Index(condition=models.Q(('state', 'waiting'), _negated=True), fields=['decided_at'], name='license_request_ended')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='license_request_tenant_and_id'), models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'decided', 'withdrawn', 'expired'])), name='license_request_state_is_known'), models.CheckConstraint(condition=models.Q(('state', 'waiting'), ('decided_at__isnull', False), _connector='OR'), name='license_request_says_when_it_ended')],
            },
        ),
        migrations.CreateModel(
            name='LicenseRequestPerson',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('granted', 'Granted'), ('declined', 'Declined'), ('withdrawn', 'Withdrawn'), ('expired', 'Nobody decided')], default='waiting', max_length=10, verbose_name='state')),
                ('how', models.CharField(blank=True, choices=[('free_seat', 'A free seat'), ('bought', 'A seat that was bought for it'), ('exception', 'May buy it themselves')], default='', max_length=10, verbose_name='how')),
                ('message', models.TextField(blank=True, max_length=1000, verbose_name='message')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('subscription', models.CharField(blank=True, default='', max_length=64)),
                ('until', models.DateTimeField(null=True, verbose_name='until')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.membership', verbose_name='member')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.product')),
                ('request', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='people', to='policies.licenserequest')),
                ('requester', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.membership')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['member'], name='license_request_person_member')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='license_request_person_tenant_and_id'), models.UniqueConstraint(fields=('request', 'member'), name='asked_for_once_in_a_request'), models.UniqueConstraint(condition=models.Q(('state', 'waiting')), fields=('requester', 'member', 'product'), name='asked_for_once_at_a_time'), models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'granted', 'declined', 'withdrawn', 'expired'])), name='license_request_person_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('how__in', ['free_seat', 'bought', 'exception']), ('state', 'granted')), models.Q(models.Q(('state', 'granted'), _negated=True), ('how', '')), _connector='OR'), name='a_granted_license_says_how'), models.CheckConstraint(condition=models.Q(models.Q(('how', 'exception'), ('until__isnull', False)), models.Q(models.Q(('how', 'exception'), _negated=True), ('until', None)), _connector='OR'), name='an_exception_has_an_end'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('state', 'waiting')), models.Q(models.Q(('state', 'waiting'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='a_license_request_person_says_when')],
            },
        ),
        migrations.CreateModel(
            name='GovernancePolicy',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('kind', models.CharField(choices=[('residency', 'Where data is kept'), ('retention', 'How long data is kept'), ('sharing', 'With whom data is shared'), ('loss_prevention', 'What must not leave'), ('access', 'Who has access')], max_length=20, verbose_name='kind')),
                ('settings', models.JSONField(default=dict, verbose_name='settings')),
                ('acknowledge', models.BooleanField(default=False, verbose_name='acknowledge before paying')),
                ('version', models.PositiveIntegerField(default=1)),
                ('reason', models.TextField(blank=True, max_length=500, verbose_name='reason')),
                ('set_at', models.DateTimeField(verbose_name='set at')),
                ('created_at', models.DateTimeField(editable=False)),
                ('set_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='set by')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='governance_policies', to='tenants.tenant')),
            ],
            options={
                'verbose_name_plural': 'data and access policies',
                'indexes': [models.Index(fields=['tenant', 'created_at', 'id'], name='governance_page')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='governance_policy_tenant_and_id'), models.UniqueConstraint(fields=('tenant', 'name'), name='governance_name_once_per_tenant'), models.CheckConstraint(condition=models.Q(('kind__in', ['residency', 'retention', 'sharing', 'loss_prevention', 'access'])), name='governance_kind_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'access'), _negated=True), ('acknowledge', False), _connector='OR'), name='access_policy_asks_for_no_acknowledgement')],
            },
        ),
        migrations.CreateModel(
            name='GovernanceScope',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('department', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.department')),
                ('family', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.family')),
                ('policy', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='scopes', to='policies.governancepolicy')),
                ('product', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.product')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('policy', 'family', 'product', 'department'), name='governance_scope_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(models.Q(('department', None), ('family__isnull', False), ('product', None)), models.Q(('department', None), ('family', None), ('product__isnull', False)), models.Q(('department__isnull', False), ('family', None), ('product', None)), _connector='OR'), name='governance_scope_names_one_thing')],
            },
        ),
        migrations.CreateModel(
            name='Acknowledgement',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('subject', models.UUIDField()),
                ('policy', models.UUIDField()),
                ('version', models.PositiveIntegerField()),
                ('name', models.CharField(max_length=100)),
                ('kind', models.CharField(choices=[('residency', 'Where data is kept'), ('retention', 'How long data is kept'), ('sharing', 'With whom data is shared'), ('loss_prevention', 'What must not leave'), ('access', 'Who has access')], max_length=20)),
                ('settings', models.JSONField(default=dict)),
                ('at', models.DateTimeField()),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.membership')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='acknowledgements', to='tenants.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'subject', 'member', 'policy', 'version'), name='acknowledged_once_each')],
            },
        ),
        migrations.CreateModel(
            name='Ending',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('how', models.CharField(choices=[('leave', 'Leave it as it is'), ('stop_at_renewal', 'Stop it at its renewal'), ('cancel', 'Cancel it')], max_length=20)),
                ('reason', models.TextField(blank=True, max_length=500)),
                ('due_at', models.DateTimeField()),
                ('done_at', models.DateTimeField(null=True)),
                ('acted', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField()),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='policy_endings', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='policy_endings', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('done_at', None)), fields=['due_at'], name='ending_due')],
                'constraints': [models.CheckConstraint(condition=models.Q(('how__in', ['stop_at_renewal', 'cancel'])), name='ending_is_known'), models.UniqueConstraint(condition=models.Q(('done_at', None)), fields=('subscription', 'how'), name='one_ending_waits_per_subscription')],
            },
        ),
        AddTenantKeys("Decision"),
        AddTenantKeys("Policy"),
        AddTenantKeys("Approver"),
        AddTenantKeys("Approval"),
        AddTenantKeys("SpendLimit"),
        AddTenantKeys("LimitNotice"),
        AddTenantKeys("Commitment"),
        AddTenantKeys("LicenseRequest"),
        AddTenantKeys("LicenseRequestPerson"),
        AddTenantKeys("GovernanceScope"),
        AddTenantKeys("Acknowledgement"),
        AddTenantKeys("Ending"),
        migrations.RunPython(exclude_sectors, migrations.RunPython.noop),
    ]
