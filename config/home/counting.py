"""How many rows a list has, asked beside others in one query, and never further than its pages go."""

from typing import Any

from django.db.models import IntegerField, QuerySet, Subquery

from tenants.procurement_pages import LAST_ROW


class Counted(Subquery):
    """How many rows there are, up to one more than a list shows: of more nobody needs the number."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) _counted)"
    output_field = IntegerField()
    # Of rows of which Django knows beforehand that there are none.
    empty_result_set_value = 0

    def __init__(self, rows: QuerySet[Any]) -> None:
        super().__init__(rows.order_by().values("pk")[: LAST_ROW + 1])
