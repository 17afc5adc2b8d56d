from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

# Rows of these are written once. Beside their triggers, the application's role may not touch them.
APPEND_ONLY = ("tenants_event", "tenants_eventposition")


class Command(migrate.Command):
    """Migrates as the owner of the tables, then gives the application's role what it needs, and no more."""

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        connection = connections[options["database"]]
        role = settings.APPLICATION_ROLE
        if role and role != connection.settings_dict["USER"] and not options["plan"] and not options["check_unapplied"]:
            grant(connection, role)


def grant(connection: BaseDatabaseWrapper, role: str) -> None:
    """Rows of every table, no definition of any; of the journal only reading and adding."""
    statements = [
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
    ]
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(sql.SQL(statement).format(role=sql.Identifier(role)).as_string(cursor.cursor))
        for table in set(APPEND_ONLY) & set(connection.introspection.table_names(cursor)):
            revoke = sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {role}")
            names = {"table": sql.Identifier(table), "role": sql.Identifier(role)}
            cursor.execute(revoke.format(**names).as_string(cursor.cursor))
