"""One policy template for many customers of a partner: what it would change in each is shown first."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.operations.procurement import customers
from policies.admin.changing import Changing, of_difference, of_following
from policies.deeds import APPLY_TEMPLATE
from policies.operations import templates
from policies.operations.following import Following
from policies.operations.policy_files import Difference
from tenants.access import Actor, Right, actor_in
from tenants.directory.delegations import Delegation
from tenants.directory.models import Tenant, User
from tenants.ids import new_id
from tenants.procurement import READS
from tenants.procurement_form import ReasonForm, blame
from tenants.refusal import NotAllowed, Refused
from tenants.runs import operations as runs
from tenants.runs.models import Run
from tenants.shown import A_DAY, read_back, sign
from tenants.signin.acting import actor_of_request, customers_of_request

SALT = "seatwise.policy_template"
LONGEST = 100_000
# How many changes of one customer stand on the page; all of them are counted, and none but these are made.
SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """The run that a page's button starts, and what the page has shown."""

    run_id: UUID
    mark: str


class TemplateForm(ReasonForm):
    """What holds, for whom, and why."""

    customers = forms.MultipleChoiceField(
        label=gettext_lazy("Customers"),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Those that let you change their policies."),
        error_messages=dict.fromkeys(("required", "invalid_choice"), gettext_lazy("Choose at least one customer.")),
    )
    template = forms.CharField(
        label=gettext_lazy("Template"),
        help_text=gettext_lazy("As a policy file has it below one organisation. What it does not name stays."),
        max_length=LONGEST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false"}),
        error_messages={"required": gettext_lazy("Type or paste a template.")},
    )
    field_order = ["customers", "template", "reason"]

    def __init__(self, actors: Sequence[Actor], *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]  # what was sent
        self.actors = {by.organisation.slug: by for by in actors}
        field: forms.MultipleChoiceField = self.fields["customers"]  # type: ignore[assignment]  # as it stands above
        field.choices = [(slug, by.organisation.name) for slug, by in self.actors.items()]

    @property
    def chosen(self) -> list[Actor]:
        return [self.actors[slug] for slug in self.cleaned_data["customers"]]


class TooManyChanges(Refused):
    message = gettext_lazy("At most 10,000 changes at a time. Choose fewer customers, or a shorter template.")


@dataclass(frozen=True, kw_only=True)
class Line:
    """What the template would change of one customer, or what is wrong with it there."""

    by: Actor
    differences: Sequence[Difference] = ()
    following: Sequence[Following] = ()
    mark: str = ""
    wrong: str = ""

    @property
    def customer(self) -> Tenant:
        return self.by.organisation

    @property
    def shown(self) -> Sequence[Changing]:
        return [of_difference(one) for one in self.differences[:SHOWN]]

    @property
    def more(self) -> int:
        return max(len(self.differences) - SHOWN, 0)

    @property
    def followers(self) -> Sequence[Changing]:
        return [of_following(one) for one in self.following[:SHOWN]]

    @property
    def more_followers(self) -> int:
        return max(len(self.following) - SHOWN, 0)


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What the template would change of all that were chosen."""

    lines: Sequence[Line]

    @property
    def wrong(self) -> bool:
        return any(line.wrong for line in self.lines)

    @property
    def changing(self) -> list[Line]:
        return [line for line in self.lines if line.differences]

    @property
    def changes(self) -> int:
        return sum(len(line.differences) for line in self.lines)

    @property
    def in_background(self) -> bool:
        return self.changes > runs.DONE_AT_ONCE

    @property
    def mark(self) -> str:
        """What a page has shown, in short: nothing else may be done by its button."""
        said = [f"{line.by.user and line.by.user.pk} {line.customer.pk} {line.mark}" for line in self.lines]
        return sha256("\n".join(said).encode()).hexdigest()


def view(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """:raises PermissionDenied: no customer lets the person change its policies"""
    actor = actor_of_request(request)
    user = actor.user if actor is not None else None
    actors = _who_may(user, customers_of_request(request)) if user is not None else []
    if not actors:
        raise PermissionDenied(_("No customer lets you change its policies."))
    if request.method in READS:
        return _page(site, request, TemplateForm(actors))
    seen = _read(request.POST.get("seen", ""))
    if _begun(seen.run_id, actors):  # pressed twice
        return redirect("admin:tenants_run_change", seen.run_id)
    form = TemplateForm(actors, request.POST)
    if not form.is_valid():
        return _page(site, request, form, status=400)
    try:
        preview = _planned(form)
        if preview.wrong or not preview.changes or seen.mark != preview.mark:
            return _page(site, request, form, preview)
        run = _started(form, preview, seen.run_id)
    except Refused as refused:
        blame(form, refused)
        return _page(site, request, form, status=400)
    return _told(request, run)


def _who_may(user: User, delegations: Sequence[Delegation]) -> list[Actor]:
    return [by for by in customers.acting(user, delegations) if by.may(Right.CHANGE_POLICY)]


def _planned(form: TemplateForm) -> Preview:
    """:raises TooManyChanges:"""
    lines, changes = [], 0
    for by in form.chosen:
        lines.append(_line(form.cleaned_data["template"], by))
        changes += len(lines[-1].differences)
        if changes > runs.MOST_ROWS:
            raise TooManyChanges
    return Preview(lines=lines)


def _line(template: str, by: Actor) -> Line:
    try:
        made = templates.plan(template=template, by=by, at=by.now())
    except Refused as refused:
        return Line(by=by, wrong=str(refused))
    return Line(by=by, differences=made.differences, following=made.following, mark=templates.mark_of(made))


def _started(form: TemplateForm, preview: Preview, run_id: UUID) -> Run:
    """
    A row for each customer that it changes: all of the template holds there afterwards, or nothing of it. The run
    stands at the partner's, under whoever started it; what it changes stands in each customer's journal.

    :raises NotAllowed: they are no active member of the partner any more
    """
    some = preview.changing[0].by
    home = actor_in(some.user, some.employer_id) if some.user is not None else None
    if home is None:
        raise NotAllowed(_("You do not act in your own organisation any more."))
    given = {
        "template": form.cleaned_data["template"],
        "reason": form.cleaned_data["reason"],
        "shown": {str(line.customer.pk): line.mark for line in preview.changing},
    }
    return runs.start(
        deed=APPLY_TEMPLATE,
        subjects=list(given["shown"]),
        given=given,
        by=home,
        at=home.now(),
        id=run_id,
        weight=preview.changes,
    )


def _begun(run_id: UUID, actors: Sequence[Actor]) -> bool:
    return Run.objects.across(actors[0]).filter(pk=run_id).exists()


def _told(request: HttpRequest, run: Run) -> HttpResponse:
    if run.finished_at is None:
        messages.info(request, _("It goes on in the background. You may leave this page and come back."))
    else:
        messages.success(request, runs.said_in_short(run))
    return redirect("admin:tenants_run_change", run.pk)


def _read(signed: str) -> _Seen:
    """Nothing is changed that was not read first."""
    return read_back(_Seen, signed, SALT, holds_for=A_DAY) or _Seen(run_id=new_id(), mark="")


def _page(
    site: AdminSite,
    request: HttpRequest,
    form: TemplateForm,
    preview: Preview | None = None,
    status: int = 200,
) -> TemplateResponse:
    request.current_app = site.name
    wrong = preview is not None and preview.wrong
    offered = preview is not None and not wrong and preview.changes > 0
    context = {
        **site.each_context(request),
        "title": _("Policies of customers"),
        "form": form,
        "preview": preview,
        "seen": sign(_Seen(run_id=new_id(), mark=preview.mark), SALT) if offered and preview else "",
    }
    return TemplateResponse(request, "admin/policy_template.html", context, status=400 if wrong else status)
