from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('commerce', '0007_price_notices')]

    operations = [
        migrations.AddField(
            model_name='paymentmethod',
            name='forgotten_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='cardsetup',
            name='asked_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name='paymentmethod',
            index=models.Index(fields=['reference'], name='card_by_reference'),
        ),
        migrations.AddIndex(
            model_name='paymentmethod',
            index=models.Index(condition=models.Q(('forgotten_at', None), ('removed_at__isnull', False)), fields=['removed_at'], name='card_to_forget'),
        ),
        migrations.AddConstraint(
            model_name='paymentmethod',
            constraint=models.CheckConstraint(condition=models.Q(('forgotten_at', None), ('removed_at__isnull', False), _connector='OR'), name='only_a_removed_card_is_forgotten'),
        ),
    ]
