"""The page of a run: how far it has come, what became of each row, and what may be done about it."""

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commerce.deeds.purchases import STOP_RENEWAL
from tenants.journal import events
from tenants.journal.models import Event
from tenants.runs import operations as runs
from tenants.runs import work
from tenants.runs.deeds import DEEDS
from tests import factories
from tests.admin.pages import PURCHASES, RUNS, browser_of, listed, opened
from tests.callers import signed_in
from tests.factories import admin_of, buy, buy_centrally, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def many(contoso, plan):
    now = timezone.now()
    return [buy(factories.MembershipFactory(tenant=contoso, name=f"Ana {n}"), plan, at=now) for n in range(3)]


@pytest.fixture
def billing(contoso):
    return signed_in(admin_of(contoso, "billing_admin").membership)


class TestThePageOfARun:
    @pytest.fixture
    def run(self, contoso, many, monkeypatch):
        monkeypatch.setattr(runs, "DONE_AT_ONCE", 0)
        by = admin_of(contoso, "billing_admin")
        subjects = [row.pk for row in many]
        return runs.start(deed=STOP_RENEWAL, subjects=subjects, given={"reason": "=1+1"}, by=by, at=timezone.now())

    def post(self, browser, run, name):
        return browser.post(reverse(f"admin:tenants_run_{name}", args=[run.pk]))

    def test_can_be_stopped_by_those_who_may_do_it(self, contoso, billing, run):
        assert self.post(browser_of(contoso, "global_reader"), run, "stop").status_code == 403
        assert run.counts()["waiting"] == 3
        self.post(billing, run, "stop")
        assert run.counts()["left"] == 3
        assert "Stopped" in billing.get(opened(RUNS, run)).content.decode()
        assert "nothing is left to stop" in billing.get(self.post(billing, run, "stop").url).content.decode()

    def test_has_what_failed_tried_again(self, billing, run):
        run.rows.update(state="set_aside", done_at=timezone.now(), detail="Something", tries=3)
        assert "Try what failed again" in billing.get(opened(RUNS, run)).content.decode()
        self.post(billing, run, "again")
        work.continue_run(run.pk)
        assert run.counts()["done"] == 3

    def test_is_listed_for_those_who_may_see_it(self, contoso, billing, run):
        assert opened(RUNS, run) in billing.get(listed(RUNS)).content.decode()
        for role in ("license_admin", "user_admin"):
            browser = browser_of(contoso, role)
            assert opened(RUNS, run) not in browser.get(listed(RUNS)).content.decode()
            for url in (opened(RUNS, run), reverse("admin:tenants_run_outcomes", args=[run.pk])):
                assert browser.get(url).status_code == 404

    def test_is_nobodys_elsewhere(self, fabrikam, run):
        browser = browser_of(fabrikam)
        for name in ("stop", "again"):
            assert self.post(browser, run, name).status_code == 404
        assert browser.get(opened(RUNS, run)).status_code == 404
        assert browser.get(reverse("admin:tenants_run_outcomes", args=[run.pk])).status_code == 404
        assert run.counts()["waiting"] == 3

    def test_tells_what_all_its_rows_are_about_where_its_deed_says_so(self, billing, run, contoso, plan, monkeypatch):
        target = buy_centrally(admin_of(contoso).membership, plan, at=timezone.now())
        run.given = {"target": str(target.pk)}
        run.save(update_fields=["given"])
        assert opened(PURCHASES, target) not in billing.get(opened(RUNS, run)).text
        says_so = replace(DEEDS[STOP_RENEWAL], about={"target": "What goes on"})
        monkeypatch.setitem(DEEDS, STOP_RENEWAL, says_so)
        text = billing.get(opened(RUNS, run)).text
        assert ("What goes on" in text, opened(PURCHASES, target) in text) == (True, True)

    def test_narrows_its_rows_to_an_outcome(self, billing, run):
        for outcome, count in {"waiting": 3, "done": 0, "": 3, "\0": 0, "else": 0}.items():
            page = billing.get(opened(RUNS, run), {"outcome": outcome})
            assert len(page.context["outcomes"]) == count, outcome
        for number in ("0", "-1", "x", "9" * 40, "2"):
            page = billing.get(opened(RUNS, run), {"p": number, "outcome": "waiting"})
            assert (page.status_code, "There is no page “" in page.text) == (200, True), number
            assert 'href="?outcome=waiting">First page</a>' in page.text
            assert "No row is in this state." not in page.text

    def test_has_pages(self, billing, run, monkeypatch):
        monkeypatch.setattr("tenants.admin.runs.ROWS_OF_A_PAGE", 2)
        first = billing.get(opened(RUNS, run))
        assert (len(first.context["outcomes"]), "Later rows" in first.content.decode()) == (2, True)
        second = billing.get(opened(RUNS, run), {"p": 2})
        assert (len(second.context["outcomes"]), "Later rows" in second.content.decode()) == (1, False)

    def test_hands_out_the_outcomes_of_all_without_formulas(self, billing, run, monkeypatch):
        monkeypatch.setattr("tenants.admin.runs.ROWS_OF_A_PAGE", 2)
        run.rows.filter(position=1).update(state="refused", code="odd", detail="=HYPERLINK()", done_at=timezone.now())
        answer = billing.get(reverse("admin:tenants_run_outcomes", args=[run.pk]))
        lines = b"".join(answer.streaming_content).decode().split("\r\n")
        assert (len(lines), lines[0]) == (5, "id,name,outcome,code,detail,at")
        assert ",refused,odd,'=HYPERLINK()," in lines[2]

    def test_costs_the_same_for_a_few_and_for_many_rows(self, billing, run, contoso):
        def queries():
            with CaptureQueriesContext(connection) as found:
                billing.get(opened(RUNS, run))
            return len(found)

        before = queries()
        plan = plan_on_sale()
        for position in range(3, 33):
            bought = buy(factories.MembershipFactory(tenant=contoso), plan, at=timezone.now())
            run.rows.create(tenant=contoso, position=position, subject=str(bought.pk))
        assert queries() == before

    def test_stands_in_the_journal_by_its_name(self, contoso, billing, run):
        events.sequence(contoso.pk)
        text = billing.get(opened("tenants_event", Event.objects.get(type="run.started"))).content.decode()
        assert "Run started" in text
        assert f'href="{opened(RUNS, run)}"' in text
