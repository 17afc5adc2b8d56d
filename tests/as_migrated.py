"""
The database as migrations left it, before each test and after: those that commit are followed by this.

Django would empty every table and save every row of the migrations again, one by one, before each such test.
"""

from collections.abc import Iterable

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.test import TransactionTestCase

# Of each table that migrations fill, what PostgreSQL writes of it.
rows: dict[str, bytes] = {}
empty: list[str] = []


def keep() -> None:
    """Remember how the tables are now; from here on they are so again after each test that commits."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows.update((table, written(cursor, table)) for table in filled(cursor, tables))
        empty.extend(set(tables) - set(rows))
    TransactionTestCase._fixture_teardown = lambda _test: put_back()


@transaction.atomic
def put_back() -> None:
    """Empty what a test has filled, with all that refers to it, and fill what it has changed or emptied."""
    with connection.cursor() as cursor:
        # What a killed process was writing is written, or not, before anybody looks.
        cursor.execute(f"LOCK TABLE {', '.join(map(quoted, [*rows, *empty]))} IN SHARE MODE")
        touched = [*filled(cursor, empty), *(table for table in rows if written(cursor, table) != rows[table])]
        if not touched:
            return
        cursor.execute(f"TRUNCATE {', '.join(map(quoted, touched))} CASCADE")
        for table in set(rows) - filled(cursor, rows):
            with cursor.copy(f"COPY {quoted(table)} FROM STDIN") as copy:
                copy.write(rows[table])


def filled(cursor: CursorWrapper, tables: Iterable[str]) -> set[str]:
    asked = (f"SELECT '{table}' WHERE EXISTS (TABLE {quoted(table)})" for table in tables)
    cursor.execute(" UNION ALL ".join(asked))
    return {table for (table,) in cursor.fetchall()}


def written(cursor: CursorWrapper, table: str) -> bytes:
    with cursor.copy(f"COPY {quoted(table)} TO STDOUT") as copy:
        return b"".join(copy)


def quoted(table: str) -> str:
    return connection.ops.quote_name(table)
