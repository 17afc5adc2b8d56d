"""
Invoices and credit notes. Final once written: the database refuses to change or delete one, so everything that one
says is a copy.
"""

from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models import F, Prefetch, Q
from django.utils.translation import gettext_lazy as _

from commerce.models.order import Order, OrderState
from commerce.models.payment import Refund
from licensing.models import Channel
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class Seller(models.Model):
    """A legal entity that bills. `prefix` begins its numbers; `country` is where it pays its taxes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(_("slug"), max_length=63, unique=True)
    prefix = models.CharField(_("prefix"), max_length=8, unique=True)
    name = models.CharField(_("name"), max_length=200)
    country = models.CharField(_("country"), max_length=2)
    address = models.TextField(_("address"), max_length=500, blank=True)
    tax_id = models.CharField(_("tax id"), max_length=40, blank=True)
    # Bills every market that no other seller is named for.
    is_default = models.BooleanField(_("default"), default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="one_default_seller"),
            models.CheckConstraint(condition=Q(prefix__regex=r"^[A-Z]{2,8}$"), name="seller_prefix_is_letters"),
            models.CheckConstraint(condition=Q(country__regex=r"^[A-Z]{2}$"), name="seller_country_is_alpha_2"),
        ]

    def __str__(self) -> str:
        return self.name


class SellerMarket(models.Model):
    """A country that a seller bills."""

    country = models.CharField(_("country"), max_length=2, primary_key=True)
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="markets")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(country__regex=r"^[A-Z]{2}$"), name="seller_market_is_alpha_2")
        ]


class InvoiceCounter(models.Model):
    """The last number of a seller's year. Whoever takes the next one holds the row until the end of its transaction."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="counters")
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["seller", "year"], name="one_counter_per_year")]


class InvoiceKind(models.TextChoices):
    INVOICE = "invoice", _("Invoice")
    CREDIT_NOTE = "credit_note", _("Credit note")


class InvoiceState(models.TextChoices):
    OPEN = "open", _("Open")
    PAID = "paid", _("Paid")
    # All of it was credited before anything was paid.
    CREDITED = "credited", _("Credited")


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def billed_to(self, payer: Membership) -> Self:
        return self.filter(tenant_id=payer.tenant_id, payer=payer)

    def visible_to(self, by: Actor) -> Self:
        """What a person may see in the acting tenant: everything by right, else their own."""
        return self.of(by.organisation).filter(Q() if by.may(Right.SEE_ALL_PURCHASES) else by.own("payer"))

    def with_lines(self) -> Self:
        lines, notes = InvoiceLine.objects.order_by("pk"), Invoice.objects.order_by("issued_at", "pk")
        return self.select_related("credits", "payer__user", "order", "refund").prefetch_related(
            Prefetch("lines", lines), Prefetch("credit_notes", notes)
        )

    def newest_first(self) -> Self:
        return self.order_by("-issued_at", "-pk")


class Invoice(models.Model):
    """What somebody was billed; a credit note says what of it was given back. No amount is negative."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="invoices")
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="invoices")
    # The year of `issued_at` in UTC: one seller bills in many time zones.
    year = models.PositiveSmallIntegerField()
    sequence = models.PositiveIntegerField()
    number = models.CharField(_("number"), max_length=30, unique=True)
    kind = models.CharField(_("kind"), max_length=20, choices=InvoiceKind)
    order = TenantForeignKey(Order, on_delete=models.PROTECT, related_name="invoices")
    payer = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="invoices")
    refund = TenantForeignKey(Refund, on_delete=models.PROTECT, null=True, related_name="credit_notes")
    credits = TenantForeignKey("self", on_delete=models.PROTECT, null=True, related_name="credit_notes")
    seller_name = models.CharField(max_length=200)
    seller_address = models.TextField(blank=True)
    seller_tax_id = models.CharField(max_length=40, blank=True)
    bill_to_name = models.CharField(_("bill to"), max_length=500)
    bill_to_address = models.TextField(blank=True)
    bill_to_tax_number = models.CharField(max_length=40, blank=True)
    # In which all its days are told.
    time_zone = models.CharField(max_length=63)
    currency = models.CharField(_("currency"), max_length=3)
    subtotal = models.DecimalField(_("subtotal"), max_digits=17, decimal_places=3)
    tax = models.DecimalField(_("tax"), max_digits=17, decimal_places=3)
    total = models.DecimalField(_("total"), max_digits=17, decimal_places=3)
    tax_name = models.CharField(max_length=40, blank=True)
    tax_rate = models.DecimalField(max_digits=6, decimal_places=4, default=0)
    tax_inclusive = models.BooleanField(default=False)
    reverse_charge = models.BooleanField(default=False)
    issued_at = models.DateTimeField(_("issued"))

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("invoice"),
            models.UniqueConstraint(fields=["seller", "year", "sequence"], name="invoice_number_once"),
            models.UniqueConstraint(fields=["order"], name="one_invoice_per_order", condition=Q(kind="invoice")),
            models.UniqueConstraint(fields=["refund"], name="one_credit_note_per_refund"),
            models.CheckConstraint(condition=Q(sequence__gte=1), name="invoice_numbers_begin_at_one"),
            models.CheckConstraint(condition=Q(total=F("subtotal") + F("tax")), name="invoice_adds_up"),
            models.CheckConstraint(
                condition=Q(subtotal__gte=0, tax__gte=0, total__gt=0), name="invoice_is_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(kind="invoice", credits=None, refund=None)
                | Q(kind="credit_note", credits__isnull=False, refund__isnull=False),
                name="a_credit_note_names_its_invoice",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "issued_at", "id"], name="invoice_page"),
            models.Index(fields=["tenant", "payer", "issued_at", "id"], name="invoice_page_of_payer"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def paid_by(self) -> Membership | None:
        """The person whose card or money it is for; None: the tenant itself, whoever ordered for it."""
        return None if self.order.channel == Channel.CENTRAL else self.payer

    @property
    def from_seller(self) -> dict[str, str]:
        return {"name": self.seller_name, "address": self.seller_address, "tax_id": self.seller_tax_id}

    @property
    def to_payer(self) -> dict[str, str]:
        return {
            "name": self.bill_to_name,
            "address": self.bill_to_address,
            "tax_number": self.bill_to_tax_number,
        }

    @property
    def state(self) -> InvoiceState | None:
        """How an invoice stands, by its order; a credit note has no state."""
        if self.is_credit_note:
            return None
        if self.order.state == OrderState.PAID:
            return InvoiceState.PAID
        return InvoiceState.OPEN if self.order.due else InvoiceState.CREDITED

    @property
    def amount_due(self) -> Decimal | None:
        """What is still to be paid of it."""
        if self.is_credit_note:
            return None
        return self.order.due if self.state == InvoiceState.OPEN else Decimal(0)

    @property
    def is_credit_note(self) -> bool:
        return self.kind == InvoiceKind.CREDIT_NOTE


class InvoiceLine(models.Model):
    """One position of an invoice, with the period that it is for."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    invoice = TenantForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    description = models.CharField(_("description"), max_length=500)
    quantity = models.PositiveIntegerField(_("quantity"))
    unit_price = models.DecimalField(_("unit price"), max_digits=17, decimal_places=3)
    amount = models.DecimalField(_("amount"), max_digits=17, decimal_places=3)
    tax = models.DecimalField(_("tax"), max_digits=17, decimal_places=3)
    tax_inclusive = models.BooleanField(default=False)
    # How much of a term it is for, in seconds; none: all of it.
    part_seconds = models.PositiveIntegerField(null=True)
    term_seconds = models.PositiveIntegerField(null=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="invoice_line_has_quantity"),
            models.CheckConstraint(
                condition=Q(part_seconds__isnull=False)
                | Q(tax_inclusive=False, amount=F("unit_price") * F("quantity"))
                | Q(tax_inclusive=True, amount=F("unit_price") * F("quantity") - F("tax")),
                name="invoice_line_adds_up",
            ),
            models.CheckConstraint(condition=Q(ends_at__gte=F("starts_at")), name="invoice_line_ends_after_it_starts"),
        ]

    def __str__(self) -> str:
        return self.description
