from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from licensing.models.catalogue import Plan
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class Channel(models.TextChoices):
    SELF_SERVICE = "self_service", _("Self-service")
    CENTRAL = "central", _("Central")
    PARTNER = "partner", _("Partner")


class SubscriptionState(models.TextChoices):
    TRIAL = "trial", _("Trial")
    ACTIVE = "active", _("Active")
    EXPIRED = "expired", _("In grace")
    DISABLED = "disabled", _("Disabled")
    DELETED = "deleted", _("Deleted")


# In these states people use the product.
GIVES_ACCESS = (SubscriptionState.TRIAL, SubscriptionState.ACTIVE, SubscriptionState.EXPIRED)


class EndCause(models.TextChoices):
    TERM_ENDED = "term_ended", _("The term ended")
    CANCELED = "canceled", _("Canceled with a refund")
    CHARGEBACK = "chargeback", _("The charge was contested")
    TRIAL_ENDED = "trial_ended", _("The trial ended")


_IS_TRIAL = Q(state=SubscriptionState.TRIAL) | Q(end_cause=EndCause.TRIAL_ENDED)


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def visible_to(self, by: Actor) -> Self:
        """What a person may see in the acting tenant: all, or the central ones, by right; else their own."""
        seen = self.of(by.home.tenant)
        if by.may(Right.SEE_PURCHASES):
            return seen
        central = Q(channel=Channel.CENTRAL) | Q(owner=None) if by.may(Right.SEE_CENTRAL_PURCHASES) else Q(pk=None)
        return seen.filter(Q(purchaser=by.home) | Q(owner=by.home) | central)

    def managed_by(self, member: Membership) -> Self:
        return self.filter(tenant_id=member.tenant_id, owner=member)

    def of_the_tenant_itself(self) -> Self:
        """Those that no member owns: bought centrally, or taken over."""
        return self.filter(owner=None)

    def with_access(self) -> Self:
        """Those whose people may use the product."""
        return self.filter(state__in=GIVES_ACCESS)

    def trials(self) -> Self:
        """Also those that have ended."""
        return self.filter(_IS_TRIAL)

    def bought(self) -> Self:
        """All but the trials."""
        return self.exclude(_IS_TRIAL)

    def due(self, at: datetime) -> Self:
        """Those whose state has run its time, and that nothing holds in it."""
        return self.filter(state_ends_at__lte=at, held_at=None)

    def matching(self, text: str) -> Self:
        return self.filter(
            Q(plan__product__name__icontains=text)
            | Q(purchaser__user__email__icontains=text)
            | Q(purchaser__name__icontains=text)
        )

    def locked(self) -> Self:
        # The lock of the aggregate: seats, quantity and state of one subscription change one after another.
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)

    def with_people(self) -> Self:
        return self.select_related("tenant", "plan__product__family", "purchaser__user", "owner__user", "payer__user")


class Subscription(models.Model):
    """A quantity of seats of one plan for a term. It knows no money: an order grants it and `order_ref` names it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="subscriptions")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions", verbose_name=_("plan"))
    channel = models.CharField(_("channel"), max_length=20, choices=Channel)
    state = models.CharField(_("state"), max_length=10, choices=SubscriptionState, default=SubscriptionState.ACTIVE)
    # Who bought, for ever.
    purchaser = TenantForeignKey(
        Membership, on_delete=models.PROTECT, related_name="purchases", verbose_name=_("purchaser")
    )
    # Who manages it now; none: the tenant itself.
    owner = TenantForeignKey(Membership, on_delete=models.PROTECT, null=True, related_name="owned_subscriptions")
    # Whose card the next charge goes to; none: the tenant itself.
    payer = TenantForeignKey(Membership, on_delete=models.PROTECT, null=True, related_name="paid_subscriptions")
    quantity = models.PositiveIntegerField(_("quantity"))
    seats_assigned = models.PositiveIntegerField(_("seats assigned"), default=0)
    term_start = models.DateTimeField(_("term start"))
    term_end = models.DateTimeField(_("expires"))
    # Fixed when bought: every later boundary is computed from the anchor in this zone.
    anchor_at = models.DateTimeField(editable=False)
    time_zone = models.CharField(max_length=63, editable=False)
    auto_renew = models.BooleanField(_("automatic renewal"), default=True)
    # Since when an admin lets it end at its renewal: nobody whose purchase it is turns that on again.
    renewal_stopped_at = models.DateTimeField(null=True)
    # When the present state runs out; none: it is final.
    state_ends_at = models.DateTimeField(null=True)
    end_cause = models.CharField(max_length=20, choices=EndCause, blank=True)
    # Since when it is kept from being deleted: something is undecided that may yet bring it back.
    held_at = models.DateTimeField(null=True)
    order_ref = models.CharField(max_length=64)
    created_at = models.DateTimeField(_("bought"))

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("subscription"),
            models.UniqueConstraint(fields=["tenant", "order_ref"], name="one_subscription_per_order"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="subscription_has_seats"),
            # The second wall behind the row lock: code that forgets the lock fails instead of overselling.
            models.CheckConstraint(condition=Q(seats_assigned__lte=F("quantity")), name="seats_within_quantity"),
            models.CheckConstraint(condition=Q(seats_assigned__gte=0), name="seats_assigned_not_negative"),
            models.CheckConstraint(condition=Q(term_end__gt=F("term_start")), name="term_ends_after_it_starts"),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="subscription_channel_is_known"),
            models.CheckConstraint(condition=Q(state__in=SubscriptionState.values), name="subscription_state_is_known"),
            models.CheckConstraint(
                condition=Q(end_cause__in=["", *EndCause.values]), name="subscription_end_cause_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state="deleted", state_ends_at=None, seats_assigned=0)
                | ~Q(state="deleted") & Q(state_ends_at__isnull=False),
                name="only_a_deleted_subscription_is_final",
            ),
            models.CheckConstraint(
                condition=Q(held_at=None) | Q(state="disabled"), name="only_a_disabled_subscription_is_held"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "created_at", "id"], name="subscription_page"),
            models.Index(fields=["tenant", "term_end", "id"], name="subscription_by_end"),
            models.Index(fields=["tenant", "owner", "created_at"], name="subscription_of_owner"),
            models.Index(fields=["state_ends_at"], name="subscription_due", condition=Q(state_ends_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.plan} × {self.quantity}"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def gives_access(self) -> bool:
        return self.state in GIVES_ACCESS

    def runs_at(self, at: datetime) -> bool:
        """Whether a term that is paid goes on at a moment; in grace it does not, and a trial is not paid."""
        return self.state == SubscriptionState.ACTIVE and self.term_end > at

    @property
    def is_trial(self) -> bool:
        """Also one that has ended. Nothing was charged for it, and nothing ever will be."""
        return self.state == SubscriptionState.TRIAL or self.end_cause == EndCause.TRIAL_ENDED

    @property
    def seats_free(self) -> int:
        return self.quantity - self.seats_assigned


class LifecycleDays(models.Model):
    """How many days a subscription stays expired and disabled, by the cause of its end and its channel."""

    cause = models.CharField(_("cause"), max_length=20, choices=EndCause)
    # Empty: every channel that has no row of its own.
    channel = models.CharField(_("channel"), max_length=20, choices=Channel, blank=True)
    expired_days = models.PositiveSmallIntegerField(_("days expired"))
    disabled_days = models.PositiveSmallIntegerField(_("days disabled"))

    class Meta:
        verbose_name_plural = _("lifecycle days")
        constraints = [
            models.UniqueConstraint(fields=["cause", "channel"], name="lifecycle_days_once"),
            models.CheckConstraint(condition=Q(cause__in=EndCause.values), name="lifecycle_cause_is_known"),
            models.CheckConstraint(condition=Q(channel__in=["", *Channel.values]), name="lifecycle_channel_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_cause_display()}: {self.expired_days} + {self.disabled_days}"
