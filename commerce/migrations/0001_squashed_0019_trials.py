"""For a new database: what 0001 to 0019 come to. One that has them keeps them, one that has some goes on with them."""

import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import tenants.ids
import tenants.keys
from tenants.keys import AddTenantKeys

FINAL = """
CREATE FUNCTION invoices_are_final() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'an invoice is final: % on % is refused', TG_OP, TG_TABLE_NAME; END $$;
CREATE TRIGGER final BEFORE UPDATE OR DELETE ON commerce_invoice
    FOR EACH ROW EXECUTE FUNCTION invoices_are_final();
CREATE TRIGGER final BEFORE UPDATE OR DELETE ON commerce_invoiceline
    FOR EACH ROW EXECUTE FUNCTION invoices_are_final();
"""
UNDO_FINAL = """
DROP TRIGGER final ON commerce_invoiceline;
DROP TRIGGER final ON commerce_invoice;
DROP FUNCTION invoices_are_final();
"""

# At the end of the transaction, so that an invoice and its lines come in any order; and a line that comes later is
# one too many.
ADD_UP = """
CREATE FUNCTION invoice_lines_add_up() RETURNS trigger LANGUAGE plpgsql AS
$$
DECLARE
    this uuid := CASE TG_TABLE_NAME WHEN 'commerce_invoice' THEN to_jsonb(NEW) ->> 'id' ELSE to_jsonb(NEW) ->> 'invoice_id' END;
BEGIN
    IF EXISTS (
        SELECT FROM commerce_invoice AS head
        LEFT JOIN commerce_invoiceline AS line ON line.invoice_id = head.id
        WHERE head.id = this
        GROUP BY head.id
        HAVING sum(line.amount) IS DISTINCT FROM head.subtotal OR sum(line.tax) IS DISTINCT FROM head.tax
    ) THEN
        RAISE EXCEPTION 'invoice_lines_add_up: the lines of invoice % do not', this USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER invoice_lines_add_up AFTER INSERT ON commerce_invoice
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoice_lines_add_up();
CREATE CONSTRAINT TRIGGER invoice_lines_add_up AFTER INSERT ON commerce_invoiceline
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoice_lines_add_up();
"""
UNDO_ADD_UP = """
DROP TRIGGER invoice_lines_add_up ON commerce_invoiceline;
DROP TRIGGER invoice_lines_add_up ON commerce_invoice;
DROP FUNCTION invoice_lines_add_up();
"""
APPEND_ONLY = """
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME; END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_movement
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON commerce_posting
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
"""
UNDO_APPEND_ONLY = """
DROP TRIGGER append_only ON commerce_posting;
DROP TRIGGER append_only ON commerce_movement;
DROP FUNCTION ledger_is_append_only();
"""

# At the end of the transaction, so that a movement and its postings come in any order. From one posting alone no sum
# but zero could come, and zero is refused: so at least two are there.
BALANCE = """
CREATE FUNCTION movement_sums_to_zero() RETURNS trigger LANGUAGE plpgsql AS
$$
DECLARE
    this uuid := CASE TG_TABLE_NAME WHEN 'commerce_movement' THEN to_jsonb(NEW) ->> 'id' ELSE to_jsonb(NEW) ->> 'movement_id' END;
BEGIN
    IF (SELECT sum(amount) FROM commerce_posting WHERE movement_id = this) IS DISTINCT FROM 0 THEN
        RAISE EXCEPTION 'movement_sums_to_zero: movement % does not', this USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER movement_sums_to_zero AFTER INSERT ON commerce_movement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION movement_sums_to_zero();
CREATE CONSTRAINT TRIGGER movement_sums_to_zero AFTER INSERT ON commerce_posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION movement_sums_to_zero();
"""
UNDO_BALANCE = """
DROP TRIGGER movement_sums_to_zero ON commerce_posting;
DROP TRIGGER movement_sums_to_zero ON commerce_movement;
DROP FUNCTION movement_sums_to_zero();
"""

def first_seller(apps, schema_editor):
    """Who bills until the operator says otherwise: without a seller no purchase could be settled."""
    apps.get_model("commerce", "Seller").objects.create(slug="seatwise", prefix="SW", name="Seatwise", country="US", is_default=True)


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('commerce', '0001_initial'),
        ('commerce', '0002_invoices'),
        ('commerce', '0003_stripe'),
        ('commerce', '0004_money'),
        ('commerce', '0005_granted'),
        ('commerce', '0006_tax_rates'),
        ('commerce', '0007_price_notices'),
        ('commerce', '0008_kept_cards'),
        ('commerce', '0009_ledger'),
        ('commerce', '0010_sandbox_news'),
        ('commerce', '0011_support_cases'),
        ('commerce', '0012_differences'),
        ('commerce', '0013_seller_of_the_quote'),
        ('commerce', '0014_price_letters'),
        ('commerce', '0015_upkeep'),
        ('commerce', '0016_awaiting_approval'),
        ('commerce', '0017_price_and_payer'),
        ('commerce', '0018_count_what_was_bought'),
        ('commerce', '0019_trials'),
    ]

    dependencies = [
        ('licensing', '0006_renewal_stopped'),
        ('policies', '0010_endings'),
        ('tenants', '0004_billing_address'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Purchase',
            fields=[
            ],
            options={
                'verbose_name': 'purchase',
                'verbose_name_plural': 'purchases',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('licensing.subscription',),
        ),
        migrations.CreateModel(
            name='PaymentMethod',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('gateway', models.CharField(max_length=20)),
                ('reference', models.CharField(max_length=255)),
                ('fingerprint', models.CharField(max_length=255)),
                ('brand', models.CharField(max_length=40, verbose_name='brand')),
                ('last4', models.CharField(max_length=4, verbose_name='last digits')),
                ('exp_month', models.PositiveSmallIntegerField(verbose_name='expires in month')),
                ('exp_year', models.PositiveSmallIntegerField(verbose_name='expires in year')),
                ('funding', models.CharField(max_length=10)),
                ('country', models.CharField(blank=True, max_length=2)),
                ('is_default', models.BooleanField(default=False, verbose_name='default')),
                ('created_at', models.DateTimeField(verbose_name='added')),
                ('removed_at', models.DateTimeField(null=True)),
                ('expiry_told_at', models.DateTimeField(null=True)),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payment_methods', to='tenants.membership')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payment_methods', to='tenants.tenant')),
                ('forgotten_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'member', 'created_at', 'id'], name='payment_method_page'), models.Index(condition=models.Q(('expiry_told_at', None), ('removed_at', None)), fields=['exp_year', 'exp_month'], name='card_expiry_to_tell'), models.Index(fields=['reference'], name='card_by_reference'), models.Index(condition=models.Q(('forgotten_at', None), ('removed_at__isnull', False)), fields=['removed_at'], name='card_to_forget')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='payment_method_tenant_and_id'), models.UniqueConstraint(condition=models.Q(('removed_at', None)), fields=('tenant', 'member', 'gateway', 'fingerprint'), name='a_card_is_kept_once', nulls_distinct=False), models.UniqueConstraint(condition=models.Q(('is_default', True), ('removed_at', None)), fields=('tenant', 'member'), name='one_default_card', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('exp_month__range', (1, 12))), name='card_expires_in_a_month'), models.CheckConstraint(condition=models.Q(('forgotten_at', None), ('removed_at__isnull', False), _connector='OR'), name='only_a_removed_card_is_forgotten')],
            },
        ),
        migrations.CreateModel(
            name='CardSetup',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('for_tenant', models.BooleanField(default=False)),
                ('state', models.CharField(choices=[('started', 'In progress'), ('requires_action', 'Waiting for the bank'), ('succeeded', 'Kept'), ('failed', 'Declined'), ('canceled', 'Canceled')], default='started', max_length=20)),
                ('gateway', models.CharField(max_length=20)),
                ('action_url', models.CharField(blank=True, max_length=500)),
                ('decline_code', models.CharField(blank=True, max_length=60)),
                ('started_at', models.DateTimeField()),
                ('settled_at', models.DateTimeField(null=True)),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='card_setups', to='tenants.membership')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('payment_method', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='setups', to='commerce.paymentmethod')),
                ('asked_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'member', 'started_at'], name='card_setup_of_member'), models.Index(condition=models.Q(('state__in', ('started', 'requires_action'))), fields=['started_at'], name='card_setup_unsettled')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['started', 'requires_action', 'succeeded', 'failed', 'canceled'])), name='card_setup_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('payment_method__isnull', False), ('state', 'succeeded')), models.Q(models.Q(('state', 'succeeded'), _negated=True), ('payment_method', None)), _connector='OR'), name='a_kept_card_is_there'), models.UniqueConstraint(fields=('tenant', 'id'), name='card_setup_tenant_and_id')],
            },
        ),
        migrations.CreateModel(
            name='Seller',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('slug', models.SlugField(max_length=63, unique=True, verbose_name='slug')),
                ('prefix', models.CharField(max_length=8, unique=True, verbose_name='prefix')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('country', models.CharField(max_length=2, verbose_name='country')),
                ('address', models.TextField(blank=True, max_length=500, verbose_name='address')),
                ('tax_id', models.CharField(blank=True, max_length=40, verbose_name='tax id')),
                ('is_default', models.BooleanField(default=False, verbose_name='default')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('is_default',), name='one_default_seller'), models.CheckConstraint(condition=models.Q(('prefix__regex', '^[A-Z]{2,8}$')), name='seller_prefix_is_letters'), models.CheckConstraint(condition=models.Q(('country__regex', '^[A-Z]{2}$')), name='seller_country_is_alpha_2')],
            },
        ),
        migrations.CreateModel(
            name='Checkout',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('quantity', models.PositiveIntegerField(verbose_name='quantity')),
                ('assign_to', models.JSONField(default=list)),
                ('state', models.CharField(choices=[('open', 'Open'), ('awaiting_approval', 'Waiting for approval'), ('requires_action', 'Waiting for your bank'), ('processing', 'Payment in progress'), ('completed', 'Completed'), ('expired', 'Expired'), ('canceled', 'Canceled')], default='open', max_length=20, verbose_name='state')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('unit_price', models.DecimalField(decimal_places=3, max_digits=12, verbose_name='unit price')),
                ('subtotal', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='subtotal')),
                ('tax', models.DecimalField(decimal_places=3, default=0, max_digits=17, verbose_name='tax')),
                ('total', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='total')),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(verbose_name='expires')),
                ('buyer', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='checkouts', to='tenants.membership')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='checkouts', to='licensing.plan')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='checkouts', to='tenants.tenant')),
                ('reverse_charge', models.BooleanField(default=False)),
                ('tax_inclusive', models.BooleanField(default=False)),
                ('tax_name', models.CharField(blank=True, max_length=40)),
                ('tax_rate', models.DecimalField(decimal_places=4, default=0, max_digits=6)),
                ('seller', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commerce.seller')),
                ('card_setup', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commerce.cardsetup')),
                ('kept_card', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commerce.paymentmethod')),
                ('trial', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='trial_checkouts', to='licensing.subscription')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state__in', ('open', 'awaiting_approval', 'requires_action'))), fields=['expires_at'], name='checkout_overdue'), models.Index(condition=models.Q(('state', 'open'), models.Q(('kept_card__isnull', False), ('card_setup__isnull', False), _connector='OR')), fields=['created_at'], name='checkout_to_charge')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='checkout_tenant_and_id'), models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='checkout_has_seats'), models.CheckConstraint(condition=models.Q(('total', django.db.models.expressions.CombinedExpression(models.F('subtotal'), '+', models.F('tax')))), name='checkout_adds_up'), models.CheckConstraint(condition=models.Q(models.Q(('subtotal', django.db.models.expressions.CombinedExpression(models.F('unit_price'), '*', models.F('quantity'))), ('tax_inclusive', False)), models.Q(('tax_inclusive', True), ('total', django.db.models.expressions.CombinedExpression(models.F('unit_price'), '*', models.F('quantity')))), _connector='OR'), name='checkout_line_adds_up'), models.CheckConstraint(condition=models.Q(('state__in', ['open', 'awaiting_approval', 'requires_action', 'processing', 'completed', 'expired', 'canceled'])), name='checkout_state_is_known'), models.CheckConstraint(condition=models.Q(('trial', None), models.Q(('state', 'completed'), ('total', 0)), _connector='OR'), name='a_trial_is_free_and_begins_at_once')],
            },
        ),
        migrations.CreateModel(
            name='Agreement',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('valid_from', models.DateField(verbose_name='valid from')),
                ('valid_to', models.DateField(blank=True, null=True, verbose_name='valid to')),
                ('pay_by_invoice', models.BooleanField(default=False, verbose_name='paid by invoice')),
                ('payment_days', models.PositiveSmallIntegerField(default=30, verbose_name='days to pay')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='agreements', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'agreement',
                'verbose_name_plural': 'agreements',
                'indexes': [models.Index(fields=['tenant', 'created_at', 'id'], name='agreement_page')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='agreement_tenant_and_id'), models.UniqueConstraint(fields=('tenant', 'name'), name='agreement_name_once'), models.CheckConstraint(condition=models.Q(('valid_to', None), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='agreement_ends_after_it_begins'), models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='agreement_currency_is_a_code'), models.CheckConstraint(condition=models.Q(('payment_days__lte', 365)), name='agreement_days_within_a_year')],
            },
        ),
        migrations.CreateModel(
            name='Order',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('pending', 'Not paid yet'), ('invoiced', 'Invoiced'), ('paid', 'Paid'), ('canceled', 'Canceled')], default='pending', max_length=10, verbose_name='state')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('subtotal', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='subtotal')),
                ('tax', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='tax')),
                ('total', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='total')),
                ('created_at', models.DateTimeField(verbose_name='ordered')),
                ('paid_at', models.DateTimeField(null=True, verbose_name='paid')),
                ('buyer', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='tenants.membership', verbose_name='buyer')),
                ('checkout', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='commerce.checkout')),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='tenants.tenant')),
                ('channel', models.CharField(choices=[('self_service', 'Self-service'), ('central', 'Central'), ('partner', 'Partner')], default='self_service', max_length=20, verbose_name='channel')),
                ('credited', models.DecimalField(decimal_places=3, default=0, max_digits=17)),
                ('due_at', models.DateTimeField(null=True, verbose_name='due')),
                ('granted_at', models.DateTimeField(null=True)),
                ('kind', models.CharField(choices=[('purchase', 'Purchase'), ('seats', 'More seats'), ('reactivation', 'Reactivation')], default='purchase', max_length=20, verbose_name='kind')),
                ('reverse_charge', models.BooleanField(default=False)),
                ('tax_inclusive', models.BooleanField(default=False)),
                ('tax_name', models.CharField(blank=True, max_length=40)),
                ('tax_rate', models.DecimalField(decimal_places=4, default=0, max_digits=6)),
                ('agreement', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='commerce.agreement')),
                ('seller', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commerce.seller')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'created_at', 'id'], name='order_page'), models.Index(fields=['tenant', 'subscription'], name='order_of_subscription'), models.Index(condition=models.Q(('checkout__isnull', True), ('state', 'pending')), fields=['created_at'], name='order_waiting'), models.Index(condition=models.Q(('granted_at__isnull', False)), fields=['granted_at'], name='order_granted')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='order_tenant_and_id'), models.UniqueConstraint(fields=('checkout',), name='one_order_per_checkout'), models.CheckConstraint(condition=models.Q(('total', django.db.models.expressions.CombinedExpression(models.F('subtotal'), '+', models.F('tax')))), name='order_adds_up'), models.UniqueConstraint(condition=models.Q(('state', 'pending')), fields=('subscription',), name='one_open_order_per_subscription'), models.CheckConstraint(condition=models.Q(('state__in', ['pending', 'invoiced', 'paid', 'canceled'])), name='order_state_is_known'), models.CheckConstraint(condition=models.Q(('kind__in', ['purchase', 'seats', 'reactivation'])), name='order_kind_is_known'), models.CheckConstraint(condition=models.Q(('channel__in', ['self_service', 'central', 'partner'])), name='order_channel_is_known'), models.CheckConstraint(condition=models.Q(('credited__gte', 0), ('credited__lte', models.F('total'))), name='credited_within_total'), models.CheckConstraint(condition=models.Q(models.Q(('paid_at__isnull', False), ('state', 'paid')), models.Q(models.Q(('state', 'paid'), _negated=True), ('paid_at', None)), _connector='OR'), name='a_paid_order_says_when'), models.CheckConstraint(condition=models.Q(models.Q(('granted_at__isnull', False), ('state__in', ('paid', 'invoiced'))), models.Q(models.Q(('state__in', ('paid', 'invoiced')), _negated=True), ('granted_at', None)), _connector='OR'), name='a_granted_order_says_when'), models.CheckConstraint(condition=models.Q(models.Q(('granted_at', None), ('kind', 'purchase'), ('subscription', None)), models.Q(models.Q(('granted_at', None), ('kind', 'purchase'), _negated=True), ('subscription__isnull', False)), _connector='OR'), name='an_order_has_its_subscription')],
            },
        ),
        migrations.CreateModel(
            name='OrderLine',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('quantity', models.PositiveIntegerField(verbose_name='quantity')),
                ('unit_price', models.DecimalField(decimal_places=3, max_digits=12, verbose_name='unit price')),
                ('amount', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='amount')),
                ('tax', models.DecimalField(decimal_places=3, default=0, max_digits=17, verbose_name='tax')),
                ('starts_at', models.DateTimeField(null=True)),
                ('ends_at', models.DateTimeField(null=True)),
                ('order', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='commerce.order')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.plan')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('part_seconds', models.PositiveIntegerField(null=True)),
                ('returned', models.PositiveIntegerField(default=0)),
                ('tax_inclusive', models.BooleanField(default=False)),
                ('term_seconds', models.PositiveIntegerField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='order_line_tenant_and_id'), models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='order_line_has_seats'), models.CheckConstraint(condition=models.Q(('returned__lte', models.F('quantity'))), name='returned_within_line'), models.CheckConstraint(condition=models.Q(models.Q(('part_seconds', None), ('term_seconds', None)), ('part_seconds__lte', models.F('term_seconds')), _connector='OR'), name='order_line_is_a_part_of_a_term'), models.CheckConstraint(condition=models.Q(('part_seconds__isnull', False), models.Q(('amount', django.db.models.expressions.CombinedExpression(models.F('unit_price'), '*', models.F('quantity'))), ('tax_inclusive', False)), models.Q(('amount', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('unit_price'), '*', models.F('quantity')), '-', models.F('tax'))), ('tax_inclusive', True)), _connector='OR'), name='order_line_adds_up')],
            },
        ),
        migrations.CreateModel(
            name='BillingPeriod',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('currency', models.CharField(max_length=3)),
                ('unit_price', models.DecimalField(decimal_places=3, max_digits=12)),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='billing_periods', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('line', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='billing_periods', to='commerce.orderline')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('subscription', 'starts_at'), name='one_period_per_start'), models.UniqueConstraint(fields=('subscription', 'ends_at'), name='one_period_per_end'), models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='period_ends_after_it_starts')],
            },
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('started', 'In progress'), ('requires_action', 'Waiting for the bank'), ('succeeded', 'Paid'), ('failed', 'Declined'), ('canceled', 'Canceled'), ('surplus', 'Refunded, not needed'), ('set_aside', 'Set aside')], default='started', max_length=20, verbose_name='state')),
                ('amount', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='amount')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('payment_method', models.CharField(max_length=255)),
                ('gateway', models.CharField(max_length=20)),
                ('gateway_ref', models.CharField(blank=True, max_length=255)),
                ('action_url', models.CharField(blank=True, max_length=500)),
                ('decline_code', models.CharField(blank=True, max_length=60)),
                ('captured', models.DecimalField(decimal_places=3, default=0, max_digits=17)),
                ('refunded', models.DecimalField(decimal_places=3, default=0, max_digits=17)),
                ('started_at', models.DateTimeField(verbose_name='started')),
                ('asked_at', models.DateTimeField(null=True)),
                ('settled_at', models.DateTimeField(null=True, verbose_name='settled')),
                ('order', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='commerce.order')),
                ('payer', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='tenants.membership')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='tenants.tenant')),
                ('disputed', models.DecimalField(decimal_places=3, default=0, max_digits=17)),
                ('card', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='commerce.paymentmethod')),
            ],
            options={
                'ordering': ['started_at', 'id'],
                'indexes': [models.Index(condition=models.Q(('state__in', ('started', 'requires_action'))), fields=['started_at'], name='payment_unsettled'), models.Index(fields=['tenant', 'payer', 'started_at'], name='payment_of_payer'), models.Index(condition=models.Q(('state__in', ('failed', 'started'))), fields=['tenant', 'started_at'], name='payment_declined'), models.Index(condition=models.Q(('state', 'set_aside')), fields=['started_at'], name='payment_set_aside'), models.Index(condition=models.Q(('captured__gt', 0)), fields=['gateway', 'started_at'], name='payment_of_gateway'), models.Index(condition=models.Q(('captured__gt', 0)), fields=['settled_at'], name='payment_taken')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='payment_tenant_and_id'), models.UniqueConstraint(condition=models.Q(('state__in', ('started', 'requires_action', 'succeeded'))), fields=('order',), name='one_live_payment_per_order'), models.CheckConstraint(condition=models.Q(('state__in', ['started', 'requires_action', 'succeeded', 'failed', 'canceled', 'surplus', 'set_aside'])), name='payment_state_is_known'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='payment_is_positive'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'succeeded'), _negated=True), ('captured', models.F('amount')), _connector='OR'), name='a_paid_payment_is_captured_whole'), models.CheckConstraint(condition=models.Q(('refunded__lte', django.db.models.expressions.CombinedExpression(models.F('captured'), '-', models.F('disputed')))), name='refunded_and_disputed_within_captured'), models.CheckConstraint(condition=models.Q(('disputed__gte', 0), ('refunded__gte', 0)), name='refunded_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='Price',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('channel', models.CharField(choices=[('self_service', 'Self-service'), ('central', 'Central'), ('partner', 'Partner')], max_length=20, verbose_name='channel')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('amount', models.DecimalField(decimal_places=3, max_digits=12, verbose_name='amount')),
                ('valid_from', models.DateField(verbose_name='valid from')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='prices', to='licensing.plan', verbose_name='plan')),
                ('announced_at', models.DateTimeField(null=True, verbose_name='announced')),
                ('told_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('announced_at__isnull', False), ('told_at', None)), fields=['announced_at'], name='price_to_announce')],
                'constraints': [models.UniqueConstraint(fields=('plan', 'channel', 'currency', 'valid_from'), name='price_version_once'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='price_is_positive'), models.CheckConstraint(condition=models.Q(('channel__in', ['self_service', 'central', 'partner'])), name='price_channel_is_known'), models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='price_currency_is_a_code')],
            },
        ),
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('amount', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='amount')),
                ('reason', models.CharField(choices=[('canceled', 'Canceled within the refund window'), ('reduced', 'Seats given back within the refund window'), ('surplus', 'Charged although nothing was left to pay for'), ('set_aside', 'Charged with another amount than agreed'), ('external', 'Made at the payment provider')], max_length=20, verbose_name='reason')),
                ('state', models.CharField(choices=[('started', 'In progress'), ('succeeded', 'Refunded'), ('failed', 'Failed')], default='started', max_length=10, verbose_name='state')),
                ('gateway_ref', models.CharField(blank=True, max_length=255)),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('asked_at', models.DateTimeField(null=True)),
                ('settled_at', models.DateTimeField(null=True, verbose_name='settled')),
                ('line', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='commerce.orderline')),
                ('payment', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='commerce.payment')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='tenants.tenant')),
                ('order', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='commerce.order')),
                ('quantity', models.PositiveIntegerField(null=True)),
                ('tax', models.DecimalField(decimal_places=3, default=0, max_digits=17, verbose_name='tax')),
                ('replaces', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replacements', to='commerce.refund')),
            ],
            options={
                'ordering': ['created_at', 'id'],
                'indexes': [models.Index(condition=models.Q(('state', 'started')), fields=['created_at'], name='refund_unsettled'), models.Index(condition=models.Q(('state', 'failed')), fields=['created_at'], name='refund_that_failed'), models.Index(condition=models.Q(('gateway_ref', ''), _negated=True), fields=['gateway_ref'], name='refund_by_reference'), models.Index(fields=['created_at'], name='refund_promised'), models.Index(condition=models.Q(('settled_at__isnull', False)), fields=['settled_at'], name='refund_settled')],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='refund_is_positive'), models.CheckConstraint(condition=models.Q(('state__in', ['started', 'succeeded', 'failed'])), name='refund_state_is_known'), models.UniqueConstraint(fields=('tenant', 'id'), name='refund_tenant_and_id'), models.CheckConstraint(condition=models.Q(('tax__gte', 0), ('tax__lte', models.F('amount'))), name='refunded_tax_within_refund'), models.CheckConstraint(condition=models.Q(('reason__in', ['canceled', 'reduced', 'surplus', 'set_aside', 'external'])), name='refund_reason_is_known'), models.CheckConstraint(condition=models.Q(('payment__isnull', False), ('state', 'succeeded'), _connector='OR'), name='a_credit_is_never_on_its_way'), models.UniqueConstraint(condition=models.Q(('state', 'failed'), _negated=True), fields=('replaces',), name='one_replacement_at_a_time')],
            },
        ),
        migrations.CreateModel(
            name='SandboxCard',
            fields=[
                ('reference', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('customer', models.CharField(max_length=64)),
                ('token', models.CharField(max_length=64)),
                ('forgotten_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('customer', 'token'), name='sandbox_card_once')],
            },
        ),
        migrations.CreateModel(
            name='SandboxCharge',
            fields=[
                ('key', models.UUIDField(primary_key=True, serialize=False)),
                ('customer', models.CharField(max_length=64)),
                ('payment_method', models.CharField(max_length=255)),
                ('amount', models.DecimalField(decimal_places=3, max_digits=17)),
                ('currency', models.CharField(max_length=3)),
                ('state', models.CharField(choices=[('requires_action', 'Requires Action'), ('captured', 'Captured'), ('declined', 'Declined'), ('canceled', 'Canceled')], max_length=20)),
                ('decline_code', models.CharField(blank=True, max_length=60)),
                ('return_url', models.CharField(blank=True, max_length=500)),
                ('refunded', models.DecimalField(decimal_places=3, default=0, max_digits=17)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('card', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='charges', to='commerce.sandboxcard')),
            ],
            options={
                'indexes': [models.Index(fields=['customer', 'payment_method'], name='sandbox_charge_of_customer')],
                'constraints': [models.CheckConstraint(condition=models.Q(('refunded__lte', models.F('amount'))), name='sandbox_refunds_within_charge')],
            },
        ),
        migrations.CreateModel(
            name='SandboxRefund',
            fields=[
                ('key', models.UUIDField(primary_key=True, serialize=False)),
                ('amount', models.DecimalField(decimal_places=3, max_digits=17)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('charge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='commerce.sandboxcharge')),
                ('by_hand', models.BooleanField(default=False)),
                ('state', models.CharField(choices=[('succeeded', 'Succeeded'), ('failed', 'Failed')], default='succeeded', max_length=10)),
            ],
        ),
        migrations.CreateModel(
            name='Invoice',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('year', models.PositiveSmallIntegerField()),
                ('sequence', models.PositiveIntegerField()),
                ('number', models.CharField(max_length=30, unique=True, verbose_name='number')),
                ('kind', models.CharField(choices=[('invoice', 'Invoice'), ('credit_note', 'Credit note')], max_length=20, verbose_name='kind')),
                ('seller_name', models.CharField(max_length=200)),
                ('seller_address', models.TextField(blank=True)),
                ('seller_tax_id', models.CharField(blank=True, max_length=40)),
                ('bill_to_name', models.CharField(max_length=500, verbose_name='bill to')),
                ('bill_to_address', models.TextField(blank=True)),
                ('bill_to_tax_number', models.CharField(blank=True, max_length=40)),
                ('time_zone', models.CharField(max_length=63)),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('subtotal', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='subtotal')),
                ('tax', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='tax')),
                ('total', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='total')),
                ('tax_name', models.CharField(blank=True, max_length=40)),
                ('tax_rate', models.DecimalField(decimal_places=4, default=0, max_digits=6)),
                ('tax_inclusive', models.BooleanField(default=False)),
                ('reverse_charge', models.BooleanField(default=False)),
                ('issued_at', models.DateTimeField(verbose_name='issued')),
                ('credits', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='credit_notes', to='commerce.invoice')),
                ('order', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='commerce.order')),
                ('payer', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='tenants.membership')),
                ('refund', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='credit_notes', to='commerce.refund')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='tenants.tenant')),
                ('seller', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='commerce.seller')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'issued_at', 'id'], name='invoice_page'), models.Index(fields=['tenant', 'payer', 'issued_at', 'id'], name='invoice_page_of_payer')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='invoice_tenant_and_id'), models.UniqueConstraint(fields=('seller', 'year', 'sequence'), name='invoice_number_once'), models.UniqueConstraint(condition=models.Q(('kind', 'invoice')), fields=('order',), name='one_invoice_per_order'), models.UniqueConstraint(fields=('refund',), name='one_credit_note_per_refund'), models.CheckConstraint(condition=models.Q(('sequence__gte', 1)), name='invoice_numbers_begin_at_one'), models.CheckConstraint(condition=models.Q(('total', django.db.models.expressions.CombinedExpression(models.F('subtotal'), '+', models.F('tax')))), name='invoice_adds_up'), models.CheckConstraint(condition=models.Q(('subtotal__gte', 0), ('tax__gte', 0), ('total__gt', 0)), name='invoice_is_not_negative'), models.CheckConstraint(condition=models.Q(models.Q(('credits', None), ('kind', 'invoice'), ('refund', None)), models.Q(('credits__isnull', False), ('kind', 'credit_note'), ('refund__isnull', False)), _connector='OR'), name='a_credit_note_names_its_invoice')],
            },
        ),
        migrations.CreateModel(
            name='InvoiceCounter',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('year', models.PositiveSmallIntegerField()),
                ('last', models.PositiveIntegerField()),
                ('seller', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='counters', to='commerce.seller')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('seller', 'year'), name='one_counter_per_year')],
            },
        ),
        migrations.CreateModel(
            name='InvoiceLine',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('description', models.CharField(max_length=500, verbose_name='description')),
                ('quantity', models.PositiveIntegerField(verbose_name='quantity')),
                ('unit_price', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='unit price')),
                ('amount', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='amount')),
                ('tax', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='tax')),
                ('tax_inclusive', models.BooleanField(default=False)),
                ('part_seconds', models.PositiveIntegerField(null=True)),
                ('term_seconds', models.PositiveIntegerField(null=True)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('invoice', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='commerce.invoice')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='invoice_line_has_quantity'), models.CheckConstraint(condition=models.Q(('part_seconds__isnull', False), models.Q(('amount', django.db.models.expressions.CombinedExpression(models.F('unit_price'), '*', models.F('quantity'))), ('tax_inclusive', False)), models.Q(('amount', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('unit_price'), '*', models.F('quantity')), '-', models.F('tax'))), ('tax_inclusive', True)), _connector='OR'), name='invoice_line_adds_up'), models.CheckConstraint(condition=models.Q(('ends_at__gte', models.F('starts_at'))), name='invoice_line_ends_after_it_starts')],
            },
        ),
        migrations.CreateModel(
            name='SellerMarket',
            fields=[
                ('country', models.CharField(max_length=2, primary_key=True, serialize=False, verbose_name='country')),
                ('seller', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='markets', to='commerce.seller')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('country__regex', '^[A-Z]{2}$')), name='seller_market_is_alpha_2')],
            },
        ),
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
        migrations.CreateModel(
            name='AgreementPrice',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('amount', models.DecimalField(decimal_places=3, max_digits=12, verbose_name='price')),
                ('agreement', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='prices', to='commerce.agreement')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='licensing.plan', verbose_name='plan')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('agreement', 'plan'), name='one_agreed_price_per_plan'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='agreed_price_is_positive')],
            },
        ),
        migrations.CreateModel(
            name='Dispute',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('gateway_ref', models.CharField(max_length=255, unique=True)),
                ('amount', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='amount')),
                ('state', models.CharField(choices=[('open', 'Open'), ('won', 'Won'), ('lost', 'Lost')], default='open', max_length=10, verbose_name='state')),
                ('ended_subscription', models.BooleanField(default=False)),
                ('opened_at', models.DateTimeField(verbose_name='opened')),
                ('closed_at', models.DateTimeField(null=True, verbose_name='closed')),
                ('payment', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='disputes', to='commerce.payment')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='disputes', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'open')), fields=['opened_at'], name='dispute_open'), models.Index(condition=models.Q(('closed_at__isnull', False)), fields=['closed_at'], name='dispute_closed')],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='dispute_not_negative'), models.CheckConstraint(condition=models.Q(('state__in', ['open', 'won', 'lost'])), name='dispute_state_is_known')],
            },
        ),
        migrations.CreateModel(
            name='IncomingEvent',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('gateway', models.CharField(max_length=20, verbose_name='provider')),
                ('reference', models.CharField(max_length=255, verbose_name="provider's id")),
                ('type', models.CharField(max_length=100, verbose_name='type')),
                ('kind', models.CharField(choices=[('charge', 'charge'), ('setup', 'setup'), ('refund', 'refund'), ('dispute', 'dispute'), ('other', 'other')], max_length=10)),
                ('subject', models.CharField(max_length=255, verbose_name='about')),
                ('state', models.CharField(choices=[('received', 'Received'), ('handled', 'Handled'), ('ignored', 'Ignored'), ('failed', 'Failed')], default='received', max_length=10, verbose_name='state')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('received_at', models.DateTimeField(verbose_name='received')),
                ('tried_at', models.DateTimeField(null=True)),
                ('settled_at', models.DateTimeField(null=True, verbose_name='handled')),
            ],
            options={
                'verbose_name': 'incoming event',
                'verbose_name_plural': 'incoming events',
                'indexes': [models.Index(fields=['received_at', 'id'], name='incoming_event_page'), models.Index(condition=models.Q(('state', 'received')), fields=['received_at'], name='incoming_event_waiting'), models.Index(condition=models.Q(('state__in', ('handled', 'ignored'))), fields=['settled_at'], name='incoming_event_over')],
                'constraints': [models.UniqueConstraint(fields=('gateway', 'reference'), name='an_event_is_stored_once'), models.CheckConstraint(condition=models.Q(('state__in', ['received', 'handled', 'ignored', 'failed'])), name='incoming_event_state_is_known')],
            },
        ),
        migrations.CreateModel(
            name='PaymentSource',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('agreement', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pays_for', to='commerce.agreement')),
                ('payment_method', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pays_for', to='commerce.paymentmethod')),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='payment_sources', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('by_invoice', models.BooleanField(default=False)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('subscription',), name='one_source_per_subscription'), models.CheckConstraint(condition=models.Q(('by_invoice', False), models.Q(('agreement__isnull', False), ('payment_method', None)), _connector='OR'), name='a_card_pays_or_an_agreement_by_invoice')],
            },
        ),
        migrations.CreateModel(
            name='SandboxDispute',
            fields=[
                ('reference', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('amount', models.DecimalField(decimal_places=3, max_digits=17)),
                ('state', models.CharField(choices=[('open', 'Open'), ('won', 'Won'), ('lost', 'Lost')], default='open', max_length=10)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('charge', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='dispute', to='commerce.sandboxcharge')),
            ],
        ),
        migrations.CreateModel(
            name='SandboxEvent',
            fields=[
                ('id', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('type', models.CharField(max_length=64)),
                ('reference', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('next_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('delivered_at', None)), fields=['created_at'], name='sandbox_event_owed')],
            },
        ),
        migrations.CreateModel(
            name='SandboxSetup',
            fields=[
                ('key', models.UUIDField(primary_key=True, serialize=False)),
                ('customer', models.CharField(max_length=64)),
                ('token', models.CharField(max_length=64)),
                ('state', models.CharField(choices=[('requires_action', 'Requires Action'), ('captured', 'Captured'), ('declined', 'Declined'), ('canceled', 'Canceled')], max_length=20)),
                ('decline_code', models.CharField(blank=True, max_length=60)),
                ('return_url', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('card', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='setups', to='commerce.sandboxcard')),
            ],
        ),
        migrations.CreateModel(
            name='ScheduledChange',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('quantity', models.PositiveIntegerField(verbose_name='quantity')),
                ('takes_effect_at', models.DateTimeField(verbose_name='takes effect')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('applied', 'Applied'), ('dropped', 'Not applied'), ('withdrawn', 'Withdrawn')], default='waiting', max_length=10)),
                ('created_at', models.DateTimeField()),
                ('settled_at', models.DateTimeField(null=True)),
                ('asked_by', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.membership')),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='scheduled_changes', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['takes_effect_at'], name='scheduled_change_due')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'waiting')), fields=('subscription',), name='one_change_waits_per_subscription'), models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='scheduled_quantity_has_seats'), models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'applied', 'dropped', 'withdrawn'])), name='scheduled_change_state_is_known')],
            },
        ),
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
                'constraints': [models.UniqueConstraint(fields=('country', 'valid_from'), name='tax_rate_version_once'), models.CheckConstraint(condition=models.Q(('country__regex', '^[A-Z]{2}$')), name='tax_rate_country_is_alpha_2'), models.CheckConstraint(condition=models.Q(('rate__gte', 0), ('rate__lt', 1)), name='tax_rate_is_a_part_of_the_price'), models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='tax_rate_has_a_name')],
            },
        ),
        migrations.CreateModel(
            name='PriceNotice',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('amount', models.DecimalField(decimal_places=3, max_digits=12, verbose_name='amount')),
                ('applies_from', models.DateTimeField(verbose_name='applies from')),
                ('created_at', models.DateTimeField()),
                ('price', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='commerce.price')),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='price_notices', to='licensing.subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('sent_at', models.DateTimeField(null=True, verbose_name='told')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('subscription', 'price', 'amount'), name='a_price_is_announced_once')],
            },
        ),
        migrations.CreateModel(
            name='Movement',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('order_billed', 'Order billed'), ('captured', 'Payment received'), ('surplus_captured', 'Payment received that was not needed'), ('set_aside_captured', 'Payment received and set aside'), ('refund_promised', 'Refund promised'), ('credited', 'Credited on an open invoice'), ('set_aside_released', 'Refund of what was set aside promised'), ('refund_sent', 'Refund sent'), ('refund_returned', 'Refund came back'), ('dispute_opened', 'Charge contested'), ('dispute_won', 'Dispute won'), ('dispute_lost', 'Dispute lost')], max_length=20, verbose_name='kind')),
                ('source', models.UUIDField()),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('order', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='movements', to='commerce.order')),
                ('payment', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='movements', to='commerce.payment')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='movements', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'movement',
                'verbose_name_plural': 'movements',
                'indexes': [models.Index(fields=['tenant', 'at', 'id'], name='movement_page'), models.Index(fields=['at', 'id'], name='movement_page_of_operator'), models.Index(fields=['kind', 'at', 'id'], name='movement_page_of_kind')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='movement_tenant_and_id'), models.UniqueConstraint(fields=('kind', 'source'), name='a_fact_is_posted_once'), models.CheckConstraint(condition=models.Q(('kind__in', ['order_billed', 'captured', 'surplus_captured', 'set_aside_captured', 'refund_promised', 'credited', 'set_aside_released', 'refund_sent', 'refund_returned', 'dispute_opened', 'dispute_won', 'dispute_lost'])), name='movement_kind_is_known'), models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='movement_currency_is_a_code')],
            },
        ),
        migrations.CreateModel(
            name='Posting',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('account', models.CharField(choices=[('receivable', 'Owed by buyers'), ('provider', 'At the payment provider'), ('sales', 'Sales'), ('tax', 'Tax'), ('refunds_due', 'To be given back'), ('suspense', 'Set aside'), ('disputed', 'Contested'), ('losses', 'Lost to disputes')], max_length=20, verbose_name='account')),
                ('amount', models.DecimalField(decimal_places=3, max_digits=17, verbose_name='amount')),
                ('movement', tenants.keys.TenantForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='postings', to='commerce.movement')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('movement', 'account'), name='one_posting_per_account'), models.CheckConstraint(condition=models.Q(('account__in', ['receivable', 'provider', 'sales', 'tax', 'refunds_due', 'suspense', 'disputed', 'losses'])), name='account_is_known'), models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='posting_is_not_zero')],
            },
        ),
        migrations.CreateModel(
            name='SupportCase',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('question', 'Question'), ('end_subscription', 'End a subscription')], max_length=20, verbose_name='kind')),
                ('support', models.CharField(choices=[('standard', 'Standard support')], default='standard', max_length=20, verbose_name='support')),
                ('state', models.CharField(choices=[('open', 'Waiting for support'), ('answered', 'Answered'), ('closed', 'Closed')], default='open', max_length=10, verbose_name='state')),
                ('subject', models.CharField(max_length=200, verbose_name='subject')),
                ('created_at', models.DateTimeField(verbose_name='opened')),
                ('changed_at', models.DateTimeField(verbose_name='last change')),
                ('member', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='support_cases', to='tenants.membership', verbose_name='opened by')),
                ('subscription', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='support_cases', to='licensing.subscription', verbose_name='subscription')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='support_cases', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'support case',
                'verbose_name_plural': 'support cases',
                'indexes': [models.Index(fields=['tenant', 'member', 'created_at', 'id'], name='support_case_page'), models.Index(fields=['state', 'changed_at'], name='support_case_waiting')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'id'), name='support_case_tenant_and_id'), models.CheckConstraint(condition=models.Q(('kind__in', ['question', 'end_subscription'])), name='case_kind_is_known'), models.CheckConstraint(condition=models.Q(('state__in', ['open', 'answered', 'closed'])), name='case_state_is_known'), models.CheckConstraint(condition=models.Q(('support__in', ['standard'])), name='case_support_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'end_subscription'), _negated=True), ('subscription__isnull', False), _connector='OR'), name='what_is_to_end_is_named')],
            },
        ),
        migrations.CreateModel(
            name='SupportMessage',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('from_support', models.BooleanField()),
                ('body', models.TextField(max_length=5000, verbose_name='text')),
                ('at', models.DateTimeField()),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('case', tenants.keys.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='commerce.supportcase')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='BooksCompared',
            fields=[
                ('gateway', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('until', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Difference',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('gateway', models.CharField(max_length=20, verbose_name='provider')),
                ('kind', models.CharField(choices=[('unsettled', 'Payment that is not written down'), ('unknown_charge', 'Unknown charge'), ('set_aside', 'Payment set aside'), ('not_captured', 'Payment that the provider does not have'), ('refund_failed', 'Refund that failed'), ('refund_unsent', 'Refund that the provider does not have'), ('unknown_refund', 'Unknown refund'), ('unknown_dispute', 'Dispute that is not written down')], max_length=20, verbose_name='kind')),
                ('reference', models.CharField(max_length=255, verbose_name="provider's id")),
                ('here', models.CharField(blank=True, max_length=20, verbose_name='here')),
                ('here_amount', models.DecimalField(decimal_places=3, max_digits=17, null=True)),
                ('there', models.CharField(blank=True, max_length=20, verbose_name='at the provider')),
                ('there_amount', models.DecimalField(decimal_places=3, max_digits=17, null=True)),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('found_at', models.DateTimeField(verbose_name='since')),
                ('seen_at', models.DateTimeField(verbose_name='last seen')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('resolved_at', models.DateTimeField(null=True, verbose_name='resolved')),
                ('resolution', models.CharField(blank=True, choices=[('repaired', 'Repaired'), ('gone', 'Gone by itself')], max_length=10, verbose_name='how')),
                ('payment', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='differences', to='commerce.payment')),
                ('refund', tenants.keys.TenantForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='differences', to='commerce.refund')),
                ('resolved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='differences', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'difference',
                'verbose_name_plural': 'differences',
                'indexes': [models.Index(condition=models.Q(('resolved_at', None)), fields=['found_at', 'id'], name='difference_open'), models.Index(models.OrderBy(models.F('resolved_at'), descending=True, nulls_first=True), models.OrderBy(models.F('found_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='difference_page')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('resolved_at', None)), fields=('gateway', 'kind', 'reference'), name='one_open_difference_of_a_kind'), models.CheckConstraint(condition=models.Q(('kind__in', ['unsettled', 'unknown_charge', 'set_aside', 'not_captured', 'refund_failed', 'refund_unsent', 'unknown_refund', 'unknown_dispute'])), name='difference_kind_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('resolution', ''), ('resolved_at', None)), models.Q(('resolution__in', ['repaired', 'gone']), ('resolved_at__isnull', False)), _connector='OR'), name='a_resolved_difference_says_how')],
            },
        ),
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
        AddTenantKeys("PaymentMethod"),
        AddTenantKeys("CardSetup"),
        AddTenantKeys("Checkout"),
        AddTenantKeys("Order"),
        AddTenantKeys("OrderLine"),
        AddTenantKeys("BillingPeriod"),
        AddTenantKeys("Payment"),
        AddTenantKeys("Refund"),
        AddTenantKeys("Invoice"),
        AddTenantKeys("InvoiceLine"),
        AddTenantKeys("AgreementPrice"),
        AddTenantKeys("Dispute"),
        AddTenantKeys("PaymentSource"),
        AddTenantKeys("ScheduledChange"),
        AddTenantKeys("PriceNotice"),
        AddTenantKeys("Movement"),
        AddTenantKeys("Posting"),
        AddTenantKeys("SupportCase"),
        AddTenantKeys("SupportMessage"),
        AddTenantKeys("Difference"),
        migrations.RunSQL(FINAL, UNDO_FINAL),
        migrations.RunSQL(ADD_UP, UNDO_ADD_UP),
        migrations.RunSQL(APPEND_ONLY, UNDO_APPEND_ONLY),
        migrations.RunSQL(BALANCE, UNDO_BALANCE),
        migrations.RunPython(first_seller, migrations.RunPython.noop),
    ]
