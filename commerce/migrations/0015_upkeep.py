from django.db import migrations, models

# What an open dispute has ended is kept until it is decided, also where it was opened before there was a hold.
HOLD = """
    UPDATE licensing_subscription SET held_at = undecided.since
    FROM (
        SELECT commerce_order.subscription_id, min(commerce_dispute.opened_at) AS since
        FROM commerce_dispute
        JOIN commerce_payment ON commerce_payment.id = commerce_dispute.payment_id
        JOIN commerce_order ON commerce_order.id = commerce_payment.order_id
        WHERE commerce_dispute.state = 'open' AND commerce_dispute.ended_subscription
        GROUP BY commerce_order.subscription_id
    ) AS undecided
    WHERE licensing_subscription.id = undecided.subscription_id AND held_at IS NULL
      AND state = 'disabled' AND end_cause = 'chargeback'
"""


class Migration(migrations.Migration):

    dependencies = [
        ('commerce', '0014_price_letters'),
        ('licensing', '0004_held_until_decided'),
    ]

    operations = [
        migrations.CreateModel(
            name='LedgerChecked',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ('until', models.DateTimeField()),
                ('whole_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='the_ledger_is_checked_once')],
            },
        ),
        migrations.AddIndex(
            model_name='incomingevent',
            index=models.Index(condition=models.Q(('state__in', ('handled', 'ignored'))), fields=['settled_at'], name='incoming_event_over'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('granted_at__isnull', False)), fields=['granted_at'], name='order_granted'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('captured__gt', 0)), fields=['settled_at'], name='payment_taken'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(fields=['created_at'], name='refund_promised'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('settled_at__isnull', False)), fields=['settled_at'], name='refund_settled'),
        ),
        migrations.AddIndex(
            model_name='dispute',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['opened_at'], name='dispute_open'),
        ),
        migrations.AddIndex(
            model_name='dispute',
            index=models.Index(condition=models.Q(('closed_at__isnull', False)), fields=['closed_at'], name='dispute_closed'),
        ),
        migrations.RunSQL(HOLD, migrations.RunSQL.noop),
    ]
