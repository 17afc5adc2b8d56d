"""One deed with many rows, as somebody asked for it: how far it has come, and what became of each row."""

from datetime import datetime
from typing import Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from tenants.access import Actor, Right
from tenants.directory.models import Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant
from tenants.runs.deeds import done_elsewhere, title_of


class RunQuerySet(models.QuerySet["Run"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def visible_to(self, actor: Actor) -> Self:
        """
        Their own, with what they do across organisations, wherever they act; all of the organisation for those who
        read its journal; all that there are for an operator.
        """
        if actor.is_operator:
            return self
        if actor.tenant is None:
            return self.none()
        there, mine = Q(tenant=actor.tenant), Q(started_by=actor.user)
        reads = there if actor.may(Right.READ_JOURNAL) else there & mine
        return self.filter(reads | (mine & Q(deed__in=done_elsewhere())))

    def across(self, actor: Actor) -> Self:
        """What a person does across organisations: theirs alone, wherever they act."""
        return self.filter(started_by=actor.user, deed__in=done_elsewhere())

    def under_way(self) -> Self:
        return self.filter(finished_at=None)

    def free(self, now: datetime) -> Self:
        """Under way, and in no process' hands at this moment."""
        return self.under_way().filter(Q(leased_until=None) | Q(leased_until__lte=now)).order_by("created_at", "pk")

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Run(models.Model):
    """
    A deed (see `tenants.runs.deeds`) with many subjects, each done in a transaction of its own. Whoever works on it may
    die at any moment: the rows say what is left.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # None: of an operator or a command, across organisations.
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, related_name="runs")
    deed = models.CharField(_("what is done"), max_length=100)
    # Ids, codes and plain values, and the reason: what the deed is told besides its subject.
    given = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    # None: the system itself. What the person may do is looked up again for each row.
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    size = models.PositiveIntegerField(_("rows"))
    created_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    stopped_at = models.DateTimeField(_("stopped"), null=True)
    # By the world's clock. It only spares two processes the same search: the lock of each row decides.
    leased_until = models.DateTimeField(null=True)

    # What the page of a list puts beside it, see `tenants.admin.runs`.
    starter: str = ""

    objects = RunQuerySet.as_manager()

    class Meta:
        verbose_name = _("bulk action")
        verbose_name_plural = _("bulk actions")
        constraints = [
            unique_within_tenant("run"),
            models.CheckConstraint(condition=Q(size__gt=0), name="run_has_rows"),
            models.CheckConstraint(
                condition=Q(stopped_at=None) | Q(finished_at__isnull=False), name="run_stopped_is_finished"
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="run_under_way", condition=Q(finished_at=None)),
            models.Index(fields=["tenant", "created_at", "id"], name="run_page"),
        ]

    def __str__(self) -> str:
        return str(title_of(self.deed))

    def counts(self) -> dict[str, int]:
        """How many rows are in each state, in one query."""
        found = self.rows.order_by().values_list("state").annotate(count=Count("pk"))
        return dict.fromkeys(RowState.values, 0) | dict(found)


class RowState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DONE = "done", _("Done")
    REFUSED = "refused", _("Refused")
    # A defect, three times: an operator sees it.
    SET_ASIDE = "set_aside", _("Failed")
    # Somebody stopped the run before its turn.
    LEFT = "left", _("Not done")


class RunRowQuerySet(models.QuerySet["RunRow"]):
    def waiting(self) -> Self:
        return self.filter(state=RowState.WAITING)

    def in_turn(self) -> Self:
        """What was tried already comes after all others."""
        return self.waiting().order_by("tries", "position")

    def taken(self) -> Self:
        """Locked, without those that another process works on at this moment."""
        return self.select_for_update(of=("self",), skip_locked=True, no_key=True)


class RunRow(models.Model):
    """One subject of a run, and what became of it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, related_name="+")
    run = TenantForeignKey(Run, on_delete=models.CASCADE, related_name="rows")
    position = models.PositiveIntegerField()
    # The id of what it is done to.
    subject = models.CharField(max_length=64)
    state = models.CharField(_("outcome"), max_length=12, choices=RowState, default=RowState.WAITING)
    # Of a refusal.
    code = models.CharField(max_length=100, blank=True, default="")
    # A sentence: what came of it, or why it was refused.
    detail = models.CharField(_("what happened"), max_length=500, blank=True, default="")
    # Counted before each, so that one which kills its process is set aside as well.
    tries = models.PositiveSmallIntegerField(default=0)
    # Of the latest try that failed, for operators.
    last_error = models.CharField(max_length=300, blank=True, default="")
    done_at = models.DateTimeField(null=True)

    objects = RunRowQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="run_row_once_at_a_position"),
            models.UniqueConstraint(fields=["run", "subject"], name="run_row_once_for_a_subject"),
            models.CheckConstraint(condition=Q(state__in=RowState.values), name="run_row_state_is_known"),
            models.CheckConstraint(
                condition=Q(state=RowState.WAITING, done_at=None)
                | (~Q(state=RowState.WAITING) & Q(done_at__isnull=False)),
                name="run_row_ended_once_it_waits_no_more",
            ),
        ]
        indexes = [
            models.Index(
                fields=["run", "tries", "position"], name="run_row_in_turn", condition=Q(state=RowState.WAITING)
            )
        ]

    def __str__(self) -> str:
        return self.subject
