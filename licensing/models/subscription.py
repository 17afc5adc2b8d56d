from collections.abc import Collection
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Least
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
    TAKEN_OVER = "taken_over", _("The organisation took it over")


# What somebody sees who sees the central ones alone: those, and what the organisation took over.
_IS_CENTRAL = Q(channel=Channel.CENTRAL) | Q(owner=None)
_IS_TRIAL = Q(state=SubscriptionState.TRIAL) | Q(end_cause=EndCause.TRIAL_ENDED)


def seats_free() -> Any:
    """As `Subscription.seats_free`, in the database, where LEAST passes over what is not set."""
    return Least("quantity", "renewed_quantity") - F("seats_assigned")


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def visible_to(self, by: Actor) -> Self:
        """What a person may see in the acting tenant: all, or the central ones, by right; else their own."""
        seen = self.of(by.organisation)
        if by.may(Right.SEE_PURCHASES):
            return seen
        central = _IS_CENTRAL if by.may(Right.SEE_CENTRAL_PURCHASES) else Q(pk=None)
        return seen.filter(by.own("purchaser", "owner") | central)

    def visible_to_any(self, actors: Collection[Actor]) -> Self:
        """As `visible_to`, of several tenants at once: for a partner's person, as they act in each of them."""
        whole = [by.organisation.pk for by in actors if by.may(Right.SEE_PURCHASES)]
        some = [by.organisation.pk for by in actors if by.may(Right.SEE_CENTRAL_PURCHASES)]
        return self.filter(Q(tenant__in=whole) | Q(tenant__in=some) & _IS_CENTRAL)

    def managed_by(self, member: Membership) -> Self:
        return self.filter(tenant_id=member.tenant_id, owner=member)

    def of_the_tenant_itself(self) -> Self:
        """Those that no member owns: bought centrally, or taken over."""
        return self.filter(owner=None)

    def with_access(self) -> Self:
        """Those whose people may use the product."""
        return self.filter(state__in=GIVES_ACCESS)

    def central_with_access(self) -> Self:
        """Where a free seat is one that the tenant can give: its own, while people may use them."""
        return self.of_the_tenant_itself().with_access()

    def with_room(self) -> Self:
        """Those of which a seat is free. The first condition is that of an index."""
        return self.filter(seats_assigned__lt=F("quantity")).alias(room=seats_free()).filter(room__gt=0)

    def trials(self) -> Self:
        """Also those that have ended."""
        return self.filter(_IS_TRIAL)

    def bought(self) -> Self:
        """All but the trials."""
        return self.exclude(_IS_TRIAL)

    def taken_over(self) -> Self:
        """Those whose people were moved elsewhere, or lost access, until that is settled or undone."""
        return self.filter(state=SubscriptionState.DISABLED, end_cause=EndCause.TAKEN_OVER)

    def due(self, at: datetime) -> Self:
        """Those whose state has run its time, and that nothing holds in it."""
        return self.filter(state_ends_at__lte=at, held_at=None)

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
    # Begun as a trial with a card: it becomes a purchase when the trial ends, unless renewal is off by then.
    converts = models.BooleanField(default=False, editable=False)
    # Since when an admin lets it end at its renewal: nobody whose purchase it is turns that on again.
    renewal_stopped_at = models.DateTimeField(null=True)
    # Where the next term ends that is paid before it begins, and for how many seats; these alone: while fewer seats are
    # being paid for, nobody gets one of those that go.
    renewed_until = models.DateTimeField(null=True, editable=False)
    renewed_quantity = models.PositiveIntegerField(null=True, editable=False)
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
            models.CheckConstraint(
                condition=Q(renewed_until=None)
                | Q(renewed_until__gt=F("term_end")) & (Q(state="active") | Q(state="trial", converts=True)),
                name="only_a_running_term_is_renewed_ahead",
            ),
            models.CheckConstraint(
                condition=Q(renewed_until=None) | Q(renewed_quantity__isnull=False),
                name="a_term_paid_ahead_has_its_seats",
            ),
            models.CheckConstraint(
                condition=Q(converts=False) | Q(channel="self_service"), name="only_self_service_converts"
            ),
            # As `seats_within_quantity`, for the term that is to follow.
            models.CheckConstraint(
                condition=Q(renewed_quantity=None) | Q(seats_assigned__lte=F("renewed_quantity")),
                name="seats_within_renewed_quantity",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "created_at", "id"], name="subscription_page"),
            models.Index(fields=["tenant", "term_end", "id"], name="subscription_by_end"),
            # The newest of what a filter finds, also where that is rare among very many.
            models.Index(fields=["created_at", "id"], name="subscription_newest"),
            models.Index(fields=["tenant", "state", "created_at", "id"], name="subscription_by_state"),
            models.Index(fields=["tenant", "plan", "created_at", "id"], name="subscription_by_plan"),
            models.Index(fields=["tenant", "channel", "created_at", "id"], name="subscription_by_channel"),
            models.Index(
                fields=["tenant", "created_at", "id"],
                name="subscription_with_unused_seats",
                condition=Q(seats_assigned__lt=F("quantity"), state__in=("trial", "active", "expired")),
            ),
            models.Index(fields=["tenant", "owner", "created_at"], name="subscription_of_owner"),
            # What renews in the next months, read from the index alone.
            models.Index(
                fields=["tenant", "term_end"],
                include=["id", "quantity", "channel"],
                condition=Q(state="active", auto_renew=True),
                name="subscription_renewing",
            ),
            models.Index(
                fields=["term_end"],
                include=["tenant", "id", "quantity", "channel"],
                condition=Q(state="active", auto_renew=True),
                name="subscription_renewing_anywhere",
            ),
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
        """
        Also one that has ended. Nothing was charged for it. Nothing ever will be, but for one that `converts`: when it
        ends it becomes a purchase, which is no trial any more, and one that ended otherwise may be reactivated.
        """
        return self.state == SubscriptionState.TRIAL or self.end_cause == EndCause.TRIAL_ENDED

    @property
    def paid_until(self) -> datetime:
        """The end of the last term that is paid or billed."""
        return self.renewed_until or self.term_end

    @property
    def is_taken_over(self) -> bool:
        """Its people were moved elsewhere, or lost access; until that is settled it may come back."""
        return self.state == SubscriptionState.DISABLED and self.end_cause == EndCause.TAKEN_OVER

    @property
    def never_charged(self) -> bool:
        """A trial that no card stands behind: nothing of it is ever paid, renewed or reactivated."""
        return self.is_trial and not self.converts

    @property
    def seats_free(self) -> int:
        """Those that nobody has, as far as they are there to stay: who gets one keeps it when the next term begins."""
        stay = self.quantity if self.renewed_quantity is None else min(self.quantity, self.renewed_quantity)
        return stay - self.seats_assigned
