"""The pages of a guided centralisation: one step each, stopped and come back to."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commerce.models import CancellationRequest, Centralisation
from commerce.operations.centralising import purchasers, requests
from commerce.operations.changes import cancellations
from licensing.models import Seat
from tests.admin.pages import CENTRALISATIONS, PURCHASES, browser_of, listed, opened
from tests.factories import (
    MembershipFactory,
    TenantFactory,
    acting,
    admin_of,
    buy,
    buy_centrally,
    price_centrally,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NEW = "admin:commerce_centralisation_new"


@pytest.fixture
def ana(contoso):
    return MembershipFactory(tenant=contoso, name="Ana Alvarez")


@pytest.fixture
def bought(ana, plan):
    return buy(ana, plan, 2, timezone.now())


@pytest.fixture
def browser(contoso):
    return browser_of(contoso)


@pytest.fixture
def row(browser, bought):
    browser.post(reverse(NEW), {"product": bought.plan.product_id})
    return Centralisation.objects.get()


def page(row, step):
    return reverse(f"admin:commerce_centralisation_{step}", args=[row.pk])


def as_it_is(row):
    row.refresh_from_db()
    return row.step


def to_the_seats(browser, row, *people):
    browser.post(page(row, "people"), {"people": [str(person.pk) for person in people]})
    browser.post(page(row, "cost"))


def test_leads_from_the_list_to_the_end(contoso, browser, bought, ana, row):
    price_centrally(bought.plan, "8.00")
    assert page(row, "people") in browser.get(opened(CENTRALISATIONS, row)).text
    answer = browser.post(page(row, "people"), {"people": [str(ana.pk)]}, follow=True)
    for said in ("$239.76", "One seat is missing.", "$96.00", "$143.76 less"):
        assert said in answer.text, said
    browser.post(page(row, "cost"))
    text = browser.get(page(row, "seats")).text
    assert "Buy 1 seat" in text
    assert "Assign central seats" not in text
    central = buy_centrally(admin_of(contoso).membership, bought.plan, 1, timezone.now())
    assert opened(CENTRALISATIONS, row) in browser.get(opened(PURCHASES, central)).text
    assert "Assign central seats" in browser.get(page(row, "seats")).text
    answer = browser.post(page(row, "seats"), follow=True)
    assert "Ask purchasers to cancel" in answer.text
    assert Seat.objects.open().filter(subscription=central, member=ana).exists()
    answer = browser.post(page(row, "purchasers"), {"purchases": [str(bought.pk)], "message": "Please"}, follow=True)
    assert "Asked" in answer.text
    assert CancellationRequest.objects.get().message == "Please"
    cancellations.cancel_subscription(subscription=bought, reason="Asked", by=acting(ana), at=timezone.now())
    assert "Canceled" in browser.get(page(row, "purchasers")).text  # before the sweep has closed it
    requests.close_due(at=timezone.now())
    purchasers.finish_due(at=timezone.now())
    assert "Nothing is left to do" in browser.get(opened(CENTRALISATIONS, row)).text
    assert "Done" in browser.get(listed(CENTRALISATIONS)).text


def test_can_be_stopped_and_come_back_to_at_each_step(browser, bought, ana, row, contoso):
    price_centrally(bought.plan)
    said = {"people": "Choose people", "cost": "Go on to the seats", "seats": "Buy 1 seat"}
    for step, text in said.items():
        assert as_it_is(row) == step
        assert text in browser.get(opened(CENTRALISATIONS, row)).text
        assert "Stop here, go on later" in browser.get(page(row, step)).text
        browser.post(page(row, step), {"people": [str(ana.pk)]})
    buy_centrally(admin_of(contoso).membership, bought.plan, 1, timezone.now())
    browser.post(page(row, "seats"))
    assert "Ask purchasers to cancel" in browser.get(opened(CENTRALISATIONS, row)).text
    browser.post(reverse(NEW), {"product": bought.plan.product_id})
    assert Centralisation.objects.count() == 1


def test_a_step_that_is_not_reached_leads_to_where_it_stands(browser, row):
    for step in ("cost", "seats", "purchasers"):
        assert browser.get(page(row, step)).headers["Location"] == page(row, "people")
        assert browser.post(page(row, step)).status_code == 302
    assert as_it_is(row) == "people"


def test_an_order_page_is_filled_in(browser, bought, ana, row):
    price_centrally(bought.plan, "8.00")
    to_the_seats(browser, row, ana)
    assert (
        f"/admin/commerce/purchase/order/?plan={bought.plan_id}&amp;quantity=1" in browser.get(page(row, "seats")).text
    )


def test_nobody_who_was_not_shown_can_be_chosen(browser, row, contoso):
    for people in ([], [str(MembershipFactory(tenant=contoso).pk)], ["nonsense"]):
        assert browser.post(page(row, "people"), {"people": people}).status_code == 400
    assert as_it_is(row) == "people"


def test_too_few_seats_give_nobody_one(browser, bought, ana, row):
    to_the_seats(browser, row, ana)
    assert "All seats" in browser.post(page(row, "seats"), follow=True).text
    assert as_it_is(row) == "seats"


def test_whoever_keeps_it_is_let_be_or_asked_again(browser, bought, ana, row, contoso):
    buy_centrally(admin_of(contoso).membership, bought.plan, 1, timezone.now())
    to_the_seats(browser, row, ana)
    browser.post(page(row, "seats"))
    browser.post(page(row, "purchasers"), {"purchases": [str(bought.pk)]})
    asked = CancellationRequest.objects.get()
    requests.keep(request=asked, reason="We are in a project", by=acting(ana), at=timezone.now())
    text = browser.get(page(row, "purchasers")).text
    assert "We are in a project" in text
    assert "Ask again" in text
    for wrong in ("nonsense", str(asked.pk)):
        browser.post(page(row, "let_be"), {"subscription": wrong})
    assert as_it_is(row) == "waiting"
    browser.post(page(row, "let_be"), {"subscription": str(bought.pk)})
    assert as_it_is(row) == "done"


def test_it_is_dropped(browser, row):
    browser.post(page(row, "drop"))
    assert as_it_is(row) == "dropped"
    assert browser.get(opened(CENTRALISATIONS, row)).status_code == 200


def test_a_license_admin_sees_no_money_and_asks_nobody(contoso, browser, bought, ana, row):
    price_centrally(bought.plan, "8.00")
    giver = browser_of(contoso, "license_admin")
    giver.post(page(row, "people"), {"people": [str(ana.pk)]})
    text = giver.get(page(row, "cost")).text
    assert not any(amount in text for amount in ("$8", "$96", "$239", "$9.99"))
    assert "One seat is missing." in text
    giver.post(page(row, "cost"))
    buy_centrally(admin_of(contoso).membership, bought.plan, 1, timezone.now())
    giver.post(page(row, "seats"))
    assert as_it_is(row) == "asking"
    assert giver.post(page(row, "purchasers"), {"purchases": [str(bought.pk)]}).status_code == 403
    assert "Global and billing admins ask" in giver.get(page(row, "purchasers")).text


@pytest.mark.parametrize("role", ["global_reader"])
def test_a_reader_reads_and_changes_nothing(contoso, row, ana, role):
    reader = browser_of(contoso, role)
    assert reader.get(opened(CENTRALISATIONS, row)).status_code == 200
    assert reader.get(reverse(NEW)).status_code == 403
    for step in ("people", "cost", "seats", "purchasers", "let_be", "drop"):
        assert reader.post(page(row, step), {"people": [str(ana.pk)]}).status_code == 403
    assert as_it_is(row) == "people"


def test_another_organisations_is_as_one_that_never_was(row):
    stranger = browser_of(TenantFactory())
    for step in ("people", "cost", "seats", "purchasers"):
        assert stranger.get(page(row, step)).status_code == 404
        assert stranger.post(page(row, step)).status_code == 404
    assert browser_of(row.tenant, "user_admin").get(page(row, "people")).status_code == 403


def test_a_product_that_nobody_bought_cannot_be_begun(browser, bought, plan, contoso):
    other = buy(MembershipFactory(), plan, 1, timezone.now()).plan.product_id
    cancellations.cancel_subscription(
        subscription=bought, reason="Over", by=acting(bought.purchaser), at=timezone.now()
    )
    assert browser.post(reverse(NEW), {"product": other}).status_code == 400
    assert not Centralisation.objects.exists()


def test_pages_take_as_many_queries_for_eleven_as_for_one(contoso, browser, bought, ana, row, plan):
    price_centrally(plan)
    to_the_seats(browser, row, ana)

    def counted(step):
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(page(row, step)).status_code == 200
        return len(queries)

    before = {step: counted(step) for step in ("people", "cost", "seats")}
    people = [ana]
    for _ in range(10):
        people.append(MembershipFactory(tenant=contoso))
        buy(people[-1], plan, 1, timezone.now())
    to_the_seats(browser, row, *people)
    assert {step: counted(step) for step in before} == before
