"""What the provider's books say otherwise than our rows, until it is repaired or goes away."""

from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commerce.models.payment import Payment, Refund
from tenants.directory.models import Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey


class DifferenceKind(models.TextChoices):
    # Captured there; here in progress, declined or canceled.
    UNSETTLED = "unsettled", _("Payment that is not written down")
    # Captured there; no payment here has that key.
    UNKNOWN_CHARGE = "unknown_charge", _("Unknown charge")
    # Captured with another amount or currency than agreed.
    SET_ASIDE = "set_aside", _("Payment set aside")
    # Counts as captured here; not there, or not with this amount.
    NOT_CAPTURED = "not_captured", _("Payment that the provider does not have")
    REFUND_FAILED = "refund_failed", _("Refund that failed")
    REFUND_UNSENT = "refund_unsent", _("Refund that the provider does not have")
    # Made by hand at the provider.
    UNKNOWN_REFUND = "unknown_refund", _("Unknown refund")
    UNKNOWN_DISPUTE = "unknown_dispute", _("Dispute that is not written down")


class Resolution(models.TextChoices):
    REPAIRED = "repaired", _("Repaired")
    GONE = "gone", _("Gone by itself")


class DifferenceQuerySet(models.QuerySet["Difference"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def open(self) -> Self:
        return self.filter(resolved_at=None)

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Difference(models.Model):
    """
    Something that stands otherwise at the provider than here. One open row for each thing and kind, however often it
    is found; `reference` is the provider's id, or ours where it knows none.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    gateway = models.CharField(_("provider"), max_length=20)
    kind = models.CharField(_("kind"), max_length=20, choices=DifferenceKind)
    reference = models.CharField(_("provider's id"), max_length=255)
    # None: nothing here belongs to it.
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, related_name="differences")
    payment = TenantForeignKey(Payment, on_delete=models.PROTECT, null=True, related_name="differences")
    refund = TenantForeignKey(Refund, on_delete=models.PROTECT, null=True, related_name="differences")
    # States by their codes; empty: it is not there at all.
    here = models.CharField(_("here"), max_length=20, blank=True)
    here_amount = models.DecimalField(max_digits=17, decimal_places=3, null=True)
    there = models.CharField(_("at the provider"), max_length=20, blank=True)
    there_amount = models.DecimalField(max_digits=17, decimal_places=3, null=True)
    currency = models.CharField(_("currency"), max_length=3)
    found_at = models.DateTimeField(_("since"))
    seen_at = models.DateTimeField(_("last seen"))
    # What its last repair came to when that did not make it go away.
    note = models.CharField(_("note"), max_length=500, blank=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True)
    resolution = models.CharField(_("how"), max_length=10, choices=Resolution, blank=True)
    # None: it went away, or the system repaired it. An operator is of no tenant.
    resolved_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    objects = DifferenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        constraints = [
            models.UniqueConstraint(
                fields=["gateway", "kind", "reference"],
                condition=Q(resolved_at=None),
                name="one_open_difference_of_a_kind",
            ),
            models.CheckConstraint(condition=Q(kind__in=DifferenceKind.values), name="difference_kind_is_known"),
            models.CheckConstraint(
                condition=Q(resolved_at=None, resolution="")
                | Q(resolved_at__isnull=False, resolution__in=Resolution.values),
                name="a_resolved_difference_says_how",
            ),
        ]
        indexes = [
            models.Index(fields=["found_at", "id"], name="difference_open", condition=Q(resolved_at=None)),
            models.Index(
                F("resolved_at").desc(nulls_first=True), F("found_at").desc(), F("id").desc(), name="difference_page"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reference}"


class BooksCompared(models.Model):
    """Up to when a provider's books have been compared. The next time begins a day earlier: news may come late."""

    OVERLAP = timedelta(days=1)

    gateway = models.CharField(max_length=20, primary_key=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.gateway}: {self.until.isoformat()}"
