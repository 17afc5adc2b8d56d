"""How many seats: to buy, to try, to have more or fewer of. The operations know what may be."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commerce.operations.changes.quantity import When
from licensing.models import Plan, Product, Subscription
from tenants.dates import day


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
