"""The ledger in the database: nobody can change it, and nothing is posted that does not sum up."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from commerce.models import Movement, Posting
from tests.factories import buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestTheDatabaseRefuses:
    @pytest.fixture
    def movement(self, ana, plan):
        buy(ana, plan)
        now()
        return Movement.objects.get(kind="captured")

    @pytest.mark.parametrize("model", [Movement, Posting])
    def test_to_change_or_delete_one(self, movement, model):
        with pytest.raises(DatabaseError, match="the ledger is append-only"), transaction.atomic():
            model.objects.update(tenant=movement.tenant)
        with pytest.raises(DatabaseError, match="the ledger is append-only"), transaction.atomic():
            model.objects.all()._raw_delete("default")

    def test_one_that_does_not_sum_to_zero_even_later(self, movement):
        Posting.objects.create(tenant=movement.tenant, movement=movement, account="losses", amount=1)
        with pytest.raises(IntegrityError, match="movement_sums_to_zero"):
            now()

    @pytest.mark.parametrize("amounts", [{}, {"provider": 1}, {"provider": 1, "sales": -2}], ids=str)
    def test_fewer_than_two_postings_or_another_sum(self, movement, amounts):
        other = copy_of(movement)
        for account, amount in amounts.items():
            Posting.objects.create(tenant=other.tenant, movement=other, account=account, amount=amount)
        with pytest.raises(IntegrityError, match="movement_sums_to_zero"):
            now()

    def test_to_post_a_fact_twice(self, movement):
        with pytest.raises(IntegrityError, match="a_fact_is_posted_once"):
            copy_of(movement, source=movement.source)

    def test_a_posting_of_nothing(self, movement):
        with pytest.raises(IntegrityError, match="posting_is_not_zero"):
            Posting.objects.create(tenant=movement.tenant, movement=movement, account="losses", amount=0)

    def test_an_account_twice(self, movement):
        with pytest.raises(IntegrityError, match="one_posting_per_account"):
            Posting.objects.create(tenant=movement.tenant, movement=movement, account="provider", amount=1)


def now():
    """What the database says at the end of a transaction, said at once."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def copy_of(movement, **changes):
    fields = {name: getattr(movement, name) for name in ("tenant", "kind", "order", "payment", "currency", "at")}
    return Movement.objects.create(**fields, **{"source": movement.tenant_id, **changes})
