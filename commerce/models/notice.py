from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tenants.directory.models import Tenant, User
from tenants.ids import new_id
from tenants.journal.models import Event
from tenants.keys import TenantForeignKey, unique_within_tenant


class NoticeTopic(models.TextChoices):
    """What admins may be told of, in the order in which they choose."""

    PURCHASE = "purchase", _("Purchase")
    TRIAL = "trial", _("Trial")
    FIRST_PURCHASE = "first_purchase", _("First purchase of a product")
    OVER_AMOUNT = "over_amount", _("Over an amount")
    RENEWAL = "renewal", _("Coming renewal")
    FAILED_CHARGE = "failed_charge", _("Failed charge")
    REQUEST = "request", _("Request")
    POLICY_CHANGE = "policy_change", _("Policy change")


class NoticePace(models.TextChoices):
    """How soon an e-mail tells of it."""

    OFF = "off", _("No e-mail")
    AT_ONCE = "at_once", _("At once")
    DAILY = "daily", _("Every day at 09:00")
    WEEKLY = "weekly", _("Every Monday at 09:00")


class NoticeWish(models.Model):
    """How one person wishes to be told of one topic where they act. Without a row their roles decide."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    # Crosses tenants by design: whoever acts for an organisation may be no member of it.
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    topic = models.CharField(max_length=20, choices=NoticeTopic)
    mail = models.CharField(max_length=10, choices=NoticePace)
    in_app = models.BooleanField()
    # Above what, tax included: of the topic that needs it.
    amount = models.DecimalField(max_digits=17, decimal_places=3, null=True)
    currency = models.CharField(max_length=3, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user", "topic"], name="one_notice_wish_per_topic"),
            models.CheckConstraint(condition=Q(topic__in=NoticeTopic.values), name="notice_wish_topic_is_known"),
            models.CheckConstraint(condition=Q(mail__in=NoticePace.values), name="notice_wish_pace_is_known"),
            models.CheckConstraint(
                condition=Q(topic="over_amount", amount__gt=0) & ~Q(currency="")
                | Q(topic="over_amount", mail="off", in_app=False)
                | ~Q(topic="over_amount"),
                name="a_wish_over_an_amount_says_which",
            ),
        ]


class NoticesWritten(models.Model):
    """How far the notices of a tenant's journal have been written: all up to this position, each once."""

    tenant = models.OneToOneField(Tenant, on_delete=models.PROTECT, primary_key=True, related_name="+")
    position = models.BigIntegerField(default=0)


class NoticeLetter(models.Model):
    """One e-mail to one person, of the notices that belong to it. What it says is decided when it is sent."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    is_digest = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [unique_within_tenant("notice_letter")]


class NoticeQuerySet(models.QuerySet["Notice"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def unread(self) -> Self:
        return self.filter(read_at=None)

    def undelivered(self) -> Self:
        """Those that wait for a digest."""
        return self.filter(letter=None, due_at__isnull=False)

    def newest_first(self) -> Self:
        return self.order_by("-at", "-pk")


class Notice(models.Model):
    """That one person is told of one event. What it says is made of the journal when it is read."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    # Crosses tenants by design, as a wish does.
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    event = TenantForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("when"))
    # Of those that the event belongs to, the ones that the person wishes to be told of.
    topics = ArrayField(models.CharField(max_length=20, choices=NoticeTopic), verbose_name=_("kind"))
    # What a reader must be allowed, each time that it is read or sent.
    right = models.CharField(max_length=40)
    in_app = models.BooleanField()
    read_at = models.DateTimeField(_("read"), null=True)
    # When the digest goes that tells of it; none: at once, or by no e-mail.
    due_at = models.DateTimeField(null=True)
    letter = TenantForeignKey(NoticeLetter, on_delete=models.PROTECT, null=True, related_name="notices")

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [
            unique_within_tenant("notice"),
            models.UniqueConstraint(fields=["tenant", "user", "event"], name="one_notice_per_person_and_event"),
            models.CheckConstraint(condition=~Q(topics=[]), name="notice_has_a_topic"),
        ]
        indexes = [
            models.Index(
                F("tenant"), F("user"), F("at").desc(), F("id").desc(), condition=Q(in_app=True), name="notice_page"
            ),
            models.Index(
                fields=["tenant", "due_at"], condition=Q(due_at__isnull=False, letter=None), name="notice_in_digest"
            ),
            models.Index(fields=["at"], name="notice_age"),
        ]
