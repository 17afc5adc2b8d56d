from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class AddressForm(forms.Form):
    """The first step: who. Every address is asked for a password next, whether anybody has it or not."""

    asks_password = False

    email = forms.EmailField(
        label=_("Work e-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "spellcheck": "false"}),
        error_messages={
            "required": _("Type your work e-mail."),
            "invalid": _("Type a whole address, such as ana@contoso.example."),
        },
    )
    next = forms.CharField(required=False, max_length=2000, widget=forms.HiddenInput)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class PasswordForm(AddressForm):
    """The second step, or both at once."""

    asks_password = True

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": _("Type your password.")},
    )
    field_order = ["email", "password", "next"]

    def refuse(self, message: Any) -> None:
        self.add_error(None, message)


class CodeForm(forms.Form):
    """Of the app, or one of the recovery codes."""

    code = forms.CharField(
        label=_("Code"),
        help_text=_("The six digits that your app shows, or one of your recovery codes."),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
        error_messages={"required": _("Type the code.")},
    )

    def refuse(self, message: Any) -> None:
        self.add_error("code", message)


class FirstCodeForm(CodeForm):
    """The proof that the app has the key."""

    code = forms.CharField(
        label=_("Code"),
        help_text=_("The six digits that your app shows now."),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}),
        error_messages={"required": _("Type the code.")},
    )
