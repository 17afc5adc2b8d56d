"""Merging what people bought into one central subscription, from its page."""

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.models import Order, TakeOver
from licensing.models import Seat
from licensing.operations import seats
from tenants.runs.models import Run
from tests import factories
from tests.admin.pages import PURCHASES, RUNS, browser_of, opened
from tests.callers import signed_in
from tests.commerce.changes import findings, fresh
from tests.factories import admin_of, buy, buy_centrally, plan_on_sale

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
