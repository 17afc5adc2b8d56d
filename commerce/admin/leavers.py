"""Purchases of people who left, and what admins decide of them before the next charge."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.validators import EmailValidator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.amounts import money
from commerce.models import LeaverChoice, LeaverTask, LeaverTaskState, TransferOffer
from commerce.models.transfer import LONGEST_TRANSFER_MESSAGE
from commerce.operations.leaving import adoption, decisions
from commerce.operations.leaving.adoption import Payer
from commerce.operations.pricing import next_charge
from licensing.operations import seats
from policies.models import LeaverDefault
from policies.operations import leavers
from tenants import clock
from tenants.access import Actor, Right
from tenants.dates import listed_day, listed_minute
from tenants.procurement import Row, Section, badge
from tenants.procurement_filters import Filter
from tenants.procurement_form import FormAdmin

_KINDS = {LeaverTaskState.OPEN: "amber", LeaverTaskState.DECIDED: "green"}
_NOTES = {
    decisions.RENEWED: gettext_lazy("Nobody decided, so it was renewed."),
    decisions.NOT_ADOPTED: gettext_lazy(
        "Nobody decided, and nothing of the organisation could pay to adopt it, so it was renewed."
    ),
}
_DEFAULTS = {
    LeaverDefault.RENEW: gettext_lazy("It renews on their card."),
    LeaverDefault.LET_END: gettext_lazy("It ends with its term."),
    LeaverDefault.ADOPT: gettext_lazy(
        "The organisation adopts it and pays its central price, if an agreement or a card of it can."
    ),
}


class LeaverStateFilter(Filter):
    title, parameter_name, field = gettext_lazy("state"), "state", "state"
    choices_of = LeaverTaskState


class LeaverForm(forms.Form):
    """What becomes of it. Which of the fields are needed depends on the choice."""

    choice = forms.ChoiceField(
        label=gettext_lazy("What becomes of it"),
        choices=LeaverChoice.choices,
        error_messages={
            "required": gettext_lazy("Choose one."),
            "invalid_choice": gettext_lazy("Choose one of these."),
        },
    )
    to = forms.CharField(
        label=gettext_lazy("Hand over: to whom"),
        help_text=gettext_lazy("The e-mail of a member, who has 14 days to accept with a card of their own."),
        required=False,
        max_length=254,
        validators=[EmailValidator()],
    )
    message = forms.CharField(
        label=gettext_lazy("Hand over: a message"),
        required=False,
        max_length=LONGEST_TRANSFER_MESSAGE,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    pays = forms.ChoiceField(
        label=gettext_lazy("Adopt: what pays from the next renewal on, at the central price"),
        help_text=gettext_lazy("Nothing is charged before that."),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose one of these.")},
    )

    def __init__(self, payers: list[Payer], data: Any = None) -> None:
        super().__init__(data)
        means = [(payer.agreement or payer.card, payer) for payer in payers]
        self.payers = {str(row.pk): payer for row, payer in means if row is not None}
        field: Any = self.fields["pays"]
        named = [(key, str(payer.agreement or payer.card)) for key, payer in self.payers.items()]
        field.choices = [("", _("Nothing")), *named]


@admin.register(LeaverTask)
class LeaverTaskAdmin(FormAdmin):
    """A task for each purchase of somebody who left; whoever may end others' purchases decides."""

    right = Right.SEE_ALL_PURCHASES
    list_title = gettext_lazy("Purchases of leavers")
    list_intro = gettext_lazy("Who has a seat goes on working. Decide before the next charge what becomes of each.")
    list_display = ["what", "who", "in_use", "next_on", "in_state", "decision", "since"]
    list_filter = [LeaverStateFilter]
    search_fields = ["member__name", "member__user__email", "subscription__plan__product__name"]
    search_help_text = gettext_lazy("Person or product")
    ordering = ["-created_at"]
    sortable_by = ["since"]
    empty_text = gettext_lazy("Nobody who left owns a subscription.")
    form_title = gettext_lazy("Decide")
    save_label = gettext_lazy("Decide")
    read_only_note = gettext_lazy("Global and billing admins decide.")

    def rows(self) -> QuerySet[LeaverTask]:
        return LeaverTask.objects.with_people()

    def may_change(self, actor: Actor) -> bool:
        return actor.tenant is not None and actor.may(Right.END_PURCHASES_OF_OTHERS)

    def form_for(self, row: LeaverTask, data: Any = None) -> LeaverForm:
        return LeaverForm(adoption.offered(row.subscription, at=clock.now(row.tenant)), data)

    def keep(self, row: LeaverTask, form: forms.Form, *, by: Actor, at: datetime) -> LeaverTask:
        said = form.cleaned_data
        to = said["to"] if said["choice"] == LeaverChoice.TRANSFER else ""
        return decisions.decide(
            task=row,
            choice=said["choice"],
            to=seats.members_by_email([to], by=by, field="to")[0] if to else None,
            message=said["message"],
            payer=form.payers.get(said["pays"]) if isinstance(form, LeaverForm) else None,
            by=by,
            at=at,
        )

    def said(self, row: LeaverTask) -> str:
        return _("Decided: %(choice)s.") % {"choice": row.get_choice_display()}

    def page(self, request: HttpRequest, row: LeaverTask, status: int = 200, **context: Any) -> Any:
        if row.state == LeaverTaskState.CLOSED:
            context["form"] = None
        return super().page(request, row, status, **context)

    @admin.display(description=gettext_lazy("purchase"))
    def what(self, task: LeaverTask) -> str:
        return str(task.subscription)

    @admin.display(description=gettext_lazy("who left"))
    def who(self, task: LeaverTask) -> str:
        return f"{task.member} ({task.member.user.email})"

    @admin.display(description=gettext_lazy("seats in use"))
    def in_use(self, task: LeaverTask) -> str:
        told = {"used": task.subscription.seats_assigned, "quantity": task.subscription.quantity}
        return _("%(used)s of %(quantity)s") % told

    @admin.display(description=gettext_lazy("next charge"))
    def next_on(self, task: LeaverTask) -> str:
        renews = task.subscription.gives_access and task.subscription.auto_renew
        return listed_day(task.subscription.term_end) if renews else _("None")

    @admin.display(description=gettext_lazy("state"))
    def in_state(self, task: LeaverTask) -> str:
        return badge(task.get_state_display(), _KINDS.get(LeaverTaskState(task.state), ""))

    @admin.display(description=gettext_lazy("decision"))
    def decision(self, task: LeaverTask) -> str:
        return task.get_choice_display() if task.choice else ""

    @admin.display(description=gettext_lazy("since"), ordering="created_at")
    def since(self, task: LeaverTask) -> str:
        return listed_minute(task.created_at)

    def sections(self, request: HttpRequest, row: LeaverTask) -> list[Section]:
        subscription = row.subscription
        charge = next_charge.of(subscription, tenant=row.tenant)
        offer = TransferOffer.objects.open().filter(subscription=subscription).with_people().first()
        cost = money(charge.total, charge.currency) if charge else ""
        waits = _("Offered to %(name)s until %(day)s.")
        lines: list[tuple[str | Promise, Any]] = [
            (_("Purchase"), self.what(row)),
            (_("Who left"), self.who(row)),
            (_("Seats in use"), self.in_use(row)),
            (_("Next charge"), f"{cost}, {listed_day(charge.at)}" if charge else _("None")),
            (_("If nobody decides"), _DEFAULTS[leavers.of(row.tenant).default] if row.is_open and charge else ""),
            (_("State"), self.in_state(row)),
            (_("Decision"), self.decision(row)),
            (_("Decided"), self.decided(row)),
            (_("Offer"), waits % {"name": offer.to, "day": listed_day(offer.lapses_at)} if offer else ""),
            (_("What happened"), _NOTES.get(row.note, "")),
            (_("Since"), self.since(row)),
        ]
        return [Section(rows=[Row(label=label, value=value) for label, value in lines if value != ""])]

    def decided(self, task: LeaverTask) -> str:
        if task.decided_at is None:
            return ""
        return f"{task.decided_by or _('By your setting')}, {listed_minute(task.decided_at)}"
