import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection


@pytest.fixture
def application(transactional_db):
    """A session of the application's role on the database of this test."""
    found = settings.DATABASES["default"]
    assert found["USER"] not in settings.APPLICATION_DATABASE_URL
    name = connection.settings_dict["NAME"]
    with psycopg.connect(settings.APPLICATION_DATABASE_URL, dbname=name, autocommit=True) as session:
        yield session


def test_reads_and_writes_rows(application):
    assert application.execute("SELECT count(*) FROM tenants_tenant").fetchone() == (0,)
    assert application.execute("DELETE FROM tenants_tenant").rowcount == 0


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "ALTER TABLE tenants_tenant ADD COLUMN mine int",
        "DROP TABLE tenants_tenant",
        "TRUNCATE tenants_tenant CASCADE",
        "ALTER TABLE tenants_event DISABLE TRIGGER ALL",
        "UPDATE tenants_event SET type = 'other'",
        "DELETE FROM tenants_event",
        "TRUNCATE tenants_event CASCADE",
        "UPDATE tenants_eventposition SET position = 1",
        "DELETE FROM tenants_eventposition",
        "UPDATE commerce_invoice SET total = 0",
        "DELETE FROM commerce_invoiceline",
        "TRUNCATE commerce_invoice CASCADE",
        "UPDATE commerce_movement SET currency = 'EUR'",
        "DELETE FROM commerce_posting",
        "TRUNCATE commerce_movement CASCADE",
        "DELETE FROM django_migrations",
        "CREATE EXTENSION pg_stat_statements",
        "SET ROLE seatwise_owner",
    ],
)
def test_is_refused(application, statement):
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)):
        application.execute(statement)


def test_the_journal_takes_rows_and_shows_them(application):
    privileges = "SELECT has_table_privilege(%s, 'SELECT, INSERT')"
    for table in ("tenants_event", "tenants_eventposition"):
        assert application.execute(privileges, [table]).fetchone() == (True,)


def test_migrating_again_gives_back_what_was_taken_and_takes_what_was_given(application):
    with connection.cursor() as cursor:
        cursor.execute(f"REVOKE ALL ON tenants_tenant FROM {settings.APPLICATION_ROLE}")
        cursor.execute(f"GRANT UPDATE ON tenants_event TO {settings.APPLICATION_ROLE}")
    call_command("migrate", verbosity=0)
    application.execute("SELECT 1 FROM tenants_tenant")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute("UPDATE tenants_event SET type = 'other'")
