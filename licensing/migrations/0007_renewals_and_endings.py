import django.db.models.deletion
from django.db import migrations, models

# Beside the table in licensing/states.py, so that a change which passes it by is refused all the same.
TABLE_OF_STATES = """
CREATE FUNCTION subscription_state_moves_by_the_table() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    IF (OLD.state, NEW.state) NOT IN (
        ('trial', 'active'),
        ('trial', 'disabled'),
        ('active', 'expired'),
        ('active', 'disabled'),
        ('expired', 'active'),
        ('expired', 'disabled'),
        ('disabled', 'active'),
        ('disabled', 'deleted')
    ) THEN
        RAISE EXCEPTION 'subscription_state_moves_by_the_table: % cannot become %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER state_moves_by_the_table BEFORE UPDATE OF state ON licensing_subscription
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION subscription_state_moves_by_the_table();
"""
UNDO_TABLE_OF_STATES = """
DROP TRIGGER state_moves_by_the_table ON licensing_subscription;
DROP FUNCTION subscription_state_moves_by_the_table();
"""


def set_days(apps, schema_editor):
    """What is taken over is settled, and with that deleted, a week later."""
    LifecycleDays = apps.get_model("licensing", "LifecycleDays")
    LifecycleDays.objects.create(cause="taken_over", channel="", expired_days=0, disabled_days=7)


class Migration(migrations.Migration):

    dependencies = [
        ('licensing', '0006_renewal_stopped'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='lifecycledays',
            name='lifecycle_days_once',
        ),
        migrations.RemoveConstraint(
            model_name='lifecycledays',
            name='lifecycle_cause_is_known',
        ),
        migrations.RemoveConstraint(
            model_name='subscription',
            name='subscription_end_cause_is_known',
        ),
        migrations.AddField(
            model_name='lifecycledays',
            name='product',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='lifecycle_days', to='licensing.product', verbose_name='product'),
        ),
        migrations.AddField(
            model_name='plan',
            name='renewable',
            field=models.BooleanField(db_default=True, default=True, verbose_name='renews'),
        ),
        migrations.AddField(
            model_name='seat',
            name='auto_claimed',
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AddField(
            model_name='subscription',
            name='converts',
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AddField(
            model_name='subscription',
            name='renewed_quantity',
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='subscription',
            name='renewed_until',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='trialuse',
            name='told_of_end',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='lifecycledays',
            name='cause',
            field=models.CharField(choices=[('term_ended', 'The term ended'), ('canceled', 'Canceled with a refund'), ('chargeback', 'The charge was contested'), ('trial_ended', 'The trial ended'), ('taken_over', 'The organisation took it over')], max_length=20, verbose_name='cause'),
        ),
        migrations.AlterField(
            model_name='lifecycledays',
            name='expired_days',
            field=models.PositiveSmallIntegerField(verbose_name='days in grace'),
        ),
        migrations.AlterField(
            model_name='subscription',
            name='end_cause',
            field=models.CharField(blank=True, choices=[('term_ended', 'The term ended'), ('canceled', 'Canceled with a refund'), ('chargeback', 'The charge was contested'), ('trial_ended', 'The trial ended'), ('taken_over', 'The organisation took it over')], max_length=20),
        ),
        migrations.AddIndex(
            model_name='seat',
            index=models.Index(condition=models.Q(('auto_claimed', True), ('released_at', None)), fields=['tenant', 'subscription'], name='seat_claimed_by_itself'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(condition=models.Q(('auto_renew', True), ('state', 'active')), fields=['tenant', 'term_end'], include=('id', 'quantity', 'channel'), name='subscription_renewing'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(condition=models.Q(('auto_renew', True), ('state', 'active')), fields=['term_end'], include=('tenant', 'id', 'quantity', 'channel'), name='subscription_renewing_anywhere'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(fields=['created_at', 'id'], name='subscription_newest'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(fields=['tenant', 'state', 'created_at', 'id'], name='subscription_by_state'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(fields=['tenant', 'plan', 'created_at', 'id'], name='subscription_by_plan'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(fields=['tenant', 'channel', 'created_at', 'id'], name='subscription_by_channel'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(condition=models.Q(('seats_assigned__lt', models.F('quantity')), ('state__in', ('trial', 'active', 'expired'))), fields=['tenant', 'created_at', 'id'], name='subscription_with_unused_seats'),
        ),
        migrations.AddConstraint(
            model_name='lifecycledays',
            constraint=models.UniqueConstraint(fields=('cause', 'channel', 'product'), name='lifecycle_days_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='lifecycledays',
            constraint=models.CheckConstraint(condition=models.Q(('cause__in', ['term_ended', 'canceled', 'chargeback', 'trial_ended', 'taken_over'])), name='lifecycle_cause_is_known'),
        ),
        migrations.AddConstraint(
            model_name='seat',
            constraint=models.UniqueConstraint(fields=('tenant', 'id'), name='seat_tenant_and_id'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('renewed_quantity', None), ('seats_assigned__lte', models.F('renewed_quantity')), _connector='OR'), name='seats_within_renewed_quantity'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('renewed_until', None), ('renewed_quantity__isnull', False), _connector='OR'), name='a_term_paid_ahead_has_its_seats'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('renewed_until', None), models.Q(('renewed_until__gt', models.F('term_end')), models.Q(('state', 'active'), models.Q(('converts', True), ('state', 'trial')), _connector='OR')), _connector='OR'), name='only_a_running_term_is_renewed_ahead'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('converts', False), ('channel', 'self_service'), _connector='OR'), name='only_self_service_converts'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('end_cause__in', ['', 'term_ended', 'canceled', 'chargeback', 'trial_ended', 'taken_over'])), name='subscription_end_cause_is_known'),
        ),
        migrations.RunSQL(TABLE_OF_STATES, UNDO_TABLE_OF_STATES),
        migrations.RunPython(set_days, migrations.RunPython.noop),
    ]
