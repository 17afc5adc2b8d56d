from django.db import migrations, models

# Whatever had an agreement was paid by its invoices: a card could not stand beside one.
BACKFILL = "UPDATE commerce_paymentsource SET by_invoice = TRUE WHERE agreement_id IS NOT NULL"


class Migration(migrations.Migration):

    dependencies = [
        ('commerce', '0016_awaiting_approval'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='paymentsource',
            name='a_card_or_an_agreement_pays',
        ),
        migrations.AddField(
            model_name='paymentsource',
            name='by_invoice',
            field=models.BooleanField(default=False),
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name='paymentsource',
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ('by_invoice', False),
                    models.Q(('agreement__isnull', False), ('payment_method', None)),
                    _connector='OR',
                ),
                name='a_card_pays_or_an_agreement_by_invoice',
            ),
        ),
    ]
