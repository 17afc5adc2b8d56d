import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.ids
import tenants.keys
from tenants.keys import AddTenantKeys

# What was adopted before that was kept: by the journal, which knows when.
ADOPTED = """
UPDATE commerce_paymentsource AS source SET adopted_at = event.at
FROM licensing_subscription AS s, tenants_event AS event
WHERE s.id = source.subscription_id AND s.owner_id IS NULL AND s.channel = 'self_service'
AND event.tenant_id = s.tenant_id AND event.type = 'subscription.adopted' AND event.subject = s.id::text
"""


class Migration(migrations.Migration):

    dependencies = [
        ('commerce', '0020_renewals_and_leavers'),
        ('licensing', '0007_renewals_and_endings'),
        ('tenants', '0006_second_factors_and_delegations'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='refund',
            name='refund_reason_is_known',
        ),
        migrations.AddField(
            model_name='paymentsource',
            name='adopted_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='refund',
            name='reason',
            field=models.CharField(choices=[('canceled', 'Canceled within the refund window'), ('reduced', 'Seats given back within the refund window'), ('surplus', 'Charged although nothing was left to pay for'), ('set_aside', 'Charged with another amount than agreed'), ('taken_over', 'Not used any more: the organisation took it over'), ('external', 'Made at the payment provider')], max_length=20, verbose_name='reason'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['canceled', 'reduced', 'surplus', 'set_aside', 'taken_over', 'external'])), name='refund_reason_is_known'),
        ),
        migrations.CreateModel(
            name='TakeOver',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(choices=[('move', 'Move its people to a central subscription'), ('adopt', "Make it the organisation's own"), ('cancel', 'End it')], max_length=10, verbose_name='mode')),
                ('state', models.CharField(choices=[('open', 'To be settled'), ('settled', 'Settled'), ('undone', 'Undone')], default='open', max_length=10, verbose_name='state')),
                ('reimburse', models.BooleanField(default=False)),
                ('refunds', models.BooleanField(default=True)),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='reason')),
                ('started_at', models.DateTimeField(verbose_name='taken over')),
                ('auto_renew', models.BooleanField(default=True)),
                ('paid_by_invoice', models.BooleanField(default=False)),
                ('settles_at', models.DateTimeField(verbose_name='settled on')),
                ('next_try_at', models.DateTimeField(null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('closed_at', models.DateTimeField(null=True)),
                ('agreement', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commerce.agreement')),
                ('closed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('order', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='take_overs', to='commerce.order')),
                ('owner', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.membership')),
                ('paid_by_agreement', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commerce.agreement')),
                ('paid_by_card', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commerce.paymentmethod')),
                ('payer', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.membership')),
                ('payment_method', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commerce.paymentmethod')),
                ('renewal_order', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commerce.order')),
                ('started_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='take_overs', to='licensing.subscription', verbose_name='subscription')),
                ('target', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='taken_in', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='take_overs', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'take-over',
                'verbose_name_plural': 'take-overs',
                'indexes': [models.Index(fields=['tenant', 'started_at', 'id'], name='take_over_page'), models.Index(fields=['subscription', 'started_at'], name='take_over_of_subscription'), models.Index(condition=models.Q(('state', 'open')), fields=['next_try_at'], name='take_over_due')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='take_over_tenant_and_id'), models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('subscription',), name='one_open_take_over_per_subscription'), models.CheckConstraint(condition=models.Q(('mode__in', ['move', 'adopt', 'cancel'])), name='take_over_mode_is_known'), models.CheckConstraint(condition=models.Q(('state__in', ['open', 'settled', 'undone'])), name='take_over_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('mode', 'move'), ('target__isnull', False)), models.Q(models.Q(('mode', 'move'), _negated=True), ('target', None)), _connector='OR'), name='people_are_moved_somewhere'), models.CheckConstraint(condition=models.Q(('target', models.F('subscription')), _negated=True), name='people_are_moved_to_another_subscription'), models.CheckConstraint(condition=models.Q(models.Q(('agreement', None), ('mode', 'adopt'), ('payment_method__isnull', False)), models.Q(('agreement__isnull', False), ('mode', 'adopt'), ('payment_method', None)), models.Q(models.Q(('mode', 'adopt'), _negated=True), ('agreement', None), ('payment_method', None), ('reimburse', False)), _connector='OR'), name='what_is_adopted_is_paid_by_one'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('next_try_at__isnull', False), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('closed_at__isnull', False), ('next_try_at', None)), _connector='OR'), name='an_open_take_over_says_when')],
            },
        ),
        migrations.CreateModel(
            name='MovedSeat',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.membership')),
                ('seat', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.seat')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('take_over', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='moved', to='commerce.takeover')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('take_over', 'member'), name='a_person_is_moved_once')],
            },
        ),
        migrations.CreateModel(
            name='CancellationRequest',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('message', models.TextField(blank=True, max_length=1000, verbose_name='message')),
                ('state', models.CharField(choices=[('asked', 'Asked'), ('promised', 'Will cancel'), ('kept', 'Wants to keep it'), ('canceled', 'Canceled'), ('withdrawn', 'Withdrawn'), ('moot', 'No longer theirs')], default='asked', max_length=10, verbose_name='state')),
                ('reason', models.TextField(blank=True, max_length=500, verbose_name='reason')),
                ('created_at', models.DateTimeField(verbose_name='asked')),
                ('answered_at', models.DateTimeField(null=True)),
                ('reminded', models.PositiveSmallIntegerField(default=0)),
                ('remind_at', models.DateTimeField(null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='cancellation_requests', to='tenants.membership')),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='cancellation_requests', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cancellation_requests', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'created_at', 'id'], name='cancellation_request_page'), models.Index(condition=models.Q(('remind_at__isnull', False), ('state__in', ['asked', 'promised'])), fields=['remind_at'], name='cancellation_request_due')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='cancellation_request_tenant_and_id'), models.UniqueConstraint(condition=models.Q(('state__in', ['asked', 'promised', 'kept'])), fields=('subscription',), name='one_standing_cancellation_request'), models.CheckConstraint(condition=models.Q(('state__in', ['asked', 'promised', 'kept', 'canceled', 'withdrawn', 'moot'])), name='cancellation_request_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('state__in', ['asked', 'promised', 'kept'])), models.Q(('closed_at__isnull', False), ('state__in', ['canceled', 'withdrawn', 'moot'])), _connector='OR'), name='a_closed_cancellation_request_says_when'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['promised', 'kept']), _negated=True), ('answered_at__isnull', False), _connector='OR'), name='an_answered_cancellation_request_says_when')],
            },
        ),
        migrations.CreateModel(
            name='Centralisation',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('step', models.CharField(choices=[('people', 'Choose people'), ('cost', 'Look at the cost'), ('seats', 'Assign central seats'), ('asking', 'Ask purchasers to cancel'), ('waiting', 'Waiting for purchasers'), ('done', 'Done'), ('dropped', 'Dropped')], default='people', max_length=10, verbose_name='step')),
                ('started_at', models.DateTimeField(verbose_name='started')),
                ('ended_at', models.DateTimeField(null=True)),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.product', verbose_name='product')),
                ('started_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='centralisations', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'centralisation',
                'verbose_name_plural': 'centralisations',
                'indexes': [models.Index(fields=['tenant', 'started_at', 'id'], name='centralisation_page'), models.Index(condition=models.Q(('step', 'waiting')), fields=['step'], name='centralisation_waiting')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='centralisation_tenant_and_id'), models.UniqueConstraint(condition=models.Q(('step__in', ['done', 'dropped']), _negated=True), fields=('tenant', 'product'), name='one_centralisation_per_product'), models.CheckConstraint(condition=models.Q(('step__in', ['people', 'cost', 'seats', 'asking', 'waiting', 'done', 'dropped'])), name='centralisation_step_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('step__in', ['done', 'dropped'])), models.Q(models.Q(('step__in', ['done', 'dropped']), _negated=True), ('ended_at', None)), _connector='OR'), name='an_ended_centralisation_says_when')],
            },
        ),
        migrations.CreateModel(
            name='CentralisationPurchase',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('centralisation', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='purchases', to='commerce.centralisation')),
                ('request', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commerce.cancellationrequest')),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='centralisation_purchases', to='tenants.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='centralisation_purchase_tenant_and_id'), models.UniqueConstraint(fields=('centralisation', 'subscription'), name='purchase_centralised_once')],
            },
        ),
        migrations.CreateModel(
            name='CentralisedPerson',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('left_out', models.BooleanField(default=False)),
                ('centralisation', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='people', to='commerce.centralisation')),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.membership', verbose_name='person')),
                ('seat_in', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='centralised_people', to='tenants.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='centralised_person_tenant_and_id'), models.UniqueConstraint(fields=('centralisation', 'member'), name='person_centralised_once'), models.CheckConstraint(condition=models.Q(('seat_in', None), ('left_out', False), _connector='OR'), name='who_is_left_out_has_no_central_seat')],
            },
        ),
        AddTenantKeys("TakeOver"),
        AddTenantKeys("MovedSeat"),
        AddTenantKeys("CancellationRequest"),
        AddTenantKeys("CentralisationPurchase"),
        AddTenantKeys("CentralisedPerson"),
        migrations.RunSQL(ADOPTED, migrations.RunSQL.noop),
    ]
