import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.ids
import tenants.keys
from tenants.keys import AddTenantKeys

# At once, and on the days on which the card is tried again.
STEPS = """
INSERT INTO commerce_dunningstep (tenant_id, day, retry, mail)
SELECT NULL, day, day > 0, TRUE FROM unnest(ARRAY[0, 1, 3, 7, 14, 21]) AS day
"""
# What providers say of a card that will never pay again: those that Stripe never tries again by itself
# (docs.stripe.com/billing/revenue-recovery/smart-retries) or tells not to (docs.stripe.com/declines/codes), and two of
# ours: neither the card nor its currency gets better by waiting.
HARD = """
INSERT INTO commerce_harddecline (code)
SELECT unnest(ARRAY[
    'authentication_required', 'card_not_supported', 'currency_not_supported', 'do_not_try_again', 'expired_card',
    'fraudulent', 'highest_risk_level', 'incorrect_number', 'invalid_account', 'invalid_number', 'lost_card',
    'pickup_card', 'restricted_card', 'revocation_of_all_authorizations', 'revocation_of_authorization', 'stolen_card',
    'stop_payment_order', 'transaction_not_allowed', 'unknown_card'
])
"""


class Migration(migrations.Migration):

    dependencies = [
        ('commerce', '0019_trials'),
        ('licensing', '0007_renewals_and_endings'),
        ('tenants', '0006_second_factors_and_delegations'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='checkout',
            name='a_trial_is_free_and_begins_at_once',
        ),
        migrations.RemoveConstraint(
            model_name='order',
            name='order_kind_is_known',
        ),
        migrations.AddField(
            model_name='checkout',
            name='with_trial',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='order',
            name='anchor_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='order',
            name='kind',
            field=models.CharField(choices=[('purchase', 'Purchase'), ('seats', 'More seats'), ('reactivation', 'Reactivation'), ('renewal', 'Renewal'), ('alignment', 'Aligned end of term'), ('reimbursement', 'Rest of a term that was taken over')], default='purchase', max_length=20, verbose_name='kind'),
        ),
        migrations.AddIndex(
            model_name='billingperiod',
            index=models.Index(fields=['tenant', 'unit_price', 'subscription'], name='period_by_price'),
        ),
        migrations.AddConstraint(
            model_name='checkout',
            constraint=models.CheckConstraint(condition=models.Q(('trial', None), models.Q(('state', 'completed'), models.Q(('total', 0), ('with_trial', True), _connector='OR')), _connector='OR'), name='a_trial_is_free_and_begins_at_once'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('anchor_at__isnull', False), ('kind', 'alignment')), models.Q(models.Q(('kind', 'alignment'), _negated=True), ('anchor_at', None)), _connector='OR'), name='an_alignment_has_its_anchor'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['purchase', 'seats', 'reactivation', 'renewal', 'alignment', 'reimbursement'])), name='order_kind_is_known'),
        ),
        migrations.AddConstraint(
            model_name='scheduledchange',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('settled_at', None), ('state', 'waiting')), models.Q(models.Q(('state', 'waiting'), _negated=True), ('settled_at__isnull', False)), _connector='OR'), name='a_settled_change_says_when'),
        ),
        migrations.CreateModel(
            name='DunningStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.PositiveSmallIntegerField(verbose_name='day')),
                ('retry', models.BooleanField(default=True, verbose_name='tries the card again')),
                ('mail', models.BooleanField(default=True, verbose_name='tells the payer')),
                ('tenant', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='dunning_steps', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'dunning step',
                'verbose_name_plural': 'dunning steps',
                'ordering': ['day'],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'day'), name='one_dunning_step_per_day', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('day__lte', 30)), name='dunning_ends_within_30_days'), models.CheckConstraint(condition=models.Q(('day', 0), ('retry', True), _negated=True), name='nothing_is_tried_on_day_0')],
            },
        ),
        migrations.CreateModel(
            name='HardDecline',
            fields=[
                ('code', models.CharField(max_length=60, primary_key=True, serialize=False, verbose_name='code')),
            ],
            options={
                'verbose_name': 'hard decline',
                'verbose_name_plural': 'hard declines',
            },
        ),
        migrations.CreateModel(
            name='Renewal',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('starts_at', models.DateTimeField(verbose_name='begins')),
                ('state', models.CharField(choices=[('due', 'Due'), ('charging', 'Being charged'), ('retrying', 'Declined, tried again'), ('blocked', 'Waiting for another card'), ('paid', 'Paid'), ('refused', 'Refused'), ('lapsed', 'Withdrawn')], default='due', max_length=10, verbose_name='state')),
                ('next_try_at', models.DateTimeField(null=True, verbose_name='next try')),
                ('leased_until', models.DateTimeField(null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('faults', models.PositiveSmallIntegerField(default=0)),
                ('first_failed_at', models.DateTimeField(null=True, verbose_name='first failed')),
                ('step', models.PositiveSmallIntegerField(default=0)),
                ('decline_code', models.CharField(blank=True, max_length=60, verbose_name='declined because')),
                ('refused_by', models.JSONField(blank=True, default=list)),
                ('created_at', models.DateTimeField()),
                ('settled_at', models.DateTimeField(null=True)),
                ('order', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='renewals', to='commerce.order')),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='renewals', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='renewals', to='tenants.tenant')),
                ('next_letter_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'renewal',
                'verbose_name_plural': 'renewals',
                'indexes': [models.Index(condition=models.Q(('next_try_at__isnull', False)), fields=['next_try_at'], name='renewal_due'), models.Index(condition=models.Q(('state__in', ('due', 'charging', 'retrying', 'blocked'))), fields=['subscription'], name='renewal_open'), models.Index(condition=models.Q(('order__isnull', False)), fields=['order'], name='renewal_of_order'), models.Index(condition=models.Q(('next_letter_at__isnull', False)), fields=['next_letter_at'], name='renewal_letter')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='renewal_tenant_and_id'), models.UniqueConstraint(fields=('subscription', 'starts_at'), name='one_renewal_per_term'), models.CheckConstraint(condition=models.Q(('state__in', ['due', 'charging', 'retrying', 'blocked', 'paid', 'refused', 'lapsed'])), name='renewal_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('next_try_at__isnull', False), ('state__in', ('due', 'charging', 'retrying'))), models.Q(models.Q(('state__in', ('due', 'charging', 'retrying')), _negated=True), ('next_try_at', None)), _connector='OR'), name='a_renewal_that_is_tried_says_when'), models.CheckConstraint(condition=models.Q(('order__isnull', False), models.Q(('state__in', ('charging', 'paid')), _negated=True), _connector='OR'), name='a_charged_renewal_has_its_order'), models.CheckConstraint(condition=models.Q(models.Q(('settled_at__isnull', False), ('state__in', ('paid', 'refused', 'lapsed'))), models.Q(models.Q(('state__in', ('paid', 'refused', 'lapsed')), _negated=True), ('settled_at', None)), _connector='OR'), name='a_settled_renewal_says_when')],
            },
        ),
        migrations.CreateModel(
            name='RenewalNotice',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('term_end', models.DateTimeField()),
                ('days', models.PositiveSmallIntegerField()),
                ('kind', models.CharField(choices=[('renews', 'Renews'), ('ends', 'Ends'), ('refused', 'Will not renew')], max_length=10)),
                ('reasons', models.JSONField(blank=True, default=list)),
                ('created_at', models.DateTimeField()),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='renewal_notices', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('subscription', 'term_end', 'days'), name='each_renewal_is_told_once'), models.CheckConstraint(condition=models.Q(('kind__in', ['renews', 'ends', 'refused'])), name='renewal_notice_kind_is_known')],
            },
        ),
        migrations.CreateModel(
            name='LeaverTask',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('open', 'To decide'), ('decided', 'Decided'), ('closed', 'Closed')], default='open', max_length=10, verbose_name='state')),
                ('choice', models.CharField(blank=True, choices=[('transfer', 'Hand over to another member'), ('let_end', 'Let it end'), ('adopt', 'Adopt it for the organisation'), ('keep', 'Keep it as it is')], max_length=10, verbose_name='decision')),
                ('decided_at', models.DateTimeField(null=True)),
                ('note', models.CharField(blank=True, max_length=30, verbose_name='note')),
                ('warned_for', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(verbose_name='since')),
                ('closed_at', models.DateTimeField(null=True)),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='leaver_tasks', to='tenants.membership', verbose_name='who left')),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='leaver_tasks', to='licensing.subscription', verbose_name='subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='leaver_tasks', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'purchase of a leaver',
                'verbose_name_plural': 'purchases of leavers',
                'indexes': [models.Index(fields=['tenant', 'created_at', 'id'], name='leaver_task_page'), models.Index(condition=models.Q(('state', 'closed'), _negated=True), fields=['state'], name='leaver_task_standing')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='leaver_task_tenant_and_id'), models.UniqueConstraint(condition=models.Q(('state', 'closed'), _negated=True), fields=('subscription',), name='one_leaver_task_per_subscription'), models.CheckConstraint(condition=models.Q(('state__in', ['open', 'decided', 'closed'])), name='leaver_task_state_is_known'), models.CheckConstraint(condition=models.Q(('choice__in', ['', 'transfer', 'let_end', 'adopt', 'keep'])), name='leaver_choice_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'decided'), _negated=True), models.Q(models.Q(('choice', ''), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='a_decided_leaver_task_says_how'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('state', 'closed')), models.Q(models.Q(('state', 'closed'), _negated=True), ('closed_at', None)), _connector='OR'), name='a_closed_leaver_task_says_when')],
            },
        ),
        migrations.CreateModel(
            name='Leaving',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('noticed_at', models.DateTimeField()),
                ('seats_due_at', models.DateTimeField()),
                ('seats_released_at', models.DateTimeField(null=True)),
                ('returned_at', models.DateTimeField(null=True)),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='leavings', to='tenants.membership')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='leavings', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('returned_at', None), ('seats_released_at', None)), fields=['seats_due_at'], name='leaving_seats_due')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='leaving_tenant_and_id'), models.UniqueConstraint(condition=models.Q(('returned_at', None)), fields=('member',), name='one_standing_leaving')],
            },
        ),
        migrations.CreateModel(
            name='TransferOffer',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('message', models.TextField(blank=True, max_length=1000, verbose_name='message')),
                ('state', models.CharField(choices=[('open', 'Waiting for an answer'), ('accepted', 'Accepted'), ('declined', 'Declined'), ('withdrawn', 'Withdrawn'), ('lapsed', 'Lapsed')], default='open', max_length=10, verbose_name='state')),
                ('created_at', models.DateTimeField(verbose_name='offered')),
                ('lapses_at', models.DateTimeField(verbose_name='lapses')),
                ('settled_at', models.DateTimeField(null=True)),
                ('card_setup', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commerce.cardsetup')),
                ('from_member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.membership')),
                ('offered_by', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.membership')),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='transfer_offers', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='transfer_offers', to='tenants.tenant')),
                ('to', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='transfer_offers', to='tenants.membership')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'to', 'created_at', 'id'], name='transfer_page'), models.Index(condition=models.Q(('state', 'open')), fields=['lapses_at'], name='transfer_due'), models.Index(condition=models.Q(('state', 'open')), fields=['card_setup'], name='transfer_by_setup')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='transfer_offer_tenant_and_id'), models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('subscription',), name='one_open_transfer_per_subscription'), models.CheckConstraint(condition=models.Q(('state__in', ['open', 'accepted', 'declined', 'withdrawn', 'lapsed'])), name='transfer_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('settled_at', None), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('settled_at__isnull', False)), _connector='OR'), name='a_settled_transfer_says_when'), models.CheckConstraint(condition=models.Q(('to', models.F('from_member')), _negated=True), name='transfer_goes_to_somebody_else')],
            },
        ),
        AddTenantKeys("Renewal"),
        AddTenantKeys("RenewalNotice"),
        AddTenantKeys("LeaverTask"),
        AddTenantKeys("Leaving"),
        AddTenantKeys("TransferOffer"),
        migrations.RunSQL(STEPS, migrations.RunSQL.noop),
        migrations.RunSQL(HARD, migrations.RunSQL.noop),
    ]
