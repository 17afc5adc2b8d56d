"""What a list of the procurement view is narrowed by."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Choices, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.text import is_clean

SELECT = "select"


class Filter(admin.SimpleListFilter):
    """
    A field of a list's filters. `field` is what it compares, `choices_of` whose values it offers; choices never come
    from rows.
    """

    field: ClassVar[str] = ""
    choices_of: ClassVar[type[Choices] | None] = None
    # What kind of field it is; all but a select are inputs of that type, with a hint in them.
    kind: ClassVar[str] = SELECT
    hint: ClassVar[str | Promise] = ""

    def has_output(self) -> bool:
        return self.kind != SELECT or super().has_output()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(self.choices_of.choices) if self.choices_of else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        # Of what the list itself offers: anything else finds nothing, and never reaches the database.
        if value not in {str(key) for key, _label in self.lookup_choices}:
            return queryset.none()
        return self.narrowed(queryset, value)

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(**{self.field: value})


class OrganisationFilter(Filter):
    """One of all organisations, for an operator, by its short name: there are too many to choose from."""

    title, parameter_name = _("organisation"), "tenant"
    kind, hint = "text", _("Short name")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = (self.value() or "").strip()
        if not value:
            return queryset
        return queryset.filter(tenant__slug=value) if is_clean(value) else queryset.none()
