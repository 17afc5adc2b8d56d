"""Who holds a seat: people to give one to, to look for, and to take it from."""

import re
from typing import Any

from django import forms
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from licensing.models.seat import SeatQuerySet
from licensing.operations.seats import MOST_AT_ONCE

BETWEEN_ADDRESSES = re.compile(r"[\s,;]+")


class AssignForm(forms.Form):
    """The colleagues who get a seat."""

    members = forms.CharField(
        label=_("Work e-mails"),
        help_text=_("Colleagues of your organisation; separate several with commas or new lines."),
        max_length=100_000,
        widget=forms.Textarea(
            attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
        error_messages={"required": _("Type at least one colleague's work e-mail.")},
    )

    def clean_members(self) -> list[str]:
        emails = [email for email in BETWEEN_ADDRESSES.split(self.cleaned_data["members"]) if email]
        if not emails:
            raise forms.ValidationError(self.fields["members"].error_messages["required"])
        if len(emails) > MOST_AT_ONCE:
            raise forms.ValidationError(_("At most %(most)s people at once."), params={"most": MOST_AT_ONCE})
        wrong = [email for email in emails if not _is_address(email)]
        if wrong:
            message = _("“%(typed)s” is not an e-mail address.")
            raise forms.ValidationError([message % {"typed": typed} for typed in wrong])
        return emails


def _is_address(typed: str) -> bool:
    try:
        validate_email(typed)
    except forms.ValidationError:
        return False
    return True


class FindSeatForm(forms.Form):
    """Whose seat to look for."""

    q = forms.CharField(
        label=_("Find a person"),
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "spellcheck": "false"}),
    )


class ReleaseForm(forms.Form):
    """The seats that were ticked, of those that may be."""

    def __init__(self, seats: SeatQuerySet, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seats"] = forms.ModelMultipleChoiceField(
            seats,
            error_messages={
                "required": _("Tick at least one person to release their seat."),
                "invalid_choice": _("That seat was released already."),
            },
        )
