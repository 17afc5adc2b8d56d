"""Several purchases that become one central subscription, by API."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from commerce.models import Order, TakeOver
from tenants.runs import operations as runs
from tenants.runs import work
from tenants.runs.models import Run
from tests.callers import Api
from tests.commerce.changes import STEP_CARD, findings, fresh
from tests.factories import MembershipFactory, buy, buy_centrally, order_centrally, price_centrally

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


def test_up_to_fifty_are_moved_at_once_and_more_in_the_background(boss, tenant, central, plan, monkeypatch):
    monkeypatch.setattr(runs, "DONE_AT_ONCE", 2)
    first, second, *more = (buy(MembershipFactory(tenant=tenant), plan, 1, timezone.now()) for _ in range(5))
    few = ask(boss, central, first, second, key="few")
    assert (few.status_code, few.json()["state"], few.json()["run"]) == (200, "completed", None)
    assert len(few.json()["each"]) == 2
    many, again = (ask(boss, central, *more, key="many", reason="One contract") for _ in range(2))
    assert (many.status_code, many.content) == (202, again.content)
    told = many.json()
    assert (told["state"], told["each"], told["subscription"]) == ("processing", [], str(central.pk))
    assert told["order"] == str(Order.objects.filter(kind="seats").latest("created_at").pk)
    assert (told["run"]["deed"], told["run"]["size"], told["run"]["state"]) == ("commerce.merge", 3, "under_way")
    assert told["run"]["counts"] == {"waiting": 3, "done": 0, "refused": 0, "set_aside": 0, "left": 0}
    assert (TakeOver.objects.count(), fresh(central).quantity) == (2, 5)
    work.go_on(UUID(told["run"]["id"]), at=timezone.now() + timedelta(hours=1), seconds=60)
    done = Api(boss).get(f"runs/{told['run']['id']}/").json()
    assert (done["state"], done["counts"]["done"]) == ("finished", 3)
    rows = Api(boss).get(f"runs/{told['run']['id']}/rows/").json()["results"]
    assert [(row["subject"], row["state"], row["code"]) for row in rows] == [(str(one.pk), "done", "") for one in more]
    moments = TakeOver.objects.filter(subscription__in=more).values_list("started_at", flat=True)
    assert {parse_datetime(told["as_of"])} == set(moments)
    assert Run.objects.count() == 1
    assert findings() == []


def test_more_than_fifty_wait_for_the_payment_of_their_seats_before_any_run(boss, plan, others, monkeypatch):
    monkeypatch.setattr(runs, "DONE_AT_ONCE", 1)
    by_card = order_centrally(
        boss, price_centrally(plan), 1, timezone.now(), payment_method="pm_card_visa"
    ).subscription
    answer = ask(boss, by_card, *others, payment_method=STEP_CARD)
    told = answer.json()
    assert (answer.status_code, told["state"], told["run"]) == (202, "requires_action", None)
    assert told["next_action"]["url"]
    assert (Run.objects.count(), TakeOver.objects.count()) == (0, 0)


def test_a_run_is_read_by_who_asked_for_it_and_who_reads_the_journal(boss, ana, central, others, monkeypatch):
    monkeypatch.setattr(runs, "DONE_AT_ONCE", 1)
    run = ask(boss, central, *others).json()["run"]["id"]
    license_admin = MembershipFactory(tenant=boss.tenant, roles=["license_admin"])
    reader = MembershipFactory(tenant=boss.tenant, roles=["global_reader"])
    stranger = MembershipFactory(roles=["global_admin"])
    for who, status in ((boss, 200), (reader, 200), (license_admin, 404), (ana, 404), (stranger, 404)):
        for page in ("", "rows/"):
            assert Api(who).get(f"runs/{run}/{page}").status_code == status, (who, page)
    assert Api(boss, scopes=["seats:write"]).get(f"runs/{run}/").json()["code"] == "insufficient_scope"


def test_says_of_each_why_it_stays(boss, central, others):
    told = ask(boss, central, *others, central, key=None, preview=True).json()
    assert [one["refused"] and one["refused"]["code"] for one in told["each"]] == [None, None, "not_self_service"]


def test_is_for_those_who_take_over_what_others_bought(ana, boss, central, others):
    assert ask(ana, central, *others).status_code in (403, 404)
    reader = MembershipFactory(tenant=boss.tenant, roles=["global_reader"])
    assert ask(reader, central, *others).status_code == 403
    assert not TakeOver.objects.exists()
