"""Taking many purchases over at once: shown first with the money of each, done as a run, settled and undone as one."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commerce.models import PaymentMethod, TakeOver
from commerce.operations.buying.trials import start_trial
from commerce.operations.takeover import settling
from licensing.models import Seat, Subscription
from licensing.operations import seats
from tenants.bulk_actions import sign_shown, what_was_shown
from tenants.runs import operations as runs
from tenants.runs import work
from tenants.runs.models import Run
from tests import factories, ledger
from tests.admin.bulk.pressing import choose, confirm
from tests.admin.pages import RUNS, opened
from tests.callers import signed_in
from tests.commerce.changes import findings
from tests.factories import acting, add_card, admin_of, agree, buy, buy_centrally, plan_on_sale
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DEED = "commerce.take_over"
SETTLE, UNDO = "commerce.settle_take_over", "commerce.undo_take_over"


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def boss(contoso):
    return admin_of(contoso, "billing_admin").membership


@pytest.fixture
def billing(boss):
    return signed_in(boss)


@pytest.fixture
def many(contoso, plan, now):
    return [buy(factories.MembershipFactory(tenant=contoso, name=f"Ana {n}"), plan, 1, now) for n in range(3)]


@pytest.fixture
def central(boss, plan, now):
    return buy_centrally(boss, plan, 2, now)


def look(browser, rows, **said):
    return choose(browser, rows, deed=DEED, preview="yes", **said)


def together(page):
    return {str(each["label"]): each["amount"] for each in page.context["preview"]["sums"]}


def choose_take_overs(browser, rows, deed):
    url = reverse("admin:commerce_takeover_bulk")
    return browser.post(url, {"deed": deed, "which": "ticked", "row": [str(row.pk) for row in rows]})


def confirm_take_overs(browser, page):
    context = page.context
    said = {"deed": context["action"].deed, "subjects": context["subjects"], "shown": context["shown"]}
    url = reverse("admin:commerce_takeover_bulk")
    return browser.post(url, {**said, "reason": "One contract", "confirm": "yes"})


def test_asks_how_before_anything_is_shown(billing, many):
    page = choose(billing, many, deed=DEED)
    assert page.context["preview"] is None
    assert set(page.context["form"].fields) == {"mode", "target_subscription", "pays", "reimburse", "reason"}


def test_shows_what_goes_back_and_who_is_refused_for_want_of_a_seat(billing, many, central):
    page = look(billing, many, mode="move", target_subscription=str(central.pk))
    preview = page.context["preview"]
    assert (preview["done_count"], preview["refused_count"]) == (2, 1)
    [back] = together(page).values()
    assert Decimal("19.9") < back <= Decimal("19.98")
    assert (TakeOver.objects.count(), Run.objects.count()) == (0, 0)


def test_is_done_as_it_was_shown(billing, many, central, boss):
    said = {"mode": "move", "target_subscription": str(central.pk)}
    answer = confirm(billing, look(billing, many, **said), **said)
    run = Run.objects.get()
    assert answer.url == opened(RUNS, run)
    assert {state: count for state, count in run.counts().items() if count} == {"done": 2, "refused": 1}
    assert set(TakeOver.objects.values_list("subscription", flat=True)) == {row.pk for row in many[:2]}
    assert {made.reason for made in TakeOver.objects.all()} == {"Too dear"}
    assert Seat.objects.open().filter(subscription=central).count() == 2
    assert findings() == []


def test_what_was_shown_goes_back_however_late_the_turn_of_a_row_comes(billing, boss, many, now, monkeypatch):
    monkeypatch.setattr(runs, "DONE_AT_ONCE", 0)
    page = look(billing, many, mode="cancel")
    [shown] = together(page).values()
    confirm(billing, page, mode="cancel")
    assert not TakeOver.objects.exists()
    later = now + timedelta(hours=5)
    work.go_on(Run.objects.get().pk, at=later, seconds=60)
    moments = set(TakeOver.objects.values_list("started_at", flat=True))
    assert moments == {what_was_shown(page.context["shown"]).at}
    for held in TakeOver.objects.with_people():
        settling.settle(take_over=held, by=acting(boss), at=later)
    assert sum(ledger.refunded()) == shown
    assert findings() == []


@pytest.mark.parametrize(("minutes", "status"), [(14, 302), (16, 400), (-1, 400)])
def test_what_was_shown_holds_for_fifteen_minutes_of_the_organisations_own_time(
    billing, plan, contoso, now, minutes, status
):
    """Its clock may be moved, which the age of a signature knows nothing of."""
    said = {"mode": "adopt", "pays": str(agree(contoso).pk)}
    bought = buy(factories.MembershipFactory(tenant=contoso), plan, 1, now - timedelta(days=1))
    page = look(billing, [bought], **said)
    seen = what_was_shown(page.context["shown"])
    aged = sign_shown(replace(seen, at=seen.at - timedelta(minutes=minutes)))
    assert confirm(billing, page, shown=aged, **said).status_code == status
    assert TakeOver.objects.exists() == (status == 302)


def test_a_person_with_two_of_them_takes_one_seat(billing, many, central, plan, now):
    again = buy(many[0].owner, plan, 1, now)
    page = look(billing, [many[0], again, many[1]], mode="move", target_subscription=str(central.pk))
    assert page.context["preview"]["done_count"] == 3
    confirm(billing, page, mode="move", target_subscription=str(central.pk))
    assert Run.objects.get().counts()["done"] == 3


@pytest.mark.parametrize("mode", ["move", "cancel", "adopt", "adopt and pay", "adopt by card"])
def test_says_of_each_what_the_run_does_then(billing, boss, contoso, plan, central, many, now, mode):
    """A trial, a central one, one of another product, one that has ended, one that is being taken over."""
    tried, other = plan_on_sale(product__trial_days=30), plan_on_sale(product__name="Power Apps")
    ana, agreement = factories.MembershipFactory(tenant=contoso), agree(contoso)
    add_card(boss, for_organisation=True, at=now)
    card = PaymentMethod.objects.get(tenant=contoso, member=None)
    rows = [
        start_trial(plan=tried, quantity=1, assign_to=[], by=acting(ana), at=now).trial,
        central,
        buy(ana, other, 1, now),
        *many,
    ]
    Subscription.objects.filter(pk=many[0].pk).update(
        state="disabled", end_cause="canceled", auto_renew=False, state_ends_at=now + timedelta(days=90)
    )
    said = {"mode": mode.split()[0]}
    if said["mode"] == "move":
        said["target_subscription"] = str(central.pk)
    if said["mode"] == "adopt":
        said["pays"] = str(card.pk if mode.endswith("card") else agreement.pk)
    if mode.endswith("pay"):
        said["reimburse"] = "on"
    page = look(billing, rows, **said)
    told = {line.subject: str(line.refused) for line in page.context["preview"]["refused"]}
    confirm(billing, page, **said)
    done = Run.objects.get().rows
    assert dict(done.filter(state="refused").values_list("subject", "detail")) == told
    assert done.filter(state="done").count() == page.context["preview"]["done_count"] > 0
    assert told


def test_costs_the_same_for_one_and_for_thirty(billing, contoso, plan, central, now):
    rows = [buy(factories.MembershipFactory(tenant=contoso), plan, 1, now) for _ in range(30)]

    def queries(count, **said):
        with CaptureQueriesContext(connection) as found:
            assert look(billing, rows[:count], **said).status_code == 200
        return len(found)

    for said in ({"mode": "move", "target_subscription": str(central.pk)}, {"mode": "cancel"}):
        queries(1, **said)
        assert queries(1, **said) == queries(30, **said)


def test_several_are_settled_at_once(billing, many):
    confirm(billing, look(billing, many, mode="cancel"), mode="cancel")
    page = choose_take_overs(billing, TakeOver.objects.all(), SETTLE)
    assert page.context["preview"]["done_count"] == 3
    assert Decimal("29.9") < together(page)["goes back to who paid"] <= Decimal("29.97")
    confirm_take_overs(billing, page)
    page = billing.get(opened(RUNS, Run.objects.get(deed=SETTLE))).content.decode()
    assert all(f"{row.purchaser}</a>" in page for row in many)  # whose each was: all are of one plan
    assert not TakeOver.objects.open().exists()
    assert set(Subscription.objects.values_list("state", flat=True)) == {"deleted"}
    assert findings() == []
    again = choose_take_overs(billing, TakeOver.objects.all(), SETTLE).context["preview"]
    assert (again["done_count"], [line.unchanged for line in again["unchanged"]]) == (0, ["It is so already."] * 3)


def test_the_money_of_settling_is_told_in_the_same_number_of_queries_for_one_and_for_ten(billing, contoso, plan, now):
    rows = [buy(factories.MembershipFactory(tenant=contoso), plan, 1, now) for _ in range(10)]
    confirm(billing, look(billing, rows, mode="cancel"), mode="cancel")

    def queries(count):
        with CaptureQueriesContext(connection) as found:
            assert choose_take_overs(billing, TakeOver.objects.all()[:count], SETTLE).status_code == 200
        return len(found)

    queries(1)
    assert queries(1) == queries(10)


def test_several_are_undone_at_once(billing, many, central):
    seats.assign(
        subscription=central, members=[many[0].owner], by=admin_of(central.tenant), at=timezone.now()
    )  # who has one keeps it
    said = {"mode": "move", "target_subscription": str(central.pk)}
    confirm(billing, look(billing, many[:2], **said), **said)
    confirm_take_overs(billing, choose_take_overs(billing, TakeOver.objects.all(), UNDO))
    assert set(TakeOver.objects.values_list("state", flat=True)) == {"undone"}
    assert {row.state for row in Subscription.objects.filter(pk__in=[row.pk for row in many])} == {"active"}
    assert [seat.member for seat in Seat.objects.open().filter(subscription=central)] == [many[0].owner]
    assert ledger.refunded() == []
    assert findings() == []


def test_a_delegate_takes_over_settles_and_undoes(contoso, many, now):
    partner = signed_in(let_in(contoso, at=now).as_token_holder)
    confirm(partner, look(partner, many[:2], mode="cancel"), mode="cancel")
    first, second = TakeOver.objects.all()
    confirm_take_overs(partner, choose_take_overs(partner, [first], SETTLE))
    confirm_take_overs(partner, choose_take_overs(partner, [second], UNDO))
    assert {TakeOver.objects.get(pk=row.pk).state for row in (first, second)} == {"settled", "undone"}
