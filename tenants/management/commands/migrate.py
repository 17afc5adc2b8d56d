from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from psycopg import sql

# Rows of these are written once. Beside their triggers, the application's role may not touch them.
APPEND_ONLY = (
    "tenants_event",
    "tenants_eventposition",
    "commerce_invoice",
    "commerce_invoiceline",
    "commerce_movement",
    "commerce_posting",
)
OWNS_DATABASE = "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"


class Command(migrate.Command):
    """Migrates as the owner of the tables, then gives the application's role what it needs, and no more."""

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        connection = connections[options["database"]]
        role = settings.APPLICATION_ROLE
        if role and role != connection.settings_dict["USER"] and not options["plan"] and not options["check_unapplied"]:
            grant(connection, role)


def grant(connection: BaseDatabaseWrapper, role: str) -> None:
    """Rows of every table, no definition of any; of what is written once only reading and adding."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        say(cursor, "GRANT USAGE ON SCHEMA public TO {role}", role=role)
        say(cursor, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}", role=role)
        say(cursor, "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}", role=role)
        say(cursor, "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}", role=role)
        for table in set(APPEND_ONLY) & set(connection.introspection.table_names(cursor)):
            say(cursor, "REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {role}", table=table, role=role)
        cursor.execute(OWNS_DATABASE)
        if cursor.fetchone() == (True,):  # elsewhere an administrator decides who may have temporary tables
            name = str(connection.settings_dict["NAME"])
            say(cursor, "REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC", name=name)


def say(cursor: CursorWrapper, statement: str, **names: str) -> None:
    quoted = {key: sql.Identifier(name) for key, name in names.items()}
    cursor.execute(sql.SQL(statement).format(**quoted).as_string())
