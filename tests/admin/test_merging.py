"""Merging what people bought into one central subscription, from its page."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commerce.models import Order, TakeOver
from commerce.operations.takeover import merging, settling, starting
from commerce.operations.takeover.previewing import Wish
from licensing.models import Seat, Subscription
from licensing.operations import seats
from policies.operations import settings
from tenants.runs import operations as runs
from tenants.runs import work
from tenants.runs.models import Run
from tests import factories, ledger
from tests.admin.pages import PURCHASES, RUNS, browser_of, opened
from tests.callers import signed_in
from tests.commerce.changes import STEP_CARD, change, findings, fresh
from tests.factories import acting, admin_of, buy, buy_centrally, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


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
def central(boss, plan, now):
    return buy_centrally(boss, plan, 1, now)


@pytest.fixture
def many(contoso, plan, now):
    return [buy(factories.MembershipFactory(tenant=contoso, name=f"Ana {n}"), plan, 1, now) for n in range(3)]


def page_of(row):
    return reverse("admin:commerce_purchase_merge", args=[row.pk])


def look(browser, central, rows):
    return browser.post(page_of(central), {"purchases": [str(row.pk) for row in rows], "preview": "yes"})


def merge(browser, central, rows, page, **more):
    said = {"purchases": [str(row.pk) for row in rows], "shown": page.context["shown"], "reason": "One contract"}
    return browser.post(page_of(central), {**said, **paid_by(page), **more})


def paid_by(page):
    card = page.context["card"]
    return {"payment_method": card.fields["payment_method"].choices[0][0]} if card else {}


def test_is_offered_on_the_page_of_a_central_purchase(contoso, billing, many, central, plan, now):
    assert page_of(central) in billing.get(opened(PURCHASES, central)).content.decode()
    assert page_of(many[0]) not in billing.get(opened(PURCHASES, many[0])).content.decode()
    reader = browser_of(contoso, "global_reader")
    assert page_of(central) not in reader.get(opened(PURCHASES, central)).content.decode()
    assert reader.get(page_of(central)).status_code == 403


def test_offers_what_people_bought_of_the_product(billing, many, central, contoso, now):
    buy(factories.MembershipFactory(tenant=contoso), plan_on_sale(product__name="Power Apps"), 1, now)
    form = billing.get(page_of(central)).context["form"]
    assert set(form.known) == {str(row.pk) for row in many}


def test_shows_what_goes_back_and_what_the_missing_seats_cost_and_changes_nothing(billing, many, central):
    page = look(billing, central, many)
    assert page.status_code == 200
    told = page.context["told"]
    assert (told.missing, told.room.after) == (2, 3)
    text = page.content.decode()
    assert "2 seats are missing." in text
    assert "Goes back when they are settled" in text
    assert (TakeOver.objects.count(), Run.objects.count(), fresh(central).quantity) == (0, 0, 1)


def test_buys_the_seats_and_moves_the_people(billing, many, central):
    page = look(billing, central, many)
    told = page.context["told"]
    answer = merge(billing, central, many, page)
    run = Run.objects.get()
    assert answer.url == opened(RUNS, run)
    assert run.counts()["done"] == 3
    assert Order.objects.get(kind="seats").total == told.room.total
    assert fresh(central).quantity == 3
    held = Seat.objects.open().filter(subscription=central)
    assert {seat.member for seat in held} == {row.owner for row in many}
    assert {made.mode for made in TakeOver.objects.all()} == {"move"}
    assert findings() == []


def test_a_second_click_buys_and_moves_nothing_more(billing, many, central):
    page = look(billing, central, many)
    first, second = (merge(billing, central, many, page) for _ in range(2))
    assert first.url == second.url
    assert (Order.objects.filter(kind="seats").count(), Run.objects.count()) == (1, 1)


def test_what_was_shown_goes_back_however_late_the_turn_of_a_row_comes(billing, boss, many, central, now, monkeypatch):
    monkeypatch.setattr(runs, "DONE_AT_ONCE", 0)
    page = look(billing, central, many)
    told = page.context["told"]
    merge(billing, central, many, page)
    assert not TakeOver.objects.exists()
    later = now + timedelta(hours=5)
    work.go_on(Run.objects.get().pk, at=later, seconds=60)
    assert set(TakeOver.objects.values_list("started_at", flat=True)) == {told.as_of}
    for held in TakeOver.objects.with_people():
        settling.settle(take_over=held, by=acting(boss), at=later)
    assert {"USD": sum(ledger.refunded())} == told.refunds
    assert findings() == []


def test_what_goes_back_otherwise_by_now_is_shown_anew(billing, boss, many, central, now):
    page = look(billing, central, many)
    settings.change(tenant=central.tenant, take_over_refunds=False, reason="Ours", by=acting(boss), at=now)
    again = merge(billing, central, many, page)
    assert again.status_code == 400
    assert "What you saw holds no longer." in again.content.decode()
    assert (TakeOver.objects.count(), Order.objects.filter(kind="seats").count()) == (0, 0)
    assert not again.context["refunds"]
    assert merge(billing, central, many, again).status_code == 302
    assert TakeOver.objects.count() == 3


def test_one_that_is_taken_over_meanwhile_is_shown_anew(billing, boss, many, central, now):
    page = look(billing, central, many)
    wish = Wish(mode="cancel")
    starting.start(subscription=fresh(many[0]), wish=wish, by=acting(boss), at=now)
    assert merge(billing, central, many, page).status_code == 400
    assert TakeOver.objects.count() == 1


def test_says_of_each_what_the_run_does_then(billing, many, central, now):
    """One whose seats wait for the bank, one whose person has a central seat, and one more."""
    change(many[0], 2, at=now, card=STEP_CARD)
    seats.assign(subscription=central, members=[many[1].owner], by=admin_of(central.tenant), at=now)
    page = look(billing, central, many)
    told = page.context["told"]
    refused = {str(one.subscription.pk): str(one.refusal) for one in told.each if one.refusal}
    assert set(refused) == {str(many[0].pk)}
    merge(billing, central, many, page)
    rows = Run.objects.get().rows
    assert dict(rows.filter(state="refused").values_list("subject", "detail")) == refused
    assert rows.filter(state="done").count() == 2
    assert Order.objects.filter(subscription=central, kind="seats").get().total == told.room.total
    assert findings() == []


def test_asks_as_often_for_one_as_for_ten(billing, contoso, plan, central, now):
    rows = [buy(factories.MembershipFactory(tenant=contoso), plan, 1, now) for _ in range(10)]

    def queries(count):
        by, others = admin_of(contoso, "billing_admin"), Subscription.objects.with_people()
        some = list(others.filter(pk__in=[row.pk for row in rows[:count]]))
        with CaptureQueriesContext(connection) as found:
            merging.preview(target=fresh(central), others=some, by=by, at=now)
        return len(found)

    queries(2)
    assert queries(2) == queries(10)


def test_buys_nothing_where_there_is_room(billing, many, central):
    page = look(billing, central, many[:1])
    assert "Nothing has to be bought." in page.content.decode()
    merge(billing, central, many[:1], page)
    assert not Order.objects.filter(kind="seats").exists()
    assert TakeOver.objects.count() == 1


def test_buys_nothing_that_was_not_shown(billing, many, central, now):
    page = look(billing, central, many[:1])
    # The seat that was free is taken meanwhile.
    taken = factories.MembershipFactory(tenant=central.tenant)
    seats.assign(subscription=central, members=[taken], by=admin_of(central.tenant), at=now)
    assert merge(billing, central, many[:1], page).status_code in (400, 409)
    assert not Order.objects.filter(kind="seats").exists()
    assert not TakeOver.objects.exists()


def test_needs_something_that_pays_for_the_seats(billing, many, central):
    page = look(billing, central, many)
    assert merge(billing, central, many, page, payment_method="nothing").status_code == 400
    assert not TakeOver.objects.exists()


def test_other_ones_than_were_shown_are_shown_first(billing, many, central):
    page = look(billing, central, many[:1])
    assert merge(billing, central, many, page).status_code == 400
    assert not TakeOver.objects.exists()


def test_the_money_of_the_preview_is_that_of_each(billing, many, central):
    told = look(billing, central, many).context["told"]
    assert Decimal("29.9") < told.refunds["USD"] <= Decimal("29.97")
