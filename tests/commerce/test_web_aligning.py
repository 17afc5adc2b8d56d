"""Several subscriptions that are to renew on one day, in the browser: seen first, then paid, each by itself."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commerce.models import Order, Payment
from licensing.models import Subscription
from licensing.operations import subscriptions
from tests import ledger
from tests.callers import signed_in
from tests.commerce.changes import STEP_CARD, change, findings
from tests.commerce.pages import VISA, seen, send, url_of
from tests.factories import acting, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def early(ana, plan):
    return buy(ana, plan, 2, at=timezone.now() - timedelta(days=20))


@pytest.fixture
def middle(ana, plan, early):
    return buy(ana, plan, 1, at=timezone.now() - timedelta(days=15))


@pytest.fixture
def late(ana, plan, early):
    return buy(ana, plan, 3, at=timezone.now() - timedelta(days=9))


def ends():
    return set(Subscription.objects.values_list("term_end", flat=True))


def align(who, at, *chosen, card=VISA, **sent):
    """As somebody does who has looked at what it costs."""
    picked = [str(one.pk) for one in chosen]
    _page, shown = seen(who, at, "align", chosen=picked)
    return send(who, at, "align", **{"shown": shown, "chosen": picked, "payment_method": card, **sent})


def unpaid():
    return len(ledger.captured()) == Order.objects.exclude(kind="alignment").count() and findings() == []


class TestThePage:
    def test_is_offered_where_something_renews_on_another_day(self, ana, early, late):
        for page in (reverse("my-subscriptions"), url_of(early), url_of(late)):
            assert "Align renewals" in signed_in(ana).get(page).text, page

    def test_is_not_offered_for_one_alone_nor_for_other_plans(self, ana, early):
        buy(ana, plan_on_sale(), at=timezone.now())
        for page in (reverse("my-subscriptions"), url_of(early)):
            assert "Align renewals" not in signed_in(ana).get(page).text, page
        assert "nothing to align" in signed_in(ana).get(url_of(early, "align"), follow=True).text

    def test_offers_no_one_elses(self, ana, cleo, plan, early):
        buy(cleo, plan, at=timezone.now())
        assert "Align renewals" not in signed_in(ana).get(reverse("my-subscriptions")).text
        assert signed_in(cleo).get(url_of(early, "align")).status_code == 404

    @pytest.mark.parametrize("at", [0, 1])
    def test_shows_what_each_costs_whichever_page_it_was_opened_from(self, ana, early, late, at):
        page, _shown = seen(ana, (early, late)[at], "align")
        [told] = page.context["quote"].each
        assert (told.subscription, page.context["quote"].target) == (early, late)
        assert "9.99 × 2 seats" in page.text
        assert f"${told.quote.total:.2f}" in page.text
        assert "Pay now" in page.text
        assert unpaid()

    def test_tells_of_each_that_cannot_be_why(self, ana, plan, early, late):
        fresh = buy(ana, plan, 1, at=timezone.now() - timedelta(days=2))
        last = buy(ana, plan, 1, at=timezone.now() - timedelta(days=1))
        page, _shown = seen(ana, last, "align")
        assert "can still be given back" in page.text
        assert {one.subscription for one in page.context["quote"].each if one.quote} == {early, late}
        assert str(fresh.pk) in page.text

    @pytest.mark.parametrize("picked", [(), ("early",), ("nonsense",)])
    def test_asks_for_two_or_more(self, ana, early, late, picked):
        chosen = [str(early.pk) if one == "early" else one for one in picked] or [""]
        page = signed_in(ana).get(url_of(early, "align"), {"chosen": chosen})
        assert page.status_code == 400
        assert "Choose two or more of these." in page.text
        assert "Pay now" not in page.text

    def test_the_list_costs_as_many_queries_for_ten_as_for_one(self, ana, plan, early):
        browser = signed_in(ana)
        counts = []
        for _more in range(2):
            with CaptureQueriesContext(connection) as asked:
                browser.get(reverse("my-subscriptions"))
            counts.append(len(asked))
            for days in range(1, 10):
                buy(ana, plan, 1, at=timezone.now() - timedelta(days=days))
        assert counts[0] == counts[1]


class TestAligning:
    def test_charges_what_was_shown_and_lets_them_end_together(self, ana, early, middle, late):
        done = align(ana, early, early, middle, late)
        assert "2 subscriptions now renew on" in done.text
        orders = Order.objects.filter(kind="alignment")
        total = sum(order.total for order in orders)
        assert f"${total:.2f} was charged." in done.text
        assert sorted(ledger.captured()[-2:]) == sorted(order.total for order in orders)
        assert ends() == {late.term_end}
        assert findings() == []

    def test_however_often_one_clicks_it_is_charged_once(self, ana, early, late):
        picked = [str(early.pk), str(late.pk)]
        _page, shown = seen(ana, early, "align", chosen=picked)
        for _ in range(3):
            done = send(ana, early, "align", shown=shown, chosen=picked, payment_method=VISA)
            assert "1 subscription now renews on" in done.text
        assert len(ledger.captured()) == 3

    def test_of_others_than_were_shown_shows_first(self, ana, early, middle, late):
        done = align(ana, early, early, late, chosen=[str(early.pk), str(middle.pk), str(late.pk)])
        assert "holds no longer" in done.text
        assert {one.subscription for one in done.context["quote"].each} == {early, middle}
        assert unpaid()

    @pytest.mark.parametrize("shown", ["", "x", "of another page", "old"])
    def test_takes_nothing_that_was_not_shown_here_and_now(self, ana, early, late, shown):
        wait = timedelta(minutes=16 if shown == "old" else 0)
        if shown == "of another page":
            shown = seen(ana, late, "align")[1]
        elif shown == "old":
            shown = seen(ana, early, "align")[1]
        with time_machine.travel(timezone.now() + wait):
            done = align(ana, early, early, late, shown=shown)
        assert "holds no longer" in done.text
        assert unpaid()

    def test_says_which_one_stays_as_it_is(self, ana, early, middle, late):
        picked = [str(one.pk) for one in (early, middle, late)]
        _page, shown = seen(ana, early, "align", chosen=picked)
        subscriptions.set_auto_renew(subscription=early, auto_renew=False, by=acting(ana), at=timezone.now())
        done = send(ana, late, "align", shown=shown, chosen=picked, payment_method=VISA)
        assert unpaid()
        assert "holds no longer" in done.text

    def test_where_one_cannot_be_any_more_nobody_pays_for_the_others_unseen(self, ana, early, middle, late):
        picked = [str(one.pk) for one in (early, middle, late)]
        _page, shown = seen(ana, early, "align", chosen=picked)
        change(middle, 2, at=timezone.now(), card=STEP_CARD)  # waits for the bank
        done = send(ana, early, "align", shown=shown, chosen=picked, payment_method=VISA)
        assert not Order.objects.filter(kind="alignment").exists()
        assert "was changed after you looked" in done.text
        assert len(ends()) == 3

    def test_a_declined_card_says_so_at_its_field_and_leaves_all_as_they_are(self, ana, early, middle, late):
        done = align(ana, early, early, middle, late, card="pm_card_chargeDeclined")
        assert done.status_code == 400
        assert "Your card was declined" in done.text
        assert len(ends()) == 3
        assert unpaid()
        again = send(
            ana, early, "align", shown=done.context["shown"],
            chosen=[str(one.pk) for one in (early, middle, late)], payment_method=VISA,
        )  # fmt: skip
        assert "2 subscriptions now renew on" in again.text

    def test_the_banks_step_leads_there_and_back(self, ana, early, late):
        align(ana, early, early, late, card=STEP_CARD)
        payment = Payment.objects.get(state="requires_action")
        done = signed_in(ana).post(payment.action_url, {"decision": "approve"}, follow=True)
        assert "Paid. What you ordered is there." in done.text
        assert ends() == {late.term_end}

    def test_a_stranger_can_do_nothing(self, ana, cleo, early, late):
        _page, shown = seen(ana, early, "align")
        picked = [str(early.pk), str(late.pk)]
        answer = signed_in(cleo).post(url_of(early, "align"), {"shown": shown, "chosen": picked})
        assert answer.status_code == 404
        assert len(ends()) == 2


def test_ten_of_thirty_days_cost_a_third(ana, plan):
    with time_machine.travel("2026-03-20T12:00:00Z"):
        early = buy(ana, plan, 2, at=timezone.now() - timedelta(days=10))
        late = buy(ana, plan, 3, at=timezone.now())
        done = align(ana, early, early, late)
    assert "$6.66 was charged." in done.text
    assert ledger.captured()[-1] == Decimal("6.66")
