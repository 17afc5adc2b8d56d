"""
Charges of nobody here in a long past: they are told in one part of it, and what went back of them may stand in another.
"""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Difference
from commerce.operations.accounts import books, reconciliation
from tests.commerce.differences import charges, never_captured, stranger
from tests.factories import NOON

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DAY = timedelta(days=1)


@pytest.fixture
def read(monkeypatch):
    """The windows of the books that were read."""
    windows, books = [], SandboxGateway.books

    def counted(self, since, until):
        windows.append((since, until))
        return books(self, since, until)

    monkeypatch.setattr(SandboxGateway, "books", counted)
    return windows


@pytest.mark.parametrize("many", [1, 7])
def test_the_books_are_read_once_more_for_all_of_them(read, many):
    for _each in range(many):
        stranger()
    now = timezone.now()
    told = reconciliation.compare_books(since=now - 80 * DAY, until=now + 5 * DAY, at=now)
    assert (told.standing, told.gone) == (many, 0)
    assert len(read) == 3 + 1


def test_and_not_at_all_where_there_is_none(read, ana, plan):
    never_captured(ana, plan)
    now = timezone.now()
    assert reconciliation.compare_books(since=NOON - DAY, until=now, at=now).standing == 1
    assert len(read) == len(books.parts(NOON - DAY, now))


def test_those_that_went_back_are_gone_and_the_others_stay(read):
    back, part, _kept = stranger(), stranger(), stranger()
    for charge, amount in ((back, back.amount), (part, part.amount - 1)):
        SandboxGateway().refund_by_hand(key=uuid4(), charge_key=charge.pk, amount=amount)
    # In an earlier part than what went back of them.
    charges().update(created_at=timezone.now() - 40 * DAY)
    now = timezone.now()
    told = reconciliation.compare_books(since=now - 80 * DAY, until=now + 5 * DAY, at=now)
    assert (told.standing, told.gone) == (2, 1)
    gone = Difference.objects.get(resolution="gone")
    assert gone.reference == f"pi_{back.key.hex}"
