from typing import Self

from django.db import models
from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Product
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant

LONGEST_TEXT = 1000


class RequestState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DECIDED = "decided", _("Decided")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    EXPIRED = "expired", _("Nobody decided")


class PersonState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    GRANTED = "granted", _("Granted")
    DECLINED = "declined", _("Declined")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    EXPIRED = "expired", _("Nobody decided")


class How(models.TextChoices):
    FREE_SEAT = "free_seat", _("A free seat")
    BOUGHT = "bought", _("A seat that was bought for it")
    EXCEPTION = "exception", _("May buy it themselves")


class LicenseRequestQuerySet(models.QuerySet["LicenseRequest"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def by_requester(self, member: Membership) -> Self:
        return self.filter(tenant=member.tenant_id, requester=member)

    def visible_to(self, by: Actor) -> Self:
        """All of the tenant's for whoever decides them, else one's own."""
        seen = self.of(by.organisation)
        return seen if by.may(Right.DECIDE_REQUESTS) else seen.filter(by.own("requester"))

    def waiting(self) -> Self:
        return self.filter(state=RequestState.WAITING)

    def ended(self) -> Self:
        return self.exclude(state=RequestState.WAITING)

    def waiting_first(self) -> Self:
        """`waits`: whether anybody still waits for a decision, to order by."""
        return self.annotate(waits=Q(state=RequestState.WAITING))

    def with_people(self) -> Self:
        people = LicenseRequestPerson.objects.select_related("member__user", "decided_by").order_by("pk")
        return self.select_related("tenant", "requester__user", "product__family").prefetch_related(
            models.Prefetch("people", people)
        )

    def counted(self) -> Self:
        """`asked_for`: how many people it is for; `open`: how many of them still wait."""
        return self.annotate(
            asked_for=Count("people"), open=Count("people", filter=Q(people__state=PersonState.WAITING))
        )

    def locked(self) -> Self:
        # The lock of the aggregate: the people of a request are decided one decision after another.
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class LicenseRequest(models.Model):
    """Somebody's wish that people of the tenant, they themselves or others, get a product they may not buy."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="license_requests")
    requester = TenantForeignKey(
        Membership, on_delete=models.PROTECT, related_name="license_requests", verbose_name=_("asked by")
    )
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", verbose_name=_("product"))
    reason = models.TextField(_("reason"), max_length=LONGEST_TEXT)
    state = models.CharField(_("state"), max_length=10, choices=RequestState, default=RequestState.WAITING)
    # What the last decision said, by whom and when; of one that was withdrawn or ran out, only when.
    message = models.TextField(_("message"), blank=True, max_length=LONGEST_TEXT)
    decided_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    # How many of the reminders have been sent.
    reminded = models.PositiveSmallIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("asked"))

    # Put there by `counted`.
    asked_for: int
    open: int

    objects = LicenseRequestQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("licence requests")
        constraints = [
            unique_within_tenant("license_request"),
            models.CheckConstraint(condition=Q(state__in=RequestState.values), name="license_request_state_is_known"),
            models.CheckConstraint(
                condition=Q(state="waiting") | Q(decided_at__isnull=False), name="license_request_says_when_it_ended"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "created_at", "id"], name="license_request_page"),
            models.Index(fields=["requester", "created_at", "id"], name="license_request_of_person"),
            models.Index(fields=["created_at"], condition=Q(state="waiting"), name="license_request_waiting"),
            models.Index(fields=["decided_at"], condition=~Q(state="waiting"), name="license_request_ended"),
        ]

    def __str__(self) -> str:
        return str(self.product)

    @property
    def is_waiting(self) -> bool:
        return self.state == RequestState.WAITING


class LicenseRequestPerson(models.Model):
    """One of the people whom a request is for, and what became of it for them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    request = TenantForeignKey(LicenseRequest, on_delete=models.CASCADE, related_name="people")
    member = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+", verbose_name=_("member"))
    # The request's own, so that the database sees whether the same is asked for twice.
    requester = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=PersonState, default=PersonState.WAITING)
    how = models.CharField(_("how"), max_length=10, choices=How, blank=True, default="")
    message = models.TextField(_("message"), blank=True, max_length=LONGEST_TEXT)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("decided"), null=True)
    # Where the seat is; its id.
    subscription = models.CharField(max_length=64, blank=True, default="")
    # Until when they may buy it themselves.
    until = models.DateTimeField(_("until"), null=True)

    class Meta:
        constraints = [
            unique_within_tenant("license_request_person"),
            models.UniqueConstraint(fields=["request", "member"], name="asked_for_once_in_a_request"),
            models.UniqueConstraint(
                fields=["requester", "member", "product"],
                condition=Q(state="waiting"),
                name="asked_for_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=PersonState.values), name="license_request_person_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state="granted", how__in=How.values) | ~Q(state="granted") & Q(how=""),
                name="a_granted_license_says_how",
            ),
            models.CheckConstraint(
                condition=Q(how="exception", until__isnull=False) | ~Q(how="exception") & Q(until=None),
                name="an_exception_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at=None) | ~Q(state="waiting") & Q(decided_at__isnull=False),
                name="a_license_request_person_says_when",
            ),
        ]
        indexes = [models.Index(fields=["member"], name="license_request_person_member")]

    def __str__(self) -> str:
        return str(self.member)

    @property
    def is_waiting(self) -> bool:
        return self.state == PersonState.WAITING
