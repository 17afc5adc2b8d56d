"""What must always hold between tenants and in their journals; each check returns the offending rows as sentences."""

from collections.abc import Callable, Iterator

from django.db import connection
from django.db.models import Count, Max

from tenants.journal.models import EventPosition
from tenants.keys import tenant_keys


def references_stay_within_a_tenant() -> Iterator[str]:
    """No row refers to a row of another tenant. The database holds this too; a restored dump might not."""
    with connection.cursor() as cursor:
        for table, column, target in tenant_keys():
            cursor.execute(
                f'SELECT a.id FROM "{table}" a JOIN "{target}" b ON b.id = a."{column}" '
                "WHERE a.tenant_id <> b.tenant_id LIMIT 100"
            )
            for (pk,) in cursor.fetchall():
                yield f"{table} {pk}: {column} leads into another tenant"


def positions_have_no_gaps() -> Iterator[str]:
    for row in EventPosition.objects.values("tenant").annotate(last=Max("position"), count=Count("pk")):
        if row["last"] != row["count"]:
            yield f"tenant {row['tenant']}: {row['count']} positions in the journal, the last is {row['last']}"


CHECKS: tuple[Callable[[], Iterator[str]], ...] = (references_stay_within_a_tenant, positions_have_no_gaps)
