from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.models.cancellation_request import CancellationRequest
from licensing.models import Product, Subscription
from tenants.directory.models import Membership, Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class CentralisationStep(models.TextChoices):
    """Where somebody who comes back goes on."""

    PEOPLE = "people", _("Choose people")
    COST = "cost", _("Look at the cost")
    SEATS = "seats", _("Assign central seats")
    ASKING = "asking", _("Ask purchasers to cancel")
    WAITING = "waiting", _("Waiting for purchasers")
    DONE = "done", _("Done")
    DROPPED = "dropped", _("Dropped")


# Nobody was given a seat, so others may still be chosen.
BEFORE_SEATS = (CentralisationStep.PEOPLE, CentralisationStep.COST, CentralisationStep.SEATS)
OVER = (CentralisationStep.DONE, CentralisationStep.DROPPED)


class CentralisationQuerySet(models.QuerySet["Centralisation"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def under_way(self) -> Self:
        return self.exclude(step__in=OVER)

    def waiting(self) -> Self:
        return self.filter(step=CentralisationStep.WAITING)

    def with_people(self) -> Self:
        return self.select_related("tenant", "product", "started_by")

    def locked(self) -> Self:
        # The lock of the aggregate: its people and its requests change one after another.
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Centralisation(models.Model):
    """Bringing the people of self-service purchases of one product onto central seats, step by step."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="centralisations")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", verbose_name=_("product"))
    step = models.CharField(_("step"), max_length=10, choices=CentralisationStep, default=CentralisationStep.PEOPLE)
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField(_("started"))
    ended_at = models.DateTimeField(null=True)

    objects = CentralisationQuerySet.as_manager()

    class Meta:
        verbose_name = _("centralisation")
        verbose_name_plural = _("centralisations")
        constraints = [
            unique_within_tenant("centralisation"),
            models.UniqueConstraint(
                fields=["tenant", "product"],
                condition=~Q(step__in=["done", "dropped"]),
                name="one_centralisation_per_product",
            ),
            models.CheckConstraint(
                condition=Q(step__in=CentralisationStep.values), name="centralisation_step_is_known"
            ),
            models.CheckConstraint(
                condition=Q(step__in=["done", "dropped"], ended_at__isnull=False)
                | ~Q(step__in=["done", "dropped"]) & Q(ended_at=None),
                name="an_ended_centralisation_says_when",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "started_at", "id"], name="centralisation_page"),
            models.Index(fields=["step"], name="centralisation_waiting", condition=Q(step="waiting")),
        ]

    def __str__(self) -> str:
        return str(self.product)

    @property
    def is_over(self) -> bool:
        return self.step in OVER


class CentralisedPersonQuerySet(models.QuerySet["CentralisedPerson"]):
    def with_people(self) -> Self:
        return self.select_related("member__user", "member__department", "seat_in__plan")


class CentralisedPerson(models.Model):
    """Somebody who is to have a central seat. `seat_in`: where they have it, once it was given."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="centralised_people")
    centralisation = TenantForeignKey(Centralisation, on_delete=models.CASCADE, related_name="people")
    member = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+", verbose_name=_("person"))
    seat_in = TenantForeignKey(Subscription, on_delete=models.PROTECT, null=True, related_name="+")
    # They were no active member any more when seats were given.
    left_out = models.BooleanField(default=False)

    objects = CentralisedPersonQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("centralised_person"),
            models.UniqueConstraint(fields=["centralisation", "member"], name="person_centralised_once"),
            models.CheckConstraint(
                condition=Q(seat_in=None) | Q(left_out=False), name="who_is_left_out_has_no_central_seat"
            ),
        ]

    def __str__(self) -> str:
        return str(self.member)


class CentralisationPurchase(models.Model):
    """A purchase whose owner a centralisation asks to cancel, by the newest request."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="centralisation_purchases")
    centralisation = TenantForeignKey(Centralisation, on_delete=models.CASCADE, related_name="purchases")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, related_name="+")
    request = TenantForeignKey(CancellationRequest, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            unique_within_tenant("centralisation_purchase"),
            models.UniqueConstraint(fields=["centralisation", "subscription"], name="purchase_centralised_once"),
        ]

    def __str__(self) -> str:
        return str(self.subscription)
