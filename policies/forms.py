"""What an admin types about policies. Rules are the operations'; forms only read what was typed."""

from django import forms
from django.utils.translation import gettext_lazy as _

from policies.models import PolicyValue
from policies.operations.policies import LONGEST_REASON


class PolicyForm(forms.Form):
    """A product's value and why. `seen` is what the page showed: a change by somebody else meanwhile is not lost."""

    value = forms.ChoiceField(
        label=_("Who may buy it themselves"),
        choices=[
            (PolicyValue.ENABLED, _("Enabled: everybody may buy it")),
            (PolicyValue.TRIALS_ONLY, _("Only trials without a card: nobody may pay for it")),
            (PolicyValue.DISABLED, _("Disabled: nobody may buy it")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one."), "invalid_choice": _("Choose one of these.")},
    )
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Stays in the journal for good. Do not name people."),
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Say why, in a few words.")},
    )
    seen = forms.CharField(required=False, strip=False, max_length=200, widget=forms.HiddenInput)
