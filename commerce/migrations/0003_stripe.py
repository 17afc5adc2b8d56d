import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('commerce', '0002_invoices'),
    ]

    operations = [
        migrations.CreateModel(
            name='StripeCustomer',
            fields=[
                ('payer', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('reference', models.CharField(max_length=255)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='StripeIntent',
            fields=[
                ('key', models.UUIDField(primary_key=True, serialize=False)),
                ('reference', models.CharField(blank=True, max_length=255)),
                ('amount', models.DecimalField(decimal_places=3, default=0, max_digits=17)),
                ('currency', models.CharField(blank=True, max_length=3)),
                ('return_url', models.CharField(blank=True, max_length=500)),
                ('off_session', models.BooleanField(default=False)),
                ('decline_code', models.CharField(blank=True, max_length=60)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('reference', ''), _negated=True), fields=('reference',), name='one_key_for_a_stripe_intent')],
            },
        ),
        migrations.CreateModel(
            name='StripeRefund',
            fields=[
                ('key', models.UUIDField(primary_key=True, serialize=False)),
                ('reference', models.CharField(blank=True, max_length=255)),
                ('amount', models.DecimalField(decimal_places=3, max_digits=17)),
                ('refused', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('intent', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='commerce.stripeintent')),
            ],
        ),
    ]
