from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.models.payment_method import CardSetup
from licensing.models import Subscription
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant

LONGEST_TRANSFER_MESSAGE = 1000


class TransferState(models.TextChoices):
    OPEN = "open", _("Waiting for an answer")
    ACCEPTED = "accepted", _("Accepted")
    DECLINED = "declined", _("Declined")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    LAPSED = "lapsed", _("Lapsed")


class TransferOfferQuerySet(models.QuerySet["TransferOffer"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def open(self) -> Self:
        return self.filter(state=TransferState.OPEN)

    def made_to(self, member: Membership) -> Self:
        return self.filter(tenant_id=member.tenant_id, to=member)

    def visible_to(self, by: Actor) -> Self:
        """Those that somebody made or was made, and those of what they own; all, for whoever may end purchases."""
        mine = by.own("to", "offered_by", "subscription__owner")
        return self.of(by.organisation).filter(Q() if by.may(Right.END_PURCHASES_OF_OTHERS) else mine)

    def overdue(self, at: datetime) -> Self:
        return self.open().filter(lapses_at__lte=at).order_by("lapses_at", "pk")

    def with_people(self) -> Self:
        # The people apart: with them it would be twice as many joins as the planner still weighs against each other.
        people = Membership.objects.select_related("user", "tenant")
        return self.select_related(
            "tenant", "card_setup", "subscription__tenant", "subscription__plan__product"
        ).prefetch_related(*(models.Prefetch(name, people) for name in ("to", "offered_by", "from_member")))

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class TransferOffer(models.Model):
    """That a subscription is offered to another member, who takes it over with a card of their own or does not."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="transfer_offers")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, related_name="transfer_offers")
    # Whose it is, and who offers it: an admin does, when the owner has left.
    from_member = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    offered_by = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    to = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="transfer_offers")
    message = models.TextField(_("message"), blank=True, max_length=LONGEST_TRANSFER_MESSAGE)
    state = models.CharField(_("state"), max_length=10, choices=TransferState, default=TransferState.OPEN)
    # The card that whoever accepts is just having kept; none: no card was named, or it was kept already.
    card_setup = TenantForeignKey(CardSetup, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("offered"))
    lapses_at = models.DateTimeField(_("lapses"))
    settled_at = models.DateTimeField(null=True)

    objects = TransferOfferQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("transfer_offer"),
            models.UniqueConstraint(
                fields=["subscription"], condition=Q(state="open"), name="one_open_transfer_per_subscription"
            ),
            models.CheckConstraint(condition=Q(state__in=TransferState.values), name="transfer_state_is_known"),
            models.CheckConstraint(
                condition=Q(state="open", settled_at=None) | ~Q(state="open") & Q(settled_at__isnull=False),
                name="a_settled_transfer_says_when",
            ),
            models.CheckConstraint(condition=~Q(to=models.F("from_member")), name="transfer_goes_to_somebody_else"),
        ]
        indexes = [
            models.Index(fields=["tenant", "to", "created_at", "id"], name="transfer_page"),
            models.Index(fields=["lapses_at"], name="transfer_due", condition=Q(state="open")),
            models.Index(fields=["card_setup"], name="transfer_by_setup", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"{self.subscription} → {self.to}"

    def waits_at(self, at: datetime) -> bool:
        return self.state == TransferState.OPEN and at < self.lapses_at
