"""What people type before they buy: whose prices to show, and where they belong."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class CountryForm(forms.Form):
    """Whose list prices to show."""

    def __init__(self, countries: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["country"] = forms.ChoiceField(label=_("Country"), choices=countries)


class EmailForm(forms.Form):
    """The address that leads to an organisation."""

    email = forms.EmailField(
        label=_("Work e-mail"),
        help_text=_("The address your organisation gave you."),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "spellcheck": "false"}),
        error_messages={
            "required": _("Type your work e-mail."),
            "invalid": _("Type a whole address, such as ana@contoso.example."),
        },
    )

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()
