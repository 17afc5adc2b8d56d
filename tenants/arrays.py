"""What is compared with an array is looked up for each of its values, where a join would be left to the planner."""

from typing import Any

from django.db import models


def in_array(what: Any, array: Any) -> models.Func:
    """A condition: `what` is one of the array's values."""
    return models.Func(
        what, array, template="%(expressions)s)", arg_joiner=" = ANY(", output_field=models.BooleanField()
    )
