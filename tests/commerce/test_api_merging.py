"""Several purchases that become one central subscription, by API."""

import pytest
from django.utils import timezone

from commerce.models import Order, TakeOver
from tests.callers import Api
from tests.commerce.changes import findings, fresh
from tests.factories import MembershipFactory, buy, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def boss(tenant):
    return MembershipFactory(tenant=tenant, roles=["billing_admin"])


@pytest.fixture
def central(boss, plan):
    return buy_centrally(boss, plan, 1, timezone.now())


@pytest.fixture
def others(ana, cleo, plan):
    return [buy(ana, plan, 1, timezone.now()), buy(cleo, plan, 1, timezone.now())]


def ask(who, target, *others, key="k", **body):
    named = [str(one.pk) for one in others]
    return Api(who).post(f"subscriptions/{target.pk}/merge/", {"with": named, **body}, key=key)


def test_previews_the_seats_that_are_missing_and_what_goes_back(boss, central, others):
    answer = ask(boss, central, *others, key=None, preview=True)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["subscription"], told["state"], told["missing"], told["order"]) == (str(central.pk), None, 1, None)
    assert (told["room"]["quantity"], len(told["room"]["lines"])) == (2, 1)
    assert [(one["moved"], one["take_over"], one["refused"]) for one in told["each"]] == [(1, None, None)] * 2
    assert (TakeOver.objects.count(), fresh(central).quantity) == (0, 1)


def test_buys_what_was_shown_and_moves_everybody_once_for_one_key(boss, central, others):
    shown = ask(boss, central, *others, key=None, preview=True).json()
    asked = {"as_of": shown["as_of"], "expected_total": shown["room"]["total"]["amount"], "reason": "One contract"}
    first, again = (ask(boss, central, *others, **asked) for _ in range(2))
    assert first.status_code == 200, first.content
    assert first.json() == again.json()
    told = first.json()
    assert told["state"] == "completed"
    assert {one["take_over"] for one in told["each"]} == {str(made.pk) for made in TakeOver.objects.all()}
    assert str(Order.objects.get(kind="seats").pk) == told["order"]
    assert (fresh(central).quantity, fresh(central).seats_assigned) == (2, 2)
    assert findings() == []


def test_buys_nothing_for_more_than_was_shown(boss, central, others):
    answer = ask(boss, central, *others, expected_total="0.01")
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_since_preview")
    assert not TakeOver.objects.exists()


def test_says_of_each_why_it_stays(boss, central, others):
    told = ask(boss, central, *others, central, key=None, preview=True).json()
    assert [one["refused"] and one["refused"]["code"] for one in told["each"]] == [None, None, "not_self_service"]


def test_is_for_those_who_take_over_what_others_bought(ana, boss, central, others):
    assert ask(ana, central, *others).status_code in (403, 404)
    reader = MembershipFactory(tenant=boss.tenant, roles=["global_reader"])
    assert ask(reader, central, *others).status_code == 403
    assert not TakeOver.objects.exists()
