from django.db import migrations, models

import tenants.ids


class Migration(migrations.Migration):

    dependencies = [('commerce', '0005_granted')]

    operations = [
        migrations.CreateModel(
            name='TaxRate',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('country', models.CharField(max_length=2, verbose_name='country')),
                ('name', models.CharField(max_length=40, verbose_name='name')),
                ('rate', models.DecimalField(decimal_places=4, max_digits=6, verbose_name='rate')),
                ('inclusive', models.BooleanField(default=False, verbose_name='prices include it')),
                ('reverse_charge', models.BooleanField(default=False, verbose_name='reverse charge')),
                ('valid_from', models.DateField(verbose_name='valid from')),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(fields=('country', 'valid_from'), name='tax_rate_version_once'),
                    models.CheckConstraint(condition=models.Q(('country__regex', '^[A-Z]{2}$')), name='tax_rate_country_is_alpha_2'),
                    models.CheckConstraint(condition=models.Q(('rate__gte', 0), ('rate__lt', 1)), name='tax_rate_is_a_part_of_the_price'),
                    models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='tax_rate_has_a_name'),
                ],
            },
        ),
    ]
