"""What an operation says when a rule forbids what was asked: one exception class for each fact."""

import re
from typing import Any, ClassVar

from django.utils.functional import Promise


class Refused(Exception):
    """
    A rule says no. Subclasses are named as facts; `code` is the class name in snake_case unless given.

    An API call renders it as problem+json with `http_status`, a form shows `message`, the admin messages it.
    """

    code: ClassVar[str]
    http_status: ClassVar[int] = 409
    message: str | Promise = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "code" not in cls.__dict__:
            cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, message: str | Promise = "", *, field: str = "", **extra: Any) -> None:
        self.message = message or self.message
        self.field = field
        self.extra = extra
        super().__init__(self.code)

    def __str__(self) -> str:
        return str(self.message)


class NotAllowed(Refused):
    """The person's roles in the acting tenant do not allow this."""

    http_status = 403


class BadInput(Refused):
    """What was sent cannot be right as it stands; `field` names the part and `field_code` the fact."""

    code = "invalid"
    http_status = 400

    def __init__(self, message: str | Promise = "", *, field: str, code: str = "invalid") -> None:
        super().__init__(message, field=field)
        self.field_code = code

    @property
    def names_nothing(self) -> bool:
        """It would be right if what it names were there."""
        return self.field_code == "does_not_exist"
