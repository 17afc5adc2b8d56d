"""What is chosen on the way of a centralisation: a product, people, and whom to ask."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from commerce.models import Centralisation
from commerce.models.cancellation_request import LONGEST_REQUEST_MESSAGE, WAITING
from commerce.operations.centralising import self_service, steps
from commerce.operations.centralising.costs import Paid
from licensing.models import Product, Subscription
from tenants.directory.models import Membership, Tenant


class CentraliseForm(forms.Form):
    """A product of which somebody has a self-service seat."""

    def __init__(self, tenant: Tenant, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        used = self_service.all_purchases_of(tenant).filter(seats_assigned__gt=0).values("plan__product")
        self.fields["product"] = forms.ModelChoiceField(
            Product.objects.filter(pk__in=used).order_by("name"),
            label=_("Product"),
            help_text=_("Those of which people use seats that they or colleagues bought themselves."),
            empty_label=_("Choose a product"),
            error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose a product.")),
        )


class ChoosePeopleForm(forms.Form):
    """The people on self-service seats of it, by name, ticked as they were chosen; at first all of them."""

    def __init__(self, row: Centralisation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = self_service.seats_of(row.tenant, row.product)
        held = held.select_related("member__user", "subscription__owner__user").by_name()
        named: dict[str, str] = {}
        self.known: dict[str, Membership] = {}
        for seat in held:
            key = str(seat.member_id)
            if key not in named and len(named) == steps.MOST_PEOPLE:
                continue
            self.known[key] = seat.member
            told = {"person": seat.member, "email": seat.member.user.email, "owner": seat.subscription.owner}
            if key in named:
                named[key] = _("%(already)s and by %(owner)s") % {"already": named[key], **told}
            else:
                named[key] = _("%(person)s (%(email)s), bought by %(owner)s") % told
        chosen = [str(pk) for pk in row.people.values_list("member_id", flat=True)]
        self.fields["people"] = forms.MultipleChoiceField(
            label=_("Who is to have a central seat"),
            help_text=_("At most %(most)s at once.") % {"most": steps.MOST_PEOPLE},
            choices=list(named.items()),
            initial=chosen or list(named),
            widget=forms.CheckboxSelectMultiple,
            error_messages={
                "required": _("Choose at least one person."),
                "invalid_choice": _("Somebody you chose has no self-service seat of it any more. Choose again."),
            },
        )

    @property
    def chosen(self) -> list[Membership]:
        return [self.known[key] for key in self.cleaned_data["people"]]


class AskPurchasersForm(forms.Form):
    """Which purchases to ask about; first those whose people all have central seats now."""

    message = forms.CharField(
        label=gettext_lazy("Message to the purchasers (optional)"),
        help_text=gettext_lazy("It stands in the letter to them. They are reminded after 2 and 5 days."),
        required=False,
        max_length=LONGEST_REQUEST_MESSAGE,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    field_order = ("purchases", "message")

    def __init__(self, row: Centralisation, paid: list[Paid], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        waiting = set(row.purchases.filter(request__state__in=WAITING).values_list("subscription_id", flat=True))
        left = [each for each in paid if each.purchase.pk not in waiting]
        self.known = {str(each.purchase.pk): each.purchase for each in left}
        self.fields["purchases"] = forms.MultipleChoiceField(
            label=_("Whom to ask"),
            choices=[(str(each.purchase.pk), _named(each)) for each in left],
            initial=[str(each.purchase.pk) for each in left if not each.others],
            widget=forms.CheckboxSelectMultiple,
            required=bool(left),
            error_messages={
                "required": _("Choose at least one purchase."),
                "invalid_choice": _("One of them was canceled meanwhile. Look at the list again."),
            },
        )
        self.order_fields(self.field_order)

    @property
    def chosen(self) -> list[Subscription]:
        return [self.known[key] for key in self.cleaned_data["purchases"]]


def _named(each: Paid) -> str:
    purchase = each.purchase
    told = {"owner": purchase.owner, "plan": purchase.plan, "quantity": purchase.quantity}
    named = _("%(owner)s: %(quantity)s × %(plan)s") % told
    if not each.others:
        return named
    text = ngettext(
        "%(named)s, which %(count)s person uses besides whom you did not choose",
        "%(named)s, which %(count)s people use besides whom you did not choose",
        each.others,
    )
    return text % {"named": named, "count": each.others}
