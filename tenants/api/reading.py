"""How bodies and queries are read: what PostgreSQL or a person could never take is bad input, not a defect."""

from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from tenants.refusal import BadInput
from tenants.text import is_clean

MAX_DEPTH = 20


class BodyParser(JSONParser):
    """JSON of an object, without NUL and other characters that no text has, and of a depth that somebody typed."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError(_("The body is nested too deeply.")) from None
        if not isinstance(data, dict):
            raise ParseError(_("The body must be a JSON object."))
        for path, text in texts(data):
            if not is_clean(text):
                raise BadInput(_("Contains a character that no text has."), field=path, code="character_not_allowed")
        return data


def texts(data: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every text in parsed JSON with its dotted path, names of members included."""
    if depth > MAX_DEPTH:
        raise ParseError(_("The body is nested too deeply."))
    if isinstance(data, str):
        yield path, data
        return
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, part in parts:
        own = f"{path}.{name}" if path else str(name)
        if isinstance(name, str):
            yield path, name
        yield from texts(part, own, depth + 1)


def check_query(query: QueryDict) -> None:
    """
    No parameter takes several values: the last would hold, and the others be left out without a word.

    :raises BadInput: characters that no text has, or a second value
    """
    for name, values in query.lists():
        if not all(is_clean(text) for text in (name, *values)):
            raise BadInput(
                _("Contains a character that no text has."), field=name.replace("\0", ""), code="character_not_allowed"
            )
        if len(values) > 1:
            raise BadInput(_("Stands more than once. Send one value."), field=name, code="repeated")


class Flag(serializers.BooleanField):
    """true or false and nothing that looks like it: a client's "false" must not be taken for a yes, nor for a no."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Input(serializers.Serializer):
    """The base of every body and query: what is not declared does not exist, and is refused by name."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                error = serializers.ErrorDetail(str(_("There is no such field.")), code="unknown_field")
                raise serializers.ValidationError({name: [error] for name in unknown})
        return super().to_internal_value(data)
