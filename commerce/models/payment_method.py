from calendar import monthrange
from datetime import date, datetime
from typing import Self

from django.db import models
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Value, When
from django.utils.translation import gettext_lazy as _

from commerce.models.agreement import Agreement
from licensing.models import Channel, Subscription, SubscriptionState
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class PaymentMethodQuerySet(models.QuerySet["PaymentMethod"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def usable_by(self, by: Actor) -> Self:
        """One's own cards, and the organisation's for whoever buys for it; never for a partner's people."""
        central = Q(member=None) if by.may(Right.BUY_CENTRALLY) and not by.is_delegate else Q(pk=None)
        return self.of(by.organisation).filter(by.own("member") | central).kept()

    def kept(self) -> Self:
        return self.filter(removed_at=None)

    def held_as(self, card: "PaymentMethod") -> Self:
        """The cards of a card's holder, itself among them."""
        return self.filter(tenant_id=card.tenant_id, member_id=card.member_id).kept()

    def good_on(self, day: date) -> Self:
        return self.filter(Q(exp_year__gt=day.year) | Q(exp_year=day.year, exp_month__gte=day.month))

    def default_first(self) -> Self:
        return self.order_by("-is_default", "-created_at", "-pk")

    def expiring_by(self, day: date) -> Self:
        """Those in use whose month ends by then, and whose holder was not told."""
        months = Q(exp_year__lt=day.year) | Q(exp_year=day.year, exp_month__lte=day.month)
        in_use = Exists(PaymentSource.objects.open().filter(payment_method=OuterRef("pk")))
        return self.kept().filter(months, in_use, expiry_told_at=None)

    def with_use(self) -> Self:
        """`pays_for_count`: how many subscriptions a card pays for, those that are closed for good aside."""
        closed = Q(pays_for__subscription__state=SubscriptionState.DELETED)
        return self.annotate(pays_for_count=Count("pays_for", filter=~closed))

    def to_forget(self, gateway: str) -> Self:
        """Those that the provider still keeps for nobody."""
        return self.filter(gateway=gateway, removed_at__isnull=False, forgotten_at=None)

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class PaymentMethod(models.Model):
    """A card that the provider keeps for a member, or for the tenant itself. Only what may be printed is known here."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="payment_methods")
    # None: the organisation's own card, for central purchases.
    member = TenantForeignKey(Membership, on_delete=models.PROTECT, null=True, related_name="payment_methods")
    gateway = models.CharField(max_length=20)
    # By which the provider charges it; the fingerprint is the same for the same card, however often it is added.
    reference = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=255)
    brand = models.CharField(_("brand"), max_length=40)
    last4 = models.CharField(_("last digits"), max_length=4)
    exp_month = models.PositiveSmallIntegerField(_("expires in month"))
    exp_year = models.PositiveSmallIntegerField(_("expires in year"))
    funding = models.CharField(max_length=10)
    country = models.CharField(max_length=2, blank=True)
    is_default = models.BooleanField(_("default"), default=False)
    created_at = models.DateTimeField(_("added"))
    removed_at = models.DateTimeField(null=True)
    # When the provider was told that it need not keep it any longer.
    forgotten_at = models.DateTimeField(null=True)
    # When its holder was told that it expires: once for each card.
    expiry_told_at = models.DateTimeField(null=True)

    # Only of rows that came by `with_use`.
    pays_for_count: int

    objects = PaymentMethodQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("payment_method"),
            # With NULLs as equal, so that the organisation's own cards count as one holder's.
            models.UniqueConstraint(
                fields=["tenant", "member", "gateway", "fingerprint"],
                condition=Q(removed_at=None),
                name="a_card_is_kept_once",
                nulls_distinct=False,
            ),
            models.UniqueConstraint(
                fields=["tenant", "member"],
                condition=Q(is_default=True, removed_at=None),
                name="one_default_card",
                nulls_distinct=False,
            ),
            models.CheckConstraint(condition=Q(exp_month__range=(1, 12)), name="card_expires_in_a_month"),
            models.CheckConstraint(
                condition=Q(forgotten_at=None) | Q(removed_at__isnull=False), name="only_a_removed_card_is_forgotten"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "member", "created_at", "id"], name="payment_method_page"),
            models.Index(
                fields=["exp_year", "exp_month"],
                name="card_expiry_to_tell",
                condition=Q(removed_at=None, expiry_told_at=None),
            ),
            models.Index(fields=["reference"], name="card_by_reference"),
            models.Index(
                fields=["removed_at"],
                name="card_to_forget",
                condition=Q(removed_at__isnull=False, forgotten_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand} •••• {self.last4}"

    @property
    def last_day(self) -> date:
        """A card is good to the end of its month."""
        return date(self.exp_year, self.exp_month, monthrange(self.exp_year, self.exp_month)[1])

    def has_expired(self, on: date) -> bool:
        return self.last_day < on


class CardSetupState(models.TextChoices):
    STARTED = "started", _("In progress")
    REQUIRES_ACTION = "requires_action", _("Waiting for the bank")
    SUCCEEDED = "succeeded", _("Kept")
    FAILED = "failed", _("Declined")
    CANCELED = "canceled", _("Canceled")


class CardSetupQuerySet(models.QuerySet["CardSetup"]):
    def by_member(self, member: Membership) -> Self:
        return self.filter(tenant_id=member.tenant_id, member=member)

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)

    def live(self) -> Self:
        return self.filter(state__in=(CardSetupState.STARTED, CardSetupState.REQUIRES_ACTION))

    def unanswered(self, since: datetime) -> Self:
        """Those whose answer was still not known here at a moment; `started` before `requires_action`."""
        return self.live().filter(started_at__lt=since).order_by("-state", F("asked_at").asc(nulls_first=True))

    def tried_since(self, moment: datetime) -> Self:
        return self.filter(state__in=(CardSetupState.FAILED, CardSetupState.STARTED), started_at__gte=moment)


class CardSetup(models.Model):
    """One try to keep a card without charging it. Its id is the key by which the provider knows it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    # Who tries, and whether the card is to be their own or the organisation's.
    member = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="card_setups")
    for_tenant = models.BooleanField(default=False)
    state = models.CharField(max_length=20, choices=CardSetupState, default=CardSetupState.STARTED)
    gateway = models.CharField(max_length=20)
    action_url = models.CharField(max_length=500, blank=True)
    decline_code = models.CharField(max_length=60, blank=True)
    payment_method = TenantForeignKey(PaymentMethod, on_delete=models.PROTECT, null=True, related_name="setups")
    started_at = models.DateTimeField()
    # When a sweep last asked the provider: one that cannot be settled does not hold up the others.
    asked_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    objects = CardSetupQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("card_setup"),
            models.CheckConstraint(condition=Q(state__in=CardSetupState.values), name="card_setup_state_is_known"),
            models.CheckConstraint(
                condition=Q(state="succeeded", payment_method__isnull=False)
                | ~Q(state="succeeded") & Q(payment_method=None),
                name="a_kept_card_is_there",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "member", "started_at"], name="card_setup_of_member"),
            models.Index(
                fields=["started_at"],
                name="card_setup_unsettled",
                condition=Q(state__in=("started", "requires_action")),
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def found_kept(self) -> bool:
        """The card was kept before somebody tried to add it."""
        return self.payment_method is not None and self.payment_method.created_at < self.started_at


class PaymentSourceQuerySet(models.QuerySet["PaymentSource"]):
    def open(self) -> Self:
        """Those of subscriptions that are not closed for good."""
        return self.exclude(subscription__state=SubscriptionState.DELETED)

    def adopted(self, subscription: str) -> Self:
        """Below a query with a subscription of that name: what pays for it, if the organisation adopted it."""
        return self.filter(subscription=OuterRef(subscription), adopted_at__isnull=False)

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


def price_channel(adopted: PaymentSourceQuerySet, bought_by: str) -> Case:
    """By whose price list it is paid: the central one, where the organisation adopted it, else that of its channel."""
    return Case(When(Exists(adopted), then=Value(Channel.CENTRAL.value)), default=F(bought_by))


class PaymentSource(models.Model):
    """
    What the next charge of a subscription goes to: a card, or the invoice of an agreement; neither, when its card is
    gone. An agreement gives the price, whichever pays.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, related_name="payment_sources")
    payment_method = TenantForeignKey(PaymentMethod, on_delete=models.PROTECT, null=True, related_name="pays_for")
    agreement = TenantForeignKey(Agreement, on_delete=models.PROTECT, null=True, related_name="pays_for")
    by_invoice = models.BooleanField(default=False)
    # Since when the organisation pays for what one of its people bought: at the central price from the next term on.
    adopted_at = models.DateTimeField(null=True)

    objects = PaymentSourceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription"], name="one_source_per_subscription"),
            models.CheckConstraint(
                condition=Q(by_invoice=False) | Q(payment_method=None, agreement__isnull=False),
                name="a_card_pays_or_an_agreement_by_invoice",
            ),
        ]

    def __str__(self) -> str:
        return str(self.payment_method or self.agreement or "")
