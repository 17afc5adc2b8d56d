import django.db.models.deletion
from django.db import migrations, models

import tenants.keys


class Migration(migrations.Migration):

    dependencies = [('commerce', '0004_money')]

    operations = [
        migrations.AlterField(
            model_name='refund',
            name='order',
            field=tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='commerce.order'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('granted_at__isnull', False), ('state__in', ('paid', 'invoiced'))), models.Q(models.Q(('state__in', ('paid', 'invoiced')), _negated=True), ('granted_at', None)), _connector='OR'), name='a_granted_order_says_when'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('granted_at', None), ('kind', 'purchase'), ('subscription', None)), models.Q(models.Q(('granted_at', None), ('kind', 'purchase'), _negated=True), ('subscription__isnull', False)), _connector='OR'), name='an_order_has_its_subscription'),
        ),
    ]
