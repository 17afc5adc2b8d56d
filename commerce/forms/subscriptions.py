"""What an owner says who gives a subscription up, or hands it over."""

from django import forms
from django.utils.translation import gettext_lazy as _

from commerce.models.transfer import LONGEST_TRANSFER_MESSAGE


class CancelForm(forms.Form):
    """Why a subscription ends."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("One sentence is enough. Your organisation's admins read it."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say in a few words why you cancel.")},
    )


class TransferForm(forms.Form):
    """To whom a subscription is offered."""

    to = forms.EmailField(
        label=_("Colleague's e-mail"),
        help_text=_("A member of your organisation. They have 14 days to accept, with a card of their own."),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={
            "required": _("Type your colleague's e-mail."),
            "invalid": _("Type a whole address, such as ana@contoso.example."),
        },
    )
    message = forms.CharField(
        label=_("Message (optional)"),
        required=False,
        max_length=LONGEST_TRANSFER_MESSAGE,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
