import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.ids
import tenants.keys
from tenants.keys import AddTenantKeys

# In the transaction that makes the table; the lock keeps what an older process posts meanwhile from being left out.
SPENT = """
LOCK TABLE commerce_movement, commerce_posting IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO commerce_monthlyspend (tenant_id, month, channel, currency, amount, folded)
SELECT movement.tenant_id, date_trunc('month', movement.at AT TIME ZONE tenant.time_zone)::date,
       purchase.channel, movement.currency, -sum(posting.amount), true
FROM commerce_movement AS movement
JOIN tenants_tenant AS tenant ON tenant.id = movement.tenant_id
JOIN commerce_order AS purchase ON purchase.id = movement.order_id
JOIN commerce_posting AS posting ON posting.movement_id = movement.id
    AND posting.account IN ('sales', 'tax', 'disputed', 'losses')
GROUP BY 1, 2, 3, 4
HAVING sum(posting.amount) <> 0
"""
# Nobody is told of what happened before there were notices.
BEGIN_NOW = """
    INSERT INTO commerce_noticeswritten (tenant_id, position)
    SELECT tenant_id, max(position) FROM tenants_eventposition GROUP BY tenant_id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('commerce', '0021_take_overs_and_centralisations'),
        ('licensing', '0007_renewals_and_endings'),
        ('tenants', '0006_second_factors_and_delegations'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='MonthlySpend',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('month', models.DateField()),
                ('channel', models.CharField(choices=[('self_service', 'Self-service'), ('central', 'Central'), ('partner', 'Partner')], max_length=20)),
                ('currency', models.CharField(max_length=3)),
                ('amount', models.DecimalField(decimal_places=3, max_digits=20)),
                ('folded', models.BooleanField(default=False)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'month'], name='spend_of_tenant'), models.Index(condition=models.Q(('folded', False)), fields=['id'], name='spend_to_fold')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('folded', True)), fields=('tenant', 'month', 'channel', 'currency'), name='one_folded_spend_per_month'), models.CheckConstraint(condition=models.Q(('month__day', 1)), name='a_month_begins_on_its_first_day')],
            },
        ),
        migrations.CreateModel(
            name='SavedFilter',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('query', models.JSONField(default=dict)),
                ('columns', models.JSONField(default=list)),
                ('shared', models.BooleanField(default=False, verbose_name='shared')),
                ('created_at', models.DateTimeField(verbose_name='kept')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='saved_filters', to='tenants.tenant')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='kept by')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'user', 'name'), name='saved_filter_name_once_per_person'), models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='saved_filter_has_a_name')],
            },
        ),
        migrations.CreateModel(
            name='ExportSchedule',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('query', models.JSONField(default=dict)),
                ('format', models.CharField(choices=[('csv', 'CSV'), ('xlsx', 'XLSX')], max_length=4, verbose_name='format')),
                ('every', models.CharField(choices=[('day', 'Every day'), ('week', 'Every Monday'), ('month', 'On the first of each month')], max_length=5, verbose_name='sent')),
                ('next_at', models.DateTimeField(verbose_name='next')),
                ('created_at', models.DateTimeField()),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['next_at'], name='export_schedule_due')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'user', 'name'), name='export_schedule_name_once_per_person'), models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='export_schedule_has_a_name'), models.CheckConstraint(condition=models.Q(('every__in', ['day', 'week', 'month'])), name='export_schedule_interval_is_known'), models.CheckConstraint(condition=models.Q(('format__in', ['csv', 'xlsx'])), name='export_schedule_format_is_known')],
            },
        ),
        migrations.CreateModel(
            name='NoticeLetter',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('is_digest', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField()),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='notice_letter_tenant_and_id')],
            },
        ),
        migrations.CreateModel(
            name='NoticesWritten',
            fields=[
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='tenants.tenant')),
                ('position', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(verbose_name='when')),
                ('topics', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('purchase', 'Purchase'), ('trial', 'Trial'), ('first_purchase', 'First purchase of a product'), ('over_amount', 'Over an amount'), ('renewal', 'Coming renewal'), ('failed_charge', 'Failed charge'), ('request', 'Request'), ('policy_change', 'Policy change')], max_length=20), size=None, verbose_name='kind')),
                ('right', models.CharField(max_length=40)),
                ('in_app', models.BooleanField()),
                ('read_at', models.DateTimeField(null=True, verbose_name='read')),
                ('due_at', models.DateTimeField(null=True)),
                ('event', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.event')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('letter', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='commerce.noticeletter')),
            ],
            options={
                'verbose_name': 'notice',
                'verbose_name_plural': 'notices',
                'indexes': [models.Index(models.F('tenant'), models.F('user'), models.OrderBy(models.F('at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('in_app', True)), name='notice_page'), models.Index(condition=models.Q(('due_at__isnull', False), ('letter', None)), fields=['tenant', 'due_at'], name='notice_in_digest'), models.Index(fields=['at'], name='notice_age')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='notice_tenant_and_id'), models.UniqueConstraint(fields=('tenant', 'user', 'event'), name='one_notice_per_person_and_event'), models.CheckConstraint(condition=models.Q(('topics', []), _negated=True), name='notice_has_a_topic')],
            },
        ),
        migrations.CreateModel(
            name='NoticeWish',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('topic', models.CharField(choices=[('purchase', 'Purchase'), ('trial', 'Trial'), ('first_purchase', 'First purchase of a product'), ('over_amount', 'Over an amount'), ('renewal', 'Coming renewal'), ('failed_charge', 'Failed charge'), ('request', 'Request'), ('policy_change', 'Policy change')], max_length=20)),
                ('mail', models.CharField(choices=[('off', 'No e-mail'), ('at_once', 'At once'), ('daily', 'Every day at 09:00'), ('weekly', 'Every Monday at 09:00')], max_length=10)),
                ('in_app', models.BooleanField()),
                ('amount', models.DecimalField(decimal_places=3, max_digits=17, null=True)),
                ('currency', models.CharField(blank=True, max_length=3)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'user', 'topic'), name='one_notice_wish_per_topic'), models.CheckConstraint(condition=models.Q(('topic__in', ['purchase', 'trial', 'first_purchase', 'over_amount', 'renewal', 'failed_charge', 'request', 'policy_change'])), name='notice_wish_topic_is_known'), models.CheckConstraint(condition=models.Q(('mail__in', ['off', 'at_once', 'daily', 'weekly'])), name='notice_wish_pace_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('topic', 'over_amount'), models.Q(('currency', ''), _negated=True)), models.Q(('in_app', False), ('mail', 'off'), ('topic', 'over_amount')), models.Q(('topic', 'over_amount'), _negated=True), _connector='OR'), name='a_wish_over_an_amount_says_which')],
            },
        ),
        AddTenantKeys("Notice"),
        migrations.RunSQL(SPENT, migrations.RunSQL.noop),
        migrations.RunSQL(BEGIN_NOW, migrations.RunSQL.noop),
    ]
