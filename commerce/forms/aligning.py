"""Which of the subscriptions that are alike are to renew on one day."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from commerce.operations.changes.aligning import MOST_AT_ONCE
from licensing.models import Subscription
from tenants.dates import day


class AlignForm(forms.Form):
    """Two or more of them, which do not all end on one day already. The last to end stands first."""

    def __init__(self, alike: Sequence[Subscription], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.alike = {str(one.pk): one for one in alike}
        self.fields["chosen"] = forms.MultipleChoiceField(
            label=_("Which of them"),
            choices=[(pk, told(one)) for pk, one in self.alike.items()],
            widget=forms.CheckboxSelectMultiple,
            error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose two or more of these.")),
        )

    def clean_chosen(self) -> list[Subscription]:
        picked = set(self.cleaned_data["chosen"])
        chosen = [one for pk, one in self.alike.items() if pk in picked]
        if len(chosen) < 2:
            raise forms.ValidationError(_("Choose two or more of these."))
        if chosen[0].term_end == chosen[-1].term_end:
            raise forms.ValidationError(
                _("These renew on one day already. Choose one more that renews on another day.")
            )
        return chosen

    @property
    def target(self) -> Subscription:
        """The one that ends last: no term gets shorter."""
        chosen: list[Subscription] = self.cleaned_data["chosen"]
        return chosen[0]

    @property
    def others(self) -> list[Subscription]:
        """Those whose term gets longer."""
        return [one for one in self.cleaned_data["chosen"] if one.term_end < self.target.term_end]


def usual(alike: Sequence[Subscription]) -> list[str]:
    """All, as long as they can be aligned at once."""
    last = [one for one in alike if one.term_end == alike[0].term_end][:1]
    return [str(one.pk) for one in (*last, *(o for o in alike if o.term_end < alike[0].term_end))][: MOST_AT_ONCE + 1]


def told(one: Subscription) -> str:
    seats = ngettext("%(count)s seat", "%(count)s seats", one.quantity) % {"count": one.quantity}
    told = {"seats": seats, "bought": day(one.created_at, one.zone), "end": day(one.term_end, one.zone)}
    return _("%(seats)s, bought %(bought)s, renews %(end)s") % told
