"""A database that stands at an earlier release, and has rows, takes the migrations that came since."""

import os
import subprocess
import sys

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

EARLIER = ("commerce", "0001_squashed_0019_trials")  # with all that it stands on
ROWS = """
INSERT INTO tenants_tenant (id, slug, name, legal_name, country, sector, time_zone, managed, is_demo, created_at,
    contact_email, contact_url, contact_message, tax_number, billing_address)
VALUES ('00000000-0000-7000-8000-000000000001', 'here', 'Here', '', 'DE', 'commercial', 'Europe/Berlin', true, true,
    now(), '', '', '', '', '');
INSERT INTO tenants_user (id, email, name, password, is_operator, is_demo, created_at)
VALUES ('00000000-0000-7000-8000-000000000002', 'ana@here.example', 'Ana', '', false, true, now());
INSERT INTO tenants_department (id, tenant_id, name)
VALUES ('00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000001', 'Sales');
INSERT INTO tenants_membership (id, tenant_id, user_id, department_id, name, kind, state, source, created_at)
VALUES ('00000000-0000-7000-8000-000000000004', '00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000003', 'Ana', 'member', 'active', 'cloud',
    now());
INSERT INTO licensing_family (slug, name) VALUES ('charts', 'Charts');
INSERT INTO licensing_product (id, slug, name, family_id, self_service, summary, resources, capacity, created_at)
VALUES ('CHARTS', 'charts-pro', 'Charts Pro', 'charts', true, '', '{}', '{}', now());
INSERT INTO licensing_plan (id, product_id, term, min_quantity, max_quantity)
VALUES ('charts-monthly', 'CHARTS', 'P1M', 1, 100);
INSERT INTO licensing_subscription (id, tenant_id, plan_id, purchaser_id, owner_id, payer_id, channel, state, quantity,
    seats_assigned, auto_renew, end_cause, order_ref, time_zone, anchor_at, term_start, term_end, state_ends_at,
    created_at)
VALUES ('00000000-0000-7000-8000-000000000005', '00000000-0000-7000-8000-000000000001', 'charts-monthly',
    '00000000-0000-7000-8000-000000000004', '00000000-0000-7000-8000-000000000004',
    '00000000-0000-7000-8000-000000000004', 'self_service', 'active', 7, 3, true, '', '', 'Europe/Berlin', now(), now(),
    now() + interval '1 month', now() + interval '1 month', now());
INSERT INTO tenants_event (id, tenant_id, type, at, subject, data)
VALUES ('00000000-0000-7000-8000-000000000006', '00000000-0000-7000-8000-000000000001', 'order.paid', now(), '', '{}');
INSERT INTO tenants_eventposition (tenant_id, event_id, position)
VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000006', 1);
INSERT INTO tenants_job (id, name, arguments, attempts, created_at, done_at, set_aside_at)
VALUES ('00000000-0000-7000-8000-000000000007', 'ended.late', '{}', 3, now(), now(), now());
"""


@pytest.fixture
def earlier(transactional_db):
    """A database of its own, for which other processes migrate."""
    mine = connection.settings_dict
    name = f"{mine['NAME']}_earlier"
    access = make_conninfo(host=mine["HOST"], port=mine["PORT"], user=mine["USER"], password=mine["PASSWORD"])
    with psycopg.connect(access, dbname=mine["NAME"], autocommit=True) as session:
        session.execute(f"DROP DATABASE IF EXISTS {name}")
        session.execute(f"CREATE DATABASE {name}")
        yield make_conninfo(access, dbname=name)
        session.execute(f"DROP DATABASE {name}")


def migrate(database: str, *target: str) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(database)
    url = "postgresql://{user}:{password}@/{dbname}?host={host}".format(**parts)
    environment = os.environ | {"DATABASE_URL": url, "MIGRATE_DATABASE_URL": url}
    command = [sys.executable, "manage.py", "migrate", "-v0", *target]
    subprocess.run(command, env=environment, cwd=settings.BASE_DIR, check=True)


def test_rows_of_an_earlier_release_are_taken_along(earlier):
    migrate(earlier, *EARLIER)
    with psycopg.connect(earlier) as session:
        session.execute(ROWS)
    migrate(earlier)
    with psycopg.connect(earlier) as session:
        tallies = session.execute("SELECT purchases, seats, used, folded FROM licensing_seattally").fetchall()
        written = session.execute("SELECT position FROM commerce_noticeswritten").fetchall()
        sandboxes = session.execute("SELECT is_sandbox FROM tenants_tenant").fetchall()
        jobs = session.execute("SELECT set_aside_at FROM tenants_job").fetchall()
    assert (tallies, written, sandboxes, jobs) == ([(1, 7, 3, True)], [(1,)], [(True,)], [(None,)])
