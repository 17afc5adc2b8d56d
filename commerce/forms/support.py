"""What is asked and answered in a support case."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commerce.models.support import MOST_TEXT
from licensing.models.subscription import SubscriptionQuerySet


class NewCaseForm(forms.Form):
    """What somebody asks the vendor's support."""

    def __init__(self, subscriptions: SubscriptionQuerySet, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["subscription"] = forms.ModelChoiceField(
            subscriptions,
            label=_("What it is about"),
            required=False,
            empty_label=_("Something else"),
            error_messages={"invalid_choice": _("Choose one of your subscriptions.")},
        )
        self.order_fields(["subscription"])

    subject = forms.CharField(
        label=_("Subject"), max_length=200, error_messages={"required": _("Say in a few words what it is about.")}
    )
    body = forms.CharField(
        label=_("Your question"),
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": _("Write your question.")},
    )


class ReplyForm(forms.Form):
    """Another text in a case."""

    body = forms.CharField(
        label=_("Your reply"),
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("Write something first.")},
    )


class AnswerForm(forms.Form):
    """What an operator answers."""

    body = forms.CharField(
        label=_("Answer"),
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": _("Write the answer first.")},
    )
