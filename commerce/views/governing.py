"""What an organisation says about the data of a product, before paying and on what was bought."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.models import Checkout
from licensing.models import Product
from policies.models import GovernancePolicy
from policies.models.governance import governance_of
from policies.operations import access, acknowledgements
from policies.operations.acknowledgements import Read
from tenants.directory.models import Membership, Tenant


class AcknowledgeField(forms.MultipleChoiceField):
    """A box for each policy that must have been read, in the version that is shown; all of them are ticked."""

    def __init__(self, policies: Sequence[GovernancePolicy], **kwargs: Any) -> None:
        self.policies = policies
        changed = gettext_lazy("It was changed meanwhile. Read it again, then say that you did.")
        super().__init__(
            label=gettext_lazy("Rules of your organisation"),
            choices=[
                (f"{policy.pk}:{policy.version}", _("I have read “%(name)s”") % {"name": policy.name})
                for policy in policies
            ],
            widget=forms.CheckboxSelectMultiple,
            error_messages={
                "required": gettext_lazy("Say that you have read the rules of your organisation."),
                "invalid_choice": changed,
                "invalid_list": changed,
            },
            **kwargs,
        )

    def validate(self, value: Any) -> None:
        super().validate(value)
        if self.required and len(set(value)) < len(self.policies):
            raise forms.ValidationError(self.error_messages["required"], code="required")


class ReadForm(forms.Form):
    """What must have been read before the organisation buys a product itself; without fields where nothing is asked."""

    def __init__(self, policies: Sequence[GovernancePolicy], data: Any = None) -> None:
        super().__init__(data)
        ask_to_read(self, policies)


def ask_to_read(form: forms.Form, policies: Sequence[GovernancePolicy]) -> None:
    """A box for each."""
    if policies:
        form.fields["acknowledge"] = AcknowledgeField(policies)


def to_read(checkout: Checkout) -> list[GovernancePolicy]:
    return acknowledgements.wanted(member=checkout.buyer, product=checkout.plan.product, subject=checkout.pk)


def read_in(form: forms.Form) -> Read:
    """What a valid form says was read, by the version that was shown."""
    ticked: Sequence[str] = form.cleaned_data.get("acknowledge", ())
    return {policy: int(version) for policy, _colon, version in (one.partition(":") for one in ticked)}


def of_product(tenant: Tenant, product: Product) -> dict[str, Any]:
    return {"governance": governance_of(tenant, [product])[product.pk]}


def of_user(member: Membership, product: Product, shut_out: Promise = access.NO_ACCESS) -> dict[str, Any]:
    """With what is said to somebody who could not use it, or can no longer."""
    told = of_product(member.tenant, product)
    limited = any(policy.is_access for policy in told["governance"])
    return {**told, "shut_out": shut_out if limited and access.is_shut_out(member, product) else ""}


def of_checkout(checkout: Checkout) -> dict[str, Any]:
    """As `of_user`, for its buyer."""
    return of_user(checkout.buyer, checkout.plan.product)
