"""No row of one tenant refers to a row of another: the database itself refuses it."""

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from tenants.directory.models import Department, RoleGrant
from tenants.journal.models import EventPosition
from tests.factories import NOON, DepartmentFactory, MembershipFactory, TenantFactory

pytestmark = pytest.mark.django_db

# Keys between tenant-owned tables that may cross tenants, each with its reason.
CROSSES_BY_DESIGN: dict[tuple[str, str], str] = {}

KEYS = """
    SELECT source.relname, target.relname,
           (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k(attnum, n)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum),
           (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(c.confkey) WITH ORDINALITY k(attnum, n)
            JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum),
           c.convalidated
    FROM pg_constraint c
    JOIN pg_class source ON source.oid = c.conrelid
    JOIN pg_class target ON target.oid = c.confrelid
    WHERE c.contype = 'f'
"""


def tenant_owned_models():
    ours = [model for model in apps.get_models() if model.__module__.split(".")[0] in APPS]
    return [model for model in ours if any(field.name == "tenant" for field in model._meta.local_fields)]


APPS = {"tenants", "licensing", "policies", "commerce"}


def keys():
    with connection.cursor() as cursor:
        cursor.execute(KEYS)
        return cursor.fetchall()


def test_every_key_between_tenant_owned_tables_holds_the_tenant():
    owned = {model._meta.db_table for model in tenant_owned_models()}
    assert len(owned) > 5
    between = [key for key in keys() if key[0] in owned and key[1] in owned]
    held = {
        (source, columns[1])
        for source, _, columns, referred, valid in between
        if valid and len(columns) == 2 and columns[0] == "tenant_id" and referred == ["tenant_id", "id"]
    }
    loose = {(source, columns[0]) for source, _, columns, _, _ in between if len(columns) == 1} - held
    assert loose == set(CROSSES_BY_DESIGN)


def test_every_relation_that_django_knows_has_its_key():
    """Without a constraint of Django's own, a forgotten migration operation would leave no key at all."""
    owned = {model._meta.db_table: model for model in tenant_owned_models()}
    held = {(source, columns[-1]) for source, _, columns, _, _ in keys()}
    missing = [
        (table, field.column)
        for table, model in owned.items()
        for field in model._meta.local_fields
        if field.is_relation and (table, field.column) not in held
    ]
    assert missing == []


def test_every_tenant_owned_row_names_its_tenant():
    free = {"tenants_event", "tenants_idempotencykey", "tenants_tokentenant"}  # the service's own, an operator's
    free |= {"commerce_difference"}  # what a provider has may belong to nobody here
    free |= {"commerce_dunningstep"}  # of no tenant: what holds for all that said nothing themselves
    free |= {"tenants_run", "tenants_runrow"}  # of no tenant: what an operator began
    nullable = {model._meta.db_table for model in tenant_owned_models() if model._meta.get_field("tenant").null}
    assert nullable - free <= {"policies_decision"}


def put_department_elsewhere(here, there):
    MembershipFactory(tenant=here, department=DepartmentFactory(tenant=there))


def put_parent_elsewhere(here, there):
    Department.objects.create(tenant=here, name="Sales", parent=DepartmentFactory(tenant=there))


def put_role_elsewhere(here, there):
    RoleGrant.objects.create(
        tenant=there, membership=MembershipFactory(tenant=here), role="global_admin", granted_at=NOON
    )


def put_position_elsewhere(here, there):
    event = here.events.create(type="thing.happened", at=NOON)
    EventPosition.objects.create(tenant=there, event=event, position=1)


@pytest.mark.parametrize(
    "put", [put_department_elsewhere, put_parent_elsewhere, put_role_elsewhere, put_position_elsewhere]
)
@pytest.mark.django_db(transaction=True)
def test_the_database_refuses_a_row_of_another_tenant(put):
    here, there = TenantFactory(), TenantFactory()
    in_one_transaction = transaction.atomic(put)
    with pytest.raises(IntegrityError, match="same_tenant"):
        in_one_transaction(here, there)
