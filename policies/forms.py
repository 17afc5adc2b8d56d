"""What an admin types about policies. Rules are the operations'; forms only read what was typed."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from licensing.models import Family
from policies.models import MOST_LEAVER_GRACE, ExistingRule, LeaverDefault, PolicyValue, SelfServiceProduct
from policies.operations import settings
from policies.operations.endings import Existing
from tenants.directory.operations.organisations import LONGEST_CONTACT
from tenants.procurement_form import ReasonForm
from tenants.text import LONGEST_REASON

VALUES = [
    (PolicyValue.ENABLED, _("Enabled: everybody may buy it")),
    (PolicyValue.APPROVAL, _("Needs approval: everybody may ask, an approver decides")),
    (PolicyValue.TRIALS_ONLY, _("Only trials without a card: nobody may pay for it")),
    (PolicyValue.DISABLED, _("Disabled: nobody may buy it")),
]


class ExistingForm(forms.Form):
    """What becomes of what people have."""

    existing = forms.ChoiceField(
        label=_("What people have bought already"),
        choices=[
            (ExistingRule.LEAVE, _("Leave it as it is")),
            (ExistingRule.STOP_AT_RENEWAL, _("Stop it at its renewal; its owner cannot turn renewal on again")),
            (ExistingRule.CANCEL, _("Cancel it; what was paid in the last 7 days and not used goes back")),
        ],
        widget=forms.RadioSelect,
        initial=ExistingRule.LEAVE,
        required=False,
        error_messages={"invalid_choice": _("Choose one of these.")},
    )
    at = forms.DateTimeField(
        label=_("Cancel on"), help_text=_("Such as 2026-01-31 09:00; empty: at once."), required=False
    )

    @property
    def said_of_existing(self) -> Existing:
        return Existing(rule=self.cleaned_data["existing"] or ExistingRule.LEAVE, at=self.cleaned_data["at"])

    @property
    def others(self) -> dict[str, Any]:
        """What was typed besides."""
        return {name: self.cleaned_data[name] for name in self.cleaned_data if name not in ("existing", "at")}


class ValueForm(ExistingForm, ReasonForm):
    """A value and why, and what becomes of what people have."""

    value = forms.ChoiceField(
        label=_("Who may buy it themselves"),
        choices=VALUES,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one."), "invalid_choice": _("Choose one of these.")},
    )
    field_order = ["value", "existing", "at", "reason"]


class PolicyForm(ValueForm):
    """A product's value and why. `seen` is what the page showed: a change by somebody else meanwhile is not lost."""

    seen = forms.CharField(required=False, strip=False, max_length=200, widget=forms.HiddenInput)


class PoliciesForm(ValueForm):
    """The same value for many products; which of them may be chosen, and how they are called, the page says."""

    products = forms.MultipleChoiceField(
        label=_("Products"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": _("Choose at least one product."),
            "invalid_choice": _("Choose products of this list."),
            "invalid_list": _("Choose products of this list."),
        },
    )
    field_order = ["products", "value", "existing", "at", "reason"]


class ScopedValueForm(ValueForm):
    """A value for a scope, for good or for a time. What is left empty means all of it."""

    member = forms.EmailField(
        label=_("Person"),
        help_text=_("Their e-mail address, for an exception. Empty: not for one person."),
        required=False,
    )
    department = forms.CharField(
        label=_("Department"),
        help_text=_("By its name. Empty: not for one department."),
        max_length=200,
        required=False,
    )
    product = forms.ModelChoiceField(
        SelfServiceProduct.objects.order_by("name"),
        label=_("Product"),
        empty_label=_("All products"),
        required=False,
        error_messages={"invalid_choice": _("Choose one of these.")},
    )
    family = forms.ModelChoiceField(
        Family.objects.order_by("name"),
        label=_("Family"),
        help_text=_("Instead of one product."),
        empty_label=_("All families"),
        required=False,
        error_messages={"invalid_choice": _("Choose one of these.")},
    )
    valid_from = forms.DateTimeField(
        label=_("Valid from"), help_text=_("Such as 2026-01-31 09:00; empty: from now on."), required=False
    )
    valid_to = forms.DateTimeField(
        label=_("Valid to"), help_text=_("The moment at which it is over; empty: it has no end."), required=False
    )
    field_order = [
        "member",
        "department",
        "product",
        "family",
        "value",
        "valid_from",
        "valid_to",
        "existing",
        "at",
        "reason",
    ]


class SettingsForm(ExistingForm):
    """What the organisation says over all its policies. The stop has a page of its own."""

    default_for_new_products = forms.ChoiceField(
        label=_("Products without a value of their own"),
        help_text=_("Holds for every product that nobody has decided about, and for those that come later."),
        choices=VALUES,
        error_messages={"required": _("Choose one."), "invalid_choice": _("Choose one of these.")},
    )
    contact_email = forms.CharField(
        label=_("IT contact e-mail"),
        help_text=_("Shown to your people when they may not buy."),
        max_length=LONGEST_CONTACT,
        required=False,
    )
    contact_url = forms.CharField(label=_("IT contact page"), max_length=LONGEST_CONTACT, required=False)
    contact_message = forms.CharField(
        label=_("IT contact message"),
        max_length=settings.LONGEST_MESSAGE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    request_process_message = forms.CharField(
        label=_("Your own process for licences: what to do"),
        help_text=_("Shown instead of the request form, together with the address below. Empty: requests come here."),
        max_length=settings.LONGEST_MESSAGE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    request_process_url = forms.CharField(
        label=_("Your own process for licences: where"),
        help_text=_("An address that begins with https:// or mailto:."),
        max_length=settings.LONGEST_PROCESS_URL,
        required=False,
    )
    leaver_default = forms.ChoiceField(
        label=_("When somebody has left and nobody decides about a purchase of theirs"),
        help_text=_("Holds at its next charge. Adopting needs an agreement or a card of the organisation."),
        choices=LeaverDefault.choices,
        error_messages={"required": _("Choose one."), "invalid_choice": _("Choose one of these.")},
    )
    leaver_grace_days = forms.IntegerField(
        label=_("Days that somebody who left keeps their seats"),
        help_text=_("0: their seats are free at once."),
        min_value=0,
        max_value=MOST_LEAVER_GRACE,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"),
            _("Type a whole number from 0 to %(most)s.") % {"most": MOST_LEAVER_GRACE},
        ),
    )
    tell_admins_of_failed_charges = forms.BooleanField(
        label=_("Tell admins of each renewal of a member that failed"),
        help_text=_("Those who buy for the organisation. Of its own purchases they always are."),
        required=False,
    )
    tell_admins_of_renewals = forms.BooleanField(
        label=_("Tell admins before what members have is renewed"),
        help_text=_("30 and 7 days before, with its use and its cost."),
        required=False,
    )
    take_over_refunds = forms.BooleanField(
        label=_("Give the unused part back when a purchase is taken over"),
        help_text=_("To the card that paid. Otherwise nothing goes back, and who takes over is told so first."),
        required=False,
    )
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Stays in the journal for good. May be left empty."),
        max_length=LONGEST_REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    field_order = [
        "default_for_new_products",
        "existing",
        "at",
        "contact_email",
        "contact_url",
        "contact_message",
        "request_process_message",
        "request_process_url",
        "leaver_default",
        "leaver_grace_days",
        "tell_admins_of_failed_charges",
        "tell_admins_of_renewals",
        "take_over_refunds",
        "reason",
    ]


class ResumeForm(forms.Form):
    """Why self-service goes on."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Stays in the journal for good. May be left empty."),
        max_length=LONGEST_REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class StopForm(ExistingForm, ResumeForm):
    """Why all self-service stops, and what becomes of what people have."""

    field_order = ["existing", "at", "reason"]
