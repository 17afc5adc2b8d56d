from typing import Any

from rest_framework import serializers

from policies.models import GovernanceKind, PolicyValue


class OrNone(serializers.CharField):
    """A text that is null where there is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def to_representation(self, value: object) -> str | None:  # type: ignore[override]  # none is an answer
        return str(value) or None


class SourceOut(serializers.Serializer):
    """The row that decided. Its id and who set it are for whoever may read policies."""

    level = serializers.CharField(help_text="person, group, product, family, tenant, stop, operator, market, system …")
    id = OrNone()
    set_by = OrNone(help_text="The e-mail address of who set it.")
    set_at = serializers.DateTimeField(allow_null=True)


class ReasonOut(serializers.Serializer):
    code = serializers.CharField()
    detail = serializers.CharField()


class GovernanceRef(serializers.Serializer):
    """A data or access policy that holds for a product, as its users read it."""

    id = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(GovernanceKind.choices)
    settings = serializers.DictField(child=serializers.CharField())
    acknowledge = serializers.BooleanField(
        help_text="Paying asks for its id in `acknowledge`, or with its version in `acknowledged`."
    )
    version = serializers.IntegerField(help_text="Counts its changes.")


class ContactOut(serializers.Serializer):
    """The tenant's own IT contact; empty texts where it named none."""

    email = serializers.CharField()
    url = serializers.CharField()
    message = serializers.CharField()


class ValueField(serializers.ChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(PolicyValue.choices, **kwargs)
