"""Which card pays: one of those kept, or another one. The operations decide whether it may."""

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from commerce import gateways
from commerce.forms.quantities import QuantityForm
from commerce.gateways.sandbox import CARDS, SandboxGateway
from commerce.models import PaymentMethod

LONGEST_TOKEN = 255


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
