"""What a page showed comes back as it was, from its own button alone and not for long."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import time_machine
from django.utils import timezone

from tenants.dates import SHOWN_FOR
from tenants.ids import new_id
from tenants.shown import read_back, sign


@dataclass(frozen=True, kw_only=True)
class Seen:
    mark: str
    others: tuple[str, ...]
    count: int
    as_of: datetime
    total: Decimal
    key: UUID


@dataclass(frozen=True, kw_only=True)
class SeenByNow:
    """As a later release tells it."""

    mark: str
    others: tuple[str, ...]
    count: int
    as_of: datetime
    total: Decimal
    key: UUID
    currency: str


@dataclass(frozen=True, kw_only=True)
class SeenOtherwise:
    mark: datetime
    others: tuple[str, ...]
    count: int
    as_of: datetime
    total: Decimal
    key: Decimal


ANA, PURCHASE = new_id(), new_id()
SEEN = Seen(
    mark="m",
    others=("a", "b"),
    count=3,
    as_of=datetime(2026, 3, 1, 9, 30, 5, 123456, tzinfo=UTC),
    total=Decimal("14.990"),
    key=new_id(),
)


def test_comes_back_as_it_was():
    back = read_back(Seen, sign(SEEN, "page", ANA, PURCHASE), "page", ANA, PURCHASE)
    assert back == SEEN
    assert str(back.total) == "14.990"


@pytest.mark.parametrize("of", [("page",), ("page", ANA), ("page", PURCHASE, ANA), ("other", ANA, PURCHASE)])
def test_is_worth_nothing_to_somebody_or_of_something_else(of):
    assert read_back(Seen, sign(SEEN, "page", ANA, PURCHASE), *of) is None


@pytest.mark.parametrize("wrong", ["", "made up", "a:b:c", "\0", "ä"])
def test_what_was_made_up_is_nothing(wrong):
    assert read_back(Seen, wrong, "page") is None
    assert read_back(Seen, sign(SEEN, "page") + wrong, "page") == (SEEN if not wrong else None)


@pytest.mark.parametrize("kind", [SeenByNow, SeenOtherwise])
def test_a_page_from_before_it_told_what_it_does_now_is_looked_at_again(kind):
    assert read_back(kind, sign(SEEN, "page"), "page") is None


def test_holds_as_long_as_a_preview_unless_said_otherwise():
    signed, now = sign(SEEN, "page"), timezone.now()
    with time_machine.travel(now + SHOWN_FOR - timedelta(seconds=5)):
        assert read_back(Seen, signed, "page") == SEEN
    with time_machine.travel(now + SHOWN_FOR + timedelta(seconds=5)):
        assert read_back(Seen, signed, "page") is None
        assert read_back(Seen, signed, "page", holds_for=timedelta(days=1)) == SEEN
    with time_machine.travel(now + timedelta(days=400)):
        assert read_back(Seen, signed, "page", holds_for=None) == SEEN
