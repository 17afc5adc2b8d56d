import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.ids
import tenants.keys
from tenants.keys import AddTenantKeys

# Nobody is told of what happened before there were notices.
BEGIN_NOW = """
    INSERT INTO commerce_noticeswritten (tenant_id, position)
    SELECT tenant_id, max(position) FROM tenants_eventposition GROUP BY tenant_id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('commerce', '0030_found_by_price'),
        ('tenants', '0013_job_done_or_set_aside'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='NoticesWritten',
            fields=[
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='tenants.tenant')),
                ('position', models.BigIntegerField(default=0)),
            ],
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
        migrations.AddConstraint(
            model_name='noticeletter',
            constraint=models.UniqueConstraint(fields=('tenant', 'id'), name='notice_letter_tenant_and_id'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(models.F('tenant'), models.F('user'), models.OrderBy(models.F('at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('in_app', True)), name='notice_page'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(condition=models.Q(('due_at__isnull', False), ('letter', None)), fields=['tenant', 'due_at'], name='notice_in_digest'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(fields=['at'], name='notice_age'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.UniqueConstraint(fields=('tenant', 'id'), name='notice_tenant_and_id'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.UniqueConstraint(fields=('tenant', 'user', 'event'), name='one_notice_per_person_and_event'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.CheckConstraint(condition=models.Q(('topics', []), _negated=True), name='notice_has_a_topic'),
        ),
        migrations.AddConstraint(
            model_name='noticewish',
            constraint=models.UniqueConstraint(fields=('tenant', 'user', 'topic'), name='one_notice_wish_per_topic'),
        ),
        migrations.AddConstraint(
            model_name='noticewish',
            constraint=models.CheckConstraint(condition=models.Q(('topic__in', ['purchase', 'trial', 'first_purchase', 'over_amount', 'renewal', 'failed_charge', 'request', 'policy_change'])), name='notice_wish_topic_is_known'),
        ),
        migrations.AddConstraint(
            model_name='noticewish',
            constraint=models.CheckConstraint(condition=models.Q(('mail__in', ['off', 'at_once', 'daily', 'weekly'])), name='notice_wish_pace_is_known'),
        ),
        migrations.AddConstraint(
            model_name='noticewish',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('topic', 'over_amount'), models.Q(('currency', ''), _negated=True)), models.Q(('in_app', False), ('mail', 'off'), ('topic', 'over_amount')), models.Q(('topic', 'over_amount'), _negated=True), _connector='OR'), name='a_wish_over_an_amount_says_which'),
        ),
        AddTenantKeys("notice"),
        migrations.RunSQL(BEGIN_NOW, migrations.RunSQL.noop),
    ]
