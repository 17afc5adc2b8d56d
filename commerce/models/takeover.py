from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commerce.models.agreement import Agreement
from commerce.models.order import Order
from commerce.models.payment_method import PaymentMethod
from licensing.models import Seat, Subscription
from tenants.directory.models import Membership, Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class TakeOverMode(models.TextChoices):
    MOVE = "move", _("Move its people to a central subscription")
    ADOPT = "adopt", _("Make it the organisation's own")
    CANCEL = "cancel", _("End it")


# In these its people lose it, and it is deleted when that is settled.
ENDS_IT = (TakeOverMode.MOVE, TakeOverMode.CANCEL)


class TakeOverState(models.TextChoices):
    # Access and control have changed, money and records have not.
    OPEN = "open", _("To be settled")
    SETTLED = "settled", _("Settled")
    UNDONE = "undone", _("Undone")


class TakeOverQuerySet(models.QuerySet["TakeOver"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def open(self) -> Self:
        return self.filter(state=TakeOverState.OPEN)

    def due(self, at: datetime) -> Self:
        return self.open().filter(next_try_at__lte=at).order_by("next_try_at", "pk")

    def locked(self) -> Self:
        # After its orders and its subscription: a take-over changes only under that lock and its own.
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)

    def with_people(self) -> Self:
        return self.select_related(
            "tenant",
            "started_by",
            "owner__user",
            "owner__tenant",
            "subscription__tenant",
            "subscription__plan__product",
            "subscription__purchaser__user",
            "subscription__purchaser__tenant",
            "target__plan__product",
            "payment_method",
            "agreement",
            "order",
        )


class TakeOver(models.Model):
    """
    That an organisation takes over what one of its people bought: done as to access and control, and open as to money
    and records until it is settled. Until then it can be undone; the fields before `settles_at` say what was.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="take_overs")
    subscription = TenantForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="take_overs", verbose_name=_("subscription")
    )
    mode = models.CharField(_("mode"), max_length=10, choices=TakeOverMode)
    state = models.CharField(_("state"), max_length=10, choices=TakeOverState, default=TakeOverState.OPEN)
    # Where its people were moved.
    target = TenantForeignKey(Subscription, on_delete=models.PROTECT, null=True, related_name="taken_in")
    # What of the organisation's pays from then on, where it is adopted.
    payment_method = TenantForeignKey(PaymentMethod, on_delete=models.PROTECT, null=True, related_name="+")
    agreement = TenantForeignKey(Agreement, on_delete=models.PROTECT, null=True, related_name="+")
    # Adopted with the rest of its term: that goes back to who paid it, and the organisation is charged.
    reimburse = models.BooleanField(default=False)
    # Whether what is not used goes back, as the organisation's setting was when it was taken over.
    refunds = models.BooleanField(default=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField(_("taken over"))
    # As it was: whose it was, what paid, and the renewal that had been paid ahead.
    owner = TenantForeignKey(Membership, on_delete=models.PROTECT, null=True, related_name="+")
    payer = TenantForeignKey(Membership, on_delete=models.PROTECT, null=True, related_name="+")
    auto_renew = models.BooleanField(default=True)
    paid_by_card = TenantForeignKey(PaymentMethod, on_delete=models.PROTECT, null=True, related_name="+")
    paid_by_agreement = TenantForeignKey(Agreement, on_delete=models.PROTECT, null=True, related_name="+")
    paid_by_invoice = models.BooleanField(default=False)
    renewal_order = TenantForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="+")
    settles_at = models.DateTimeField(_("settled on"))
    # When the sweep settles it, or tries that again; none: it is over.
    next_try_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    # What the organisation was charged for the rest of the term: the present try, or the one that paid.
    order = TenantForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="take_overs")
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)

    objects = TakeOverQuerySet.as_manager()

    class Meta:
        verbose_name = _("take-over")
        verbose_name_plural = _("take-overs")
        constraints = [
            unique_within_tenant("take_over"),
            models.UniqueConstraint(
                fields=["subscription"], condition=Q(state="open"), name="one_open_take_over_per_subscription"
            ),
            models.CheckConstraint(condition=Q(mode__in=TakeOverMode.values), name="take_over_mode_is_known"),
            models.CheckConstraint(condition=Q(state__in=TakeOverState.values), name="take_over_state_is_known"),
            models.CheckConstraint(
                condition=Q(mode="move", target__isnull=False) | ~Q(mode="move") & Q(target=None),
                name="people_are_moved_somewhere",
            ),
            models.CheckConstraint(
                condition=~Q(target=F("subscription")), name="people_are_moved_to_another_subscription"
            ),
            models.CheckConstraint(
                condition=Q(mode="adopt", payment_method__isnull=False, agreement=None)
                | Q(mode="adopt", payment_method=None, agreement__isnull=False)
                | ~Q(mode="adopt") & Q(payment_method=None, agreement=None, reimburse=False),
                name="what_is_adopted_is_paid_by_one",
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None, next_try_at__isnull=False)
                | ~Q(state="open") & Q(closed_at__isnull=False, next_try_at=None),
                name="an_open_take_over_says_when",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "started_at", "id"], name="take_over_page"),
            models.Index(fields=["subscription", "started_at"], name="take_over_of_subscription"),
            models.Index(fields=["next_try_at"], name="take_over_due", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"{self.subscription} ({self.get_mode_display()})"

    @property
    def is_open(self) -> bool:
        return self.state == TakeOverState.OPEN

    @property
    def ends_it(self) -> bool:
        return self.mode in ENDS_IT


class MovedSeat(models.Model):
    """One person whom a take-over moved, with the seat that they were given for it; none: they had one before."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    take_over = TenantForeignKey(TakeOver, on_delete=models.PROTECT, related_name="moved")
    member = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    seat = TenantForeignKey(Seat, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["take_over", "member"], name="a_person_is_moved_once"),
        ]

    def __str__(self) -> str:
        return str(self.member)
