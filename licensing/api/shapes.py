"""Parts of answers and questions about products, seats and people that calls above share."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from licensing.models import Product
from tenants.access import Actor, Right
from tenants.api.fields import PersonField
from tenants.directory.models import Membership
from tenants.refusal import BadInput


class Email(serializers.EmailField):
    """An address as it is stored: in small letters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return str(super().to_internal_value(data)).lower()


class ProductRef(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    family = serializers.CharField(source="family_id", help_text="The family's slug.")


class SeatOut(serializers.Serializer):
    id = serializers.CharField()
    member = PersonField()
    assigned_at = serializers.DateTimeField()


def product_named(product_id: str) -> Product:
    """:raises BadInput: there is no such product"""
    found = Product.objects.select_related("family").filter(pk=product_id).first()
    if found is None:
        raise BadInput(_("There is no such product."), field="product", code="does_not_exist")
    return found


def person_asked_about(email: str | None, *, by: Actor, right: Right) -> Membership:
    """
    The caller, or for whoever has `right` anybody of the acting tenant, guests and those who left included.

    :raises NotAllowed: somebody else, without the right; asked before anything is looked up
    :raises BadInput: nobody of this tenant has the address
    """
    if email is None or (by.membership is not None and email == by.membership.user.email):
        return by.home
    by.require(right)
    people = Membership.objects.of(by.organisation).by_email([email]).select_related("tenant", "user")
    found = people.first()
    if found is None:
        raise BadInput(_("There is no such person in your organisation."), field="user", code="does_not_exist")
    return found
