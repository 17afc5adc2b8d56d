import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.keys
from tenants.keys import AddTenantKeys

# Those that Stripe never tries again by itself (docs.stripe.com/billing/revenue-recovery/smart-retries) or tells not to
# (docs.stripe.com/declines/codes), and two of ours: neither the card nor its currency gets better by waiting.
HARD = """
INSERT INTO commerce_harddecline (code)
SELECT unnest(ARRAY[
    'authentication_required', 'currency_not_supported', 'do_not_try_again', 'highest_risk_level',
    'transaction_not_allowed', 'unknown_card'
])
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):

    dependencies = [
        ('commerce', '0021_leavers'),
        ('licensing', '0009_renewed_until'),
        ('tenants', '0004_billing_address'),
    ]

    operations = [
        migrations.AddField(
            model_name='renewal',
            name='next_letter_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name='renewal',
            index=models.Index(condition=models.Q(('next_letter_at__isnull', False)), fields=['next_letter_at'], name='renewal_letter'),
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
        AddTenantKeys("RenewalNotice"),
        migrations.RunSQL(HARD, migrations.RunSQL.noop),
    ]
