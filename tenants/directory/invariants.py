"""What must always hold between tenants and in their journals; each check returns the offending rows as sentences."""

from collections.abc import Callable, Iterator

from django.db import connection
from django.db.models import Count, Max
from psycopg import sql

from tenants.journal.models import EventPosition
from tenants.keys import tenant_keys


def references_stay_within_a_tenant() -> Iterator[str]:
    """No row refers to a row of another tenant. The database holds this too; a restored dump might not."""
    with connection.cursor() as cursor:
        for table, column, target in tenant_keys():
            cursor.execute(
                sql.SQL(
                    "SELECT a.id FROM {} a JOIN {} b ON b.id = a.{} WHERE a.tenant_id <> b.tenant_id LIMIT 100"
                ).format(sql.Identifier(table), sql.Identifier(target), sql.Identifier(column))
            )
            for (pk,) in cursor.fetchall():
                yield f"{table} {pk}: {column} leads into another tenant"


def positions_have_no_gaps() -> Iterator[str]:
    for row in EventPosition.objects.values("tenant").annotate(last=Max("position"), count=Count("pk")):
        if row["last"] != row["count"]:
            yield f"tenant {row['tenant']}: {row['count']} positions in the journal, the last is {row['last']}"


CHECKS: tuple[Callable[[], Iterator[str]], ...] = (references_stay_within_a_tenant, positions_have_no_gaps)
