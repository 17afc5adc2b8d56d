"""Jobs that were set aside, for the operator, who has them tried again or forgotten; and how all others stand."""

import json
from datetime import datetime, timedelta
from typing import Any

import redis
from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.access import Actor
from tenants.dates import listed_minute
from tenants.delivery import heartbeats, jobs, overview
from tenants.delivery.models import Job
from tenants.delivery.queues import Queue, names_in, queue_of
from tenants.delivery.sweeps import Backlog
from tenants.procurement import badge
from tenants.procurement_filters import Filter
from tenants.procurement_form import FormAdmin

RETRY, FORGET = "retry", "forget"


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(
        label=gettext_lazy("What becomes of it"),
        choices=[
            (RETRY, gettext_lazy("Try again: three more attempts, the first at once")),
            (FORGET, gettext_lazy("Forget: it is never done")),
        ],
        widget=forms.RadioSelect,
        initial=RETRY,
    )


class QueueFilter(Filter):
    title, parameter_name = gettext_lazy("queue"), "queue"
    choices_of = Queue

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(name__in=names_in(Queue(value)))


@admin.register(Job)
class JobAdmin(FormAdmin):
    """The list is of those that were set aside; above it stands how the queues and sweeps do."""

    list_title = gettext_lazy("Jobs")
    list_before_template = "admin/_jobs.html"
    list_display = ["name", "in_queue", "said_arguments", "last_error", "attempts", "waits_since", "aside_since"]
    list_filter = [QueueFilter]
    ordering = ["-set_aside_at", "-pk"]
    sortable_by = ["aside_since"]
    search_fields = ["name", "last_error"]
    search_help_text = gettext_lazy("Name or error")
    empty_title = gettext_lazy("No job was set aside")
    empty_text = gettext_lazy("A job that failed three times stands here, until you have it tried again.")
    detail_fields = ["name", "in_queue", "said_arguments", "last_error", "attempts", "waits_since", "aside_since"]
    form_title = gettext_lazy("Decide about it")
    save_label = gettext_lazy("Do so")

    def rows(self) -> QuerySet[Job]:
        return Job.objects.set_aside()

    @admin.display(description=gettext_lazy("queue"))
    def in_queue(self, job: Job) -> str:
        return _queue_name(queue_of(job.name))

    @admin.display(description=gettext_lazy("arguments"))
    def said_arguments(self, job: Job) -> str:
        return ", ".join(f"{name}: {_plain(value)}" for name, value in sorted(job.arguments.items()))

    @admin.display(description=gettext_lazy("waits since"))
    def waits_since(self, job: Job) -> str:
        return listed_minute(job.created_at)

    @admin.display(description=gettext_lazy("set aside"), ordering="set_aside_at")
    def aside_since(self, job: Job) -> str:
        return listed_minute(job.set_aside_at)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if self.has_view_permission(request):
            extra_context = {**(extra_context or {}), "overview": _overview(timezone.now())}
        return super().changelist_view(request, extra_context)

    def may_change(self, actor: Actor) -> bool:
        return actor.is_operator

    def form_for(self, row: Any, data: Any = None) -> DecisionForm:
        return DecisionForm(data)

    def keep(self, row: Job, form: forms.Form, *, by: Actor, at: datetime) -> Job:
        decide = jobs.forget if form.cleaned_data["decision"] == FORGET else jobs.retry
        decide(job=row, by=by, at=at)
        return row

    def said(self, row: Job) -> str:
        return _("It is done so. What happened stands in the journal.")

    def next_page(self, row: Job) -> str:
        return reverse("admin:tenants_job_changelist")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _queue_name(queue: Queue | None) -> str:
    return str(queue.label) if queue else _("Unknown to this release")


def _overview(at: datetime) -> dict[str, Any]:
    try:
        ages: dict[str, float | None] | None = heartbeats.ages()
    except redis.RedisError:
        ages = None
    return {
        "broker_answers": ages is not None,
        "queues": [
            {
                "name": _queue_name(state.queue),
                "worker": _worker(ages[state.queue]) if ages is not None and state.queue else "",
                **_counts(state.backlog, at),
            }
            for state in overview.queues(at)
        ],
        "sweeps": [
            {
                "name": state.sweep.name,
                "queue": _queue_name(state.sweep.queue),
                "ran": _latest(state, at),
                "error": state.run.last_error if state.run and state.run.has_failed else "",
                **_counts(state.backlog, at),
            }
            for state in overview.sweeps(at)
        ],
    }


def _counts(backlog: Backlog | None, at: datetime) -> dict[str, Any]:
    if backlog is None:
        return {}
    return {
        "due": backlog.due,
        "running": backlog.running,
        "failed": backlog.failed,
        "oldest": timesince(backlog.oldest, at, depth=1) if backlog.oldest else "–",
    }


def _worker(age: float | None) -> str:
    if age is None or age > heartbeats.STALE:
        return badge(_("No sign of one"), "red")
    return badge(_("Works"), "green")


def _latest(state: overview.SweepState, at: datetime) -> str:
    if state.run is None:
        return badge(_("Not yet"))
    ago = _ago(state.run.started_at, at)
    return badge(_("Failed, %(ago)s") % {"ago": ago}, "red") if state.run.has_failed else capfirst(ago)


def _ago(moment: datetime, at: datetime) -> str:
    if at - moment < timedelta(minutes=1):
        return _("just now")
    return _("%(time)s ago") % {"time": timesince(moment, at, depth=1)}
