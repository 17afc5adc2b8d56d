"""What people type on the buyer's pages. Rules are the operations'; forms only read what was typed."""

import re
from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from commerce import gateways
from commerce.gateways.sandbox import CARDS, SandboxGateway
from commerce.models import PaymentMethod
from commerce.models.support import MOST_TEXT
from commerce.operations.changes.quantity import When
from licensing.models import Plan, Product, Subscription
from licensing.models.seat import SeatQuerySet
from licensing.models.subscription import SubscriptionQuerySet
from licensing.operations.seats import MOST_AT_ONCE
from tenants.dates import day

LONGEST_TOKEN = 255
BETWEEN_ADDRESSES = re.compile(r"[\s,;]+")


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


class QuantityForm(forms.Form):
    """How many seats."""

    def __init__(self, plan: Plan, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        message = _("Type a whole number from %(smallest)s to %(largest)s.") % {
            "smallest": plan.min_quantity,
            "largest": f"{plan.max_quantity:,}",
        }
        self.fields["quantity"] = forms.IntegerField(
            label=_("Quantity"),
            help_text=_("Seats, one for each person."),
            min_value=plan.min_quantity,
            max_value=plan.max_quantity,
            widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
            error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), message),
        )
        self.order_fields(["quantity"])


class TrialForm(QuantityForm):
    """How many seats of a trial: those of the product's."""

    def __init__(self, product: Product, *args: Any, **kwargs: Any) -> None:
        most = product.trial_seats or 1
        super().__init__(Plan(min_quantity=1, max_quantity=most), *args, **kwargs)
        self.fields["quantity"].help_text = _("Seats, one for each person: at most %(most)s.") % {"most": f"{most:,}"}


class SeatsForm(forms.Form):
    """How many seats more, or fewer, and from when on."""

    def __init__(self, subscription: Subscription, more: bool, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.subscription, self.more = subscription, more
        has, plan = subscription.quantity, subscription.plan
        most = max(plan.max_quantity - has if more else has - plan.min_quantity, 1)
        self.fields["quantity"] = forms.IntegerField(
            label=_("Quantity"),
            help_text=(_("How many more. It has %(has)s now.") if more else _("How many fewer. It has %(has)s now."))
            % {"has": f"{has:,}"},
            min_value=1,
            max_value=most,
            widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
            error_messages=dict.fromkeys(
                ("required", "invalid", "min_value", "max_value"),
                _("Type a whole number from 1 to %(most)s.") % {"most": f"{most:,}"},
            ),
        )
        self.fields["when"] = forms.ChoiceField(
            label=_("When"),
            choices=[
                (When.NOW, _("Now")),
                (When.RENEWAL, _("At the renewal on %(day)s") % {"day": day(subscription.term_end, subscription.zone)}),
            ],
            error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose when.")),
        )

    @property
    def total(self) -> int:
        """The number of seats that it comes to."""
        count = int(self.cleaned_data["quantity"])
        return self.subscription.quantity + (count if self.more else -count)


class CardField(forms.ChoiceField):
    """A kept card by its id, or another one by the provider's token. The operation decides whether it may pay."""

    is_sandbox = False

    def __init__(self, **kwargs: Any) -> None:
        messages = {"required": _("Choose a card."), "invalid_choice": _("Choose one of the cards.")}
        super().__init__(label=_("Card"), error_messages=messages, **kwargs)

    def offer(self, kept: Sequence[PaymentMethod] = ()) -> None:
        """Kept cards first; the default, which stands first among them, is chosen already."""
        mine = [(str(card.pk), str(card)) for card in kept]
        tokens = []
        self.is_sandbox = gateways.current().name == SandboxGateway.name
        if self.is_sandbox:
            self.help_text = _("Test cards of the sandbox: no money moves.")
            tokens = [(token, f"{card.label} ({token})") for token, card in CARDS.items()]
        self.choices = [(_("Your cards"), mine), (_("Another card"), tokens)] if mine else tokens
        self.initial = mine[0][0] if mine else None

    def valid_value(self, value: Any) -> bool:
        # A token of a real provider is made in the browser.
        return super().valid_value(value) or (not self.is_sandbox and len(str(value)) <= LONGEST_TOKEN)


class CardForm(forms.Form):
    """The card that pays: one of those kept, or another one."""

    payment_method = CardField()

    def __init__(self, *args: Any, kept: Sequence[PaymentMethod] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(CardField, self.fields["payment_method"]).offer(kept)


class PayForm(QuantityForm, CardForm):
    """The quantity once more, so that nobody pays for another one than they see, and a card."""


class AddCardForm(forms.Form):
    """A card to keep; for the organisation only by whoever buys for it."""

    token = CardField()
    for_organisation = forms.BooleanField(required=False)

    def __init__(self, *args: Any, organisation: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(CardField, self.fields["token"]).offer()
        if organisation:
            label = _("For what %(organisation)s buys centrally") % {"organisation": organisation}
            self.fields["for_organisation"].label = label
        else:
            del self.fields["for_organisation"]


class ChooseCardForm(forms.Form):
    """One of the kept cards."""

    def __init__(self, kept: Sequence[PaymentMethod], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        messages = {"required": _("Choose a card."), "invalid_choice": _("Choose one of the cards.")}
        self.fields["card"] = forms.ChoiceField(
            label=_("Card"), choices=[(str(card.pk), str(card)) for card in kept], error_messages=messages
        )


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


class CancelForm(forms.Form):
    """Why a subscription ends."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("One sentence is enough. Your organisation's admins read it."),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say in a few words why you cancel.")},
    )


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
