"""What the bank has taken and not decided on is not sold a second time: by operation, in the browser, by API."""

from datetime import timedelta

import pytest
from django.utils import timezone

from commerce.models import Order, Payment
from commerce.operations.changes import reactivations
from commerce.operations.changes.reactivations import DisputeUndecided
from commerce.operations.paying import disputes
from tests import ledger
from tests.admin.pages import PURCHASES
from tests.admin.pages import opened as admin_page
from tests.callers import Api, signed_in
from tests.commerce.changes import reactivate
from tests.commerce.conftest import state_of
from tests.commerce.pages import VISA, seen, send, url_of
from tests.commerce.provider import BANK
from tests.factories import MembershipFactory, PlanFactory, acting, buy, order_centrally, price_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

SAID = "which has not decided yet"


@pytest.fixture
def contested(ana, plan):
    return contest(buy(ana, plan, at=timezone.now()))


@pytest.fixture
def bill(tenant):
    return MembershipFactory(tenant=tenant, roles=["billing_admin"])


@pytest.fixture
def contested_centrally(bill):
    office = price_centrally(PlanFactory(product__self_service=False))
    return contest(order_centrally(bill, office, 2, timezone.now(), payment_method=VISA).subscription)


def contest(subscription):
    disputes.settle_dispute(report=BANK.contest(Payment.objects.get().pk), at=timezone.now())
    subscription.refresh_from_db()
    assert state_of(subscription) == "disabled"
    return subscription


def judge(won):
    disputes.settle_dispute(report=BANK.judge_dispute(Payment.objects.get().pk, won=won), at=timezone.now())


def nothing_was_bought(subscription):
    return state_of(subscription) == "disabled" and len(ledger.captured()) == Order.objects.count() == 1


def test_another_term_is_neither_shown_nor_sold_while_it_may_come_back(ana, contested):
    now = timezone.now()
    with pytest.raises(DisputeUndecided):
        reactivations.preview_reactivation(subscription=contested, by=acting(ana), at=now)
    with pytest.raises(DisputeUndecided):
        reactivate(contested, now, card=VISA)
    assert nothing_was_bought(contested)


def test_one_that_is_contested_after_it_was_shown_is_refused_too(ana, plan):
    subscription = buy(ana, plan, at=timezone.now())
    before = type(subscription).objects.get(pk=subscription.pk)
    contest(subscription)
    before.state = "disabled"  # as somebody read it before the bank's news came
    with pytest.raises(DisputeUndecided):
        reactivations.reactivate(
            subscription=before, payment_method=VISA, return_url="https://x.example/", by=acting(ana), at=timezone.now()
        )
    assert nothing_was_bought(subscription)


def test_lost_it_is_sold_again(ana, contested):
    judge(won=False)
    contested.refresh_from_db()
    assert "Reactivate" in signed_in(ana).get(url_of(contested)).text
    assert reactivate(contested, timezone.now() + timedelta(seconds=1), card=VISA).order.state == "paid"
    assert state_of(contested) == "active"


def test_won_it_is_back_without_another_payment(contested):
    judge(won=True)
    assert (state_of(contested), len(ledger.captured())) == ("active", 1)


def test_its_owners_page_has_no_button_and_says_why(ana, contested):
    page = signed_in(ana).get(url_of(contested))
    assert SAID in page.text
    assert url_of(contested, "reactivate") not in page.text
    sent_back = signed_in(ana).get(url_of(contested, "reactivate"), follow=True)
    assert sent_back.redirect_chain[-1][0] == url_of(contested)
    assert SAID in sent_back.text
    assert nothing_was_bought(contested)


def test_a_page_that_was_open_before_sells_nothing(ana, contested):
    judge(won=False)
    _page, shown = seen(ana, contested, "reactivate")
    type(contested).objects.filter(pk=contested.pk).update(held_at=timezone.now())
    assert SAID in send(ana, contested, "reactivate", shown=shown, payment_method=VISA).text
    assert nothing_was_bought(contested)


def test_procurement_has_no_button_either(bill, contested_centrally):
    browser = signed_in(bill)
    own = admin_page(PURCHASES, contested_centrally)
    page = browser.get(own).text
    assert SAID in page
    assert "/reactivate/" not in page
    assert SAID in browser.get(f"{own.removesuffix('change/')}reactivate/", follow=True).text
    assert nothing_was_bought(contested_centrally)


def test_the_api_names_it(ana, contested):
    for body in ({"preview": True}, {"payment_method": VISA}):
        answer = Api(ana).post(f"subscriptions/{contested.pk}/reactivate/", body, key="k")
        assert (answer.status_code, answer.json()["code"]) == (409, "dispute_undecided")
    assert nothing_was_bought(contested)
