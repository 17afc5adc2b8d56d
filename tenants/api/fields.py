"""Parts of answers that all apps share."""

from decimal import Decimal
from functools import reduce
from typing import Any

from babel.numbers import get_currency_precision
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


def part(source: Any, path: str) -> Any:
    """The value at a dotted path of attributes or keys."""
    return reduce(
        lambda value, name: value[name] if isinstance(value, dict) else getattr(value, name), path.split("."), source
    )


def money(amount: Decimal, currency: str) -> dict[str, str]:
    """With the currency's own minor digits: "9.99" USD, "1000" JPY, "1.250" KWD. Amounts come rounded already."""
    return {"amount": f"{amount:.{get_currency_precision(currency)}f}", "currency": currency}


class Money(serializers.Serializer):
    amount = serializers.CharField(help_text="Plain digits, with the currency's own minor digits.")
    currency = serializers.CharField(help_text="ISO 4217")


class Person(serializers.Serializer):
    email = serializers.EmailField()
    name = serializers.CharField()


@extend_schema_field(Money)
class MoneyField(serializers.Field):
    """
    An amount with its currency, read from two places of the same object.

        total = MoneyField(amount="total", currency="order.currency")
    """

    def __init__(self, *, amount: str, currency: str, **kwargs: Any) -> None:
        self.amount, self.currency = amount, currency
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, value: Any) -> dict[str, str] | None:
        amount = part(value, self.amount)
        return None if amount is None else money(amount, part(value, self.currency))


@extend_schema_field(Person)
class PersonField(serializers.Field):
    """A membership as `{"email", "name"}`; None where the tenant itself stands."""

    def to_representation(self, value: Any) -> dict[str, str]:
        return {"email": value.user.email, "name": value.name}
