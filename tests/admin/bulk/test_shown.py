"""Doing one thing with many purchases: what the list offers to whom, and what is shown before anything is done."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from commerce.operations.buying import partner
from commerce.operations.buying.trials import start_trial
from licensing.models import Subscription
from tenants.runs import operations as runs
from tenants.runs.models import Run
from tests import factories
from tests.admin.bulk.pressing import ALLOW, ASK, BULK, OFF, ON, STOP, choose, confirm, stopped
from tests.admin.pages import PURCHASES, browser_of, listed, opened
from tests.callers import signed_in
from tests.factories import buy, buy_centrally, plan_on_sale
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
WRITES = ("INSERT", "UPDATE", "DELETE")


class TestTheList:
    def test_offers_boxes_and_actions_to_those_who_may(self, contoso, many):
        for role, offers in {"billing_admin": True, "global_admin": True, "global_reader": False}.items():
            text = browser_of(contoso, role).get(listed(PURCHASES)).content.decode()
            assert (text.count('name="row"'), 'id="bulk"' in text) == (3 * offers, offers), role

    def test_still_links_its_rows(self, billing, many):
        text = billing.get(listed(PURCHASES)).content.decode()
        assert opened(PURCHASES, many[0]) in text

    def test_offers_nothing_to_an_operator_who_acts_in_no_organisation(self, operator, many):
        browser = signed_in(operator)
        assert 'name="row"' not in browser.get(listed(PURCHASES)).content.decode()
        assert choose(browser, many).status_code == 403


class TestThePreview:
    def test_tells_what_would_come_of_each_and_changes_nothing(self, billing, many, contoso, plan, now):
        central = buy_centrally(factories.admin_of(contoso).membership, plan, at=now)
        with CaptureQueriesContext(connection) as queries:
            page = choose(billing, [many[0], many[2], central])
        preview = page.context["preview"]
        assert [line.text for line in preview["done"]] == [f"{plan}, quantity 2, Ana {n}" for n in (0, 2)]
        assert [str(line.refused) for line in preview["refused"]] == [
            "The organisation itself renews this. Turn its automatic renewal off instead."
        ]
        [(label, total)] = [(each["label"], each["amount"]) for each in preview["sums"]]
        assert (label, total) == ("not charged again", Decimal("39.96"))
        text = page.content.decode()
        assert "$39.96" in text
        assert "Stop at renewal (2)" in text
        assert not [query for query in queries if query["sql"].startswith(WRITES) and "session" not in query["sql"]]
        assert (stopped(), Run.objects.count()) == (set(), 0)

    def test_costs_the_same_for_one_and_for_thirty(self, billing, contoso, plan, now):
        rows = [buy(factories.MembershipFactory(tenant=contoso), plan, at=now) for _ in range(30)]

        def queries(count):
            with CaptureQueriesContext(connection) as found:
                assert choose(billing, rows[:count]).status_code == 200
            return len(found)

        queries(1)
        assert queries(1) == queries(30)

    @pytest.mark.parametrize("deed", [ASK, STOP, ALLOW, OFF, ON])
    def test_says_of_each_what_the_run_does_then(self, billing, contoso, plan, now, deed):
        """A trial, a central one, one that was stopped, one that does not renew, one that has ended, a partner's."""
        tried = plan_on_sale(product__trial_days=30)
        ana = factories.MembershipFactory(tenant=contoso)
        rows = [
            start_trial(plan=tried, quantity=1, assign_to=[], by=factories.acting(ana), at=now).trial,
            buy_centrally(factories.admin_of(contoso).membership, plan, at=now),
            *(buy(factories.MembershipFactory(tenant=contoso), plan, at=now) for _ in range(4)),
            partner.record(plan=plan, quantity=1, by=let_in(contoso, at=now).actor, at=now),
        ]
        stopped, off, ended = (Subscription.objects.filter(pk=row.pk) for row in rows[2:5])
        stopped.update(renewal_stopped_at=now, auto_renew=False)
        off.update(auto_renew=False)
        ended.update(state="disabled", end_cause="canceled", auto_renew=False, state_ends_at=now + timedelta(days=90))
        page = choose(billing, rows, deed=deed)
        told = {line.subject: str(line.refused) for line in page.context["preview"]["refused"]}
        confirm(billing, page)
        rows = Run.objects.get().rows
        assert dict(rows.filter(state="refused").values_list("subject", "detail")) == told
        assert rows.filter(state="done").count() == page.context["preview"]["done_count"]
        # Who renews already has nothing to turn on, and all others here are refused.
        assert bool(page.context["preview"]["done_count"]) == (deed != ON)

    def test_is_of_all_that_the_filter_finds(self, billing, many, contoso, now):
        other = buy(factories.MembershipFactory(tenant=contoso), plan_on_sale(product__name="Power Apps"), at=now)
        page = choose(billing, which="all", query=f"?product={other.plan.product_id}")
        assert page.context["subjects"] == str(other.pk)
        page = choose(billing, which="all")
        assert page.context["preview"]["done_count"] == 4

    def test_is_of_the_page_that_was_looked_at(self, billing, many, monkeypatch):
        monkeypatch.setattr("commerce.admin.purchases.PurchaseAdmin.list_per_page", 2)
        newest = [str(row.pk) for row in reversed(many)]
        assert choose(billing, which="page").context["subjects"].split(",") == newest[:2]
        assert choose(billing, which="page", query="?p=2").context["subjects"] == newest[2]

    def test_of_nothing_sends_back_to_the_list(self, billing, many):
        answer = choose(billing, query="?q=ana")
        assert (answer.status_code, answer.url) == (302, f"{listed(PURCHASES)}?q=ana")
        assert "Tick at least one first." in billing.get(answer.url).content.decode()

    def test_of_more_than_ten_thousand_is_refused(self, billing, many, monkeypatch):
        monkeypatch.setattr(runs, "MOST_ROWS", 2)
        assert "Narrow the filter" in billing.get(choose(billing, which="all").url).content.decode()
        assert "Narrow the filter" in billing.get(choose(billing, many).url).content.decode()

    def test_never_holds_what_belongs_to_another_organisation(self, billing, many, elsewhere):
        page = choose(billing, [many[0], elsewhere])
        assert page.context["subjects"] == str(many[0].pk)
        assert choose(billing, [elsewhere]).status_code == 302
        page = choose(billing, many[:1])
        confirm(billing, page, subjects=f"{many[0].pk},{elsewhere.pk}")
        assert not Subscription.objects.filter(pk=elsewhere.pk, renewal_stopped_at__isnull=False).exists()

    @pytest.mark.parametrize("row", ["", "x", "\0", "1", "'--"])
    def test_of_what_is_no_id_is_of_nothing(self, billing, many, row):
        assert billing.post(reverse(BULK), {"deed": STOP, "which": "ticked", "row": [row]}).status_code == 302
        assert billing.post(reverse(BULK), {"deed": STOP, "subjects": row}).status_code == 302

    def test_is_for_those_who_may_do_it(self, contoso, many):
        for role in ("global_reader", "license_admin", "user_admin"):
            assert choose(browser_of(contoso, role), many).status_code == 403, role
        assert choose(signed_in(many[0].owner), many).status_code == 403

    def test_of_an_action_that_nobody_knows_sends_back(self, billing, many):
        assert choose(billing, many, deed="commerce.give_away").status_code == 302

    def test_is_asked_for_by_a_form_alone(self, billing):
        assert billing.get(reverse(BULK)).status_code == 302
