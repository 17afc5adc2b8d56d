from django.db import migrations, models

# What was announced before had its letter at once; one whose letter still waits gets its moment with that.
BACKFILL = """
    UPDATE commerce_pricenotice SET sent_at = created_at
    WHERE sent_at IS NULL AND NOT EXISTS (
        SELECT FROM tenants_job
        WHERE name = 'commerce.deliver_price_notice' AND done_at IS NULL
          AND arguments ->> 'notice_id' = commerce_pricenotice.id::text
    )
"""


class Migration(migrations.Migration):

    dependencies = [
        ('commerce', '0013_seller_of_the_quote'),
        ('tenants', '0004_billing_address'),
    ]

    operations = [
        migrations.AddField(
            model_name='pricenotice',
            name='sent_at',
            field=models.DateTimeField(null=True, verbose_name='told'),
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
    ]
