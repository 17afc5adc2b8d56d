"""Trials as admins see them: in the list, with the state, extended once and ended."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.operations.buying import trials
from tests.admin.pages import PURCHASES, listed, opened
from tests.callers import signed_in
from tests.factories import MembershipFactory, acting, admin_of, buy, open_checkout, pay, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

EXTEND, END = "Extend by 30 days", "End the trial"


@pytest.fixture
def plan():
    return plan_on_sale(product__trial_days=30, product__trial_seats=3)


@pytest.fixture
def ana():
    return MembershipFactory(name="Ana Alvarez")


@pytest.fixture
def trial(ana, plan):
    return trials.start_trial(plan=plan, quantity=1, by=acting(ana), at=timezone.now()).trial


def browser(ana, role="billing_admin"):
    return signed_in(admin_of(ana.tenant, role).membership)


def press(client, trial, what):
    return client.post(reverse(f"admin:commerce_purchase_{what}_trial", args=[trial.pk]), follow=True)


def test_the_list_says_trial_and_filters_by_it(ana, plan, trial):
    bought = buy(ana, plan, at=timezone.now())
    page = browser(ana).get(listed(PURCHASES), {"state": "trial"}).text
    assert opened(PURCHASES, trial) in page
    assert opened(PURCHASES, bought) not in page
    assert "Trial" in page


def test_its_page_offers_what_its_reader_may_do(ana, plan, trial):
    for role, offered in (("billing_admin", (EXTEND, END)), ("global_reader", ())):
        page = browser(ana, role).get(opened(PURCHASES, trial)).text
        assert "Trial until" in page
        assert [button for button in (EXTEND, END) if button in page] == list(offered)
    bought = buy(ana, plan, at=timezone.now())
    assert EXTEND not in browser(ana).get(opened(PURCHASES, bought)).text


def test_is_extended_once_and_then_no_longer_offered(ana, trial):
    client, end = browser(ana), trial.term_end
    page = press(client, trial, "extend")
    trial.refresh_from_db()
    assert trial.term_end - end >= timedelta(days=29)
    assert "The trial runs until" in page.text
    assert EXTEND not in page.text
    extended = trial.term_end
    assert "was extended already" in press(client, trial, "extend").text
    trial.refresh_from_db()
    assert trial.term_end == extended


def test_is_ended(ana, trial):
    page = press(browser(ana), trial, "end")
    assert "The trial has ended. Nothing was charged." in page.text
    trial.refresh_from_db()
    assert (trial.state, trial.end_cause) == ("disabled", "trial_ended")
    assert END not in page.text


@pytest.mark.parametrize("role", ["global_reader", "license_admin", "user_admin"])
def test_others_may_neither(ana, trial, role):
    for what in ("extend", "end"):
        assert press(browser(ana, role), trial, what).status_code == 403
    trial.refresh_from_db()
    assert trial.state == "trial"


def test_what_was_bought_is_no_trial_and_opening_the_address_does_nothing(ana, plan, trial):
    bought, client = buy(ana, plan, at=timezone.now()), browser(ana)
    assert press(client, bought, "end").status_code == 404
    assert client.get(reverse("admin:commerce_purchase_end_trial", args=[trial.pk])).status_code == 403
    trial.refresh_from_db()
    assert trial.state == "trial"


def test_one_with_a_card_is_listed_extended_and_ended_as_the_others(ana, plan):
    now = timezone.now()
    trial = pay(open_checkout(ana, plan, with_trial=True, at=now), at=now).trial
    client, end = browser(ana), trial.term_end
    page = client.get(listed(PURCHASES), {"state": "trial"}).text
    assert opened(PURCHASES, trial) in page
    page = client.get(opened(PURCHASES, trial)).text
    assert [button for button in (EXTEND, END) if button in page] == [EXTEND, END]
    press(client, trial, "extend")
    trial.refresh_from_db()
    assert (trial.term_end > end, trial.anchor_at) == (True, trial.term_end)
    assert "The trial has ended. Nothing was charged." in press(client, trial, "end").text
    trial.refresh_from_db()
    assert trial.state == "disabled"
