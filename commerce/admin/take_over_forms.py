"""In which way something is taken over: what is asked for one purchase, and for many."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from commerce import gateways
from commerce.models import Agreement, PaymentMethod, TakeOverMode
from licensing.models import Channel, Seat, Subscription
from tenants.access import Actor
from tenants.dates import listed_day
from tenants.directory.models import Membership, Tenant
from tenants.procurement_form import ReasonForm

MOST_TARGETS = 200


class TakeOverForm(ReasonForm):
    """In which way. Which of the fields count depends on that."""

    mode = forms.ChoiceField(
        label=gettext_lazy("How"),
        choices=TakeOverMode.choices,
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), gettext_lazy("Choose one of these.")),
    )
    target_subscription = forms.ChoiceField(
        label=gettext_lazy("To move: which central subscription"),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose one of these.")},
    )
    pays = forms.ChoiceField(
        label=gettext_lazy("To make it the organisation's own: what pays from the next renewal on"),
        help_text=gettext_lazy("At the central price. Nothing is charged before that."),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose one of these.")},
    )
    reimburse = forms.BooleanField(
        label=gettext_lazy("The organisation pays the rest of the term, too, and that goes back to who paid it"),
        required=False,
    )
    field_order: Sequence[str] = ("mode", "target_subscription", "pays", "reimburse", "reason")

    def __init__(self, by: Actor, data: Any = None, *, targets: Sequence[Subscription]) -> None:
        super().__init__(data)
        if by.is_delegate:  # who spends nothing of the organisation's
            mode: Any = self.fields["mode"]
            mode.choices = [choice for choice in TakeOverMode.choices if choice[0] != TakeOverMode.ADOPT]
        self.fill("target_subscription", [(str(row.pk), named_target(row)) for row in targets])
        self.fill("pays", payers_of(by))

    def fill(self, name: str, choices: Sequence[tuple[str, str]]) -> None:
        field: Any = self.fields[name]
        field.choices = [("", _("Choose one") if choices else _("There is none")), *choices]

    def clean(self) -> dict[str, Any]:
        """What the chosen way needs."""
        said = super().clean() or {}
        if said.get("mode") == TakeOverMode.MOVE and not said.get("target_subscription"):
            self.add_error("target_subscription", _("Choose where its people are moved to."))
        if said.get("mode") == TakeOverMode.ADOPT and not said.get("pays"):
            self.add_error("pays", _("Choose what pays from then on."))
        return said


def targets_of(tenant: Tenant, product: str = "") -> list[Subscription]:
    """The organisation's own, those with most room first."""
    own = Subscription.objects.of(tenant).of_the_tenant_itself().bought().with_access()
    own = own.exclude(channel=Channel.PARTNER).select_related("plan__product").exclude(take_overs__state="open")
    own = own.filter(plan__product=product) if product else own
    return sorted(own.order_by("-created_at")[:MOST_TARGETS], key=lambda row: (str(row.plan), -row.seats_free))


def named_target(row: Subscription) -> str:
    told = {"plan": row.plan, "day": listed_day(row.term_end)}
    text = ngettext(
        "%(plan)s, until %(day)s: %(count)s seat free", "%(plan)s, until %(day)s: %(count)s seats free", row.seats_free
    )
    return text % {**told, "count": row.seats_free}


def payers_of(by: Actor) -> list[tuple[str, str]]:
    """Agreements that are paid by invoice, then the organisation's cards that somebody may use."""
    tenant = by.organisation
    today = tenant.today(by.now())
    held = Agreement.objects.of(tenant).in_force(today).filter(pay_by_invoice=True).order_by("name", "pk")
    own = PaymentMethod.objects.usable_by(by).filter(member=None, gateway=gateways.current().name)
    kept = own.good_on(today).default_first()
    by_invoice = [(str(row.pk), _("Invoice, under %(name)s") % {"name": row.name}) for row in held]
    return [*by_invoice, *((str(card.pk), str(card)) for card in kept)]


class TakeOnePurchaseOverForm(TakeOverForm):
    """Of one purchase: also who of its people is moved."""

    field_order = ("mode", "target_subscription", "members", "pays", "reimburse", "reason")

    def __init__(self, purchase: Subscription, by: Actor, data: Any = None) -> None:
        product = purchase.plan.product_id
        targets = [row for row in targets_of(purchase.tenant, product) if row.pk != purchase.pk]
        super().__init__(by, data, targets=targets)
        held = Seat.objects.open().filter(subscription=purchase).with_people().by_name()
        self.known: dict[str, Membership] = {str(s.member_id): s.member for s in held if s.member.is_active}
        named = [(key, f"{member} ({member.user.email})") for key, member in self.known.items()]
        if not named:
            return
        self.fields["members"] = forms.MultipleChoiceField(
            label=_("To move: who goes on with a central seat"),
            help_text=_("Whoever you leave out loses access, and is told."),
            choices=named,
            initial=list(self.known),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            error_messages={"invalid_choice": _("Somebody you chose has no seat of it any more. Choose again.")},
        )
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any]:
        said = super().clean()
        if said.get("mode") == TakeOverMode.MOVE and self.known and said.get("members") == []:
            self.add_error("members", _("Choose at least one person, or end it."))
        return said

    @property
    def chosen(self) -> list[Membership] | None:
        """Nothing: all of them."""
        said = self.cleaned_data
        if said["mode"] != TakeOverMode.MOVE or set(said.get("members", ())) == set(self.known):
            return None
        return [self.known[key] for key in said["members"]]
