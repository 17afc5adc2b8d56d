"""Incoming events, which the operator may have handled again; and disputes, to read."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.models import IncomingEvent, Payment
from commerce.operations.paying import incoming
from tenants.delivery.models import Job
from tenants.journal import events
from tenants.journal.models import Event
from tests import factories
from tests.admin.pages import DISPUTES, INCOMING, JOURNAL, browser_of, listed, opened
from tests.callers import signed_in
from tests.commerce.provider import contested
from tests.factories import NOON

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def event(db):
    return stored("evt_1", state="failed", attempts=3, note=incoming.TRIED_IN_VAIN, settled_at=NOON)


def stored(reference, **more):
    told = {"type": "charge.captured", "kind": "charge", "subject": "pi_1", "received_at": NOON}
    return IncomingEvent.objects.create(gateway="sandbox", reference=reference, **{**told, **more})


@pytest.fixture
def dispute(bought):
    return contested(Payment.objects.get(order__subscription=bought))


class TestIncomingEvents:
    def test_show_what_came_and_what_became_of_it(self, operator, event):
        browser = signed_in(operator)
        for page in (listed(INCOMING), opened(INCOMING, event)):
            text = browser.get(page).content.decode()
            for said in ("charge.captured", "Failed", "sandbox", "pi_1", "10 Mar 2026", "Tried three times in vain"):
                assert said in text, said

    def test_are_told_apart_by_state_and_found_by_what_they_are_about(self, operator, event):
        other = stored("evt_2", subject="re_7", type="refund.succeeded")
        browser = signed_in(operator)

        def found(query):
            return list(browser.get(f"{listed(INCOMING)}?{query}").context["cl"].result_list)

        assert found("state=failed") == [event]
        assert found("state=received") == [other]
        assert found("state=nonsense") == []
        assert found("q=re_7") == found("q=refund") == found("q=evt_2") == [other]

    def test_are_handled_again_on_request(self, operator, event):
        answer = signed_in(operator).post(opened(INCOMING, event), follow=True)
        assert answer.redirect_chain == [(opened(INCOMING, event), 302)]
        assert "It is handled again" in answer.content.decode()
        event.refresh_from_db()
        assert (event.state, event.attempts, event.note) == ("received", 0, "")
        assert Job.objects.get().arguments == {"event_id": str(event.pk)}
        told = Event.objects.get(type="incoming_event.redone")
        assert told.actor == operator
        assert opened(INCOMING, event) in signed_in(operator).get(opened(JOURNAL, told)).content.decode()

    @pytest.mark.parametrize("role", ["global_admin", "billing_admin", "global_reader"])
    def test_are_the_operators_alone(self, contoso, event, role):
        browser = browser_of(contoso, role)
        assert browser.get(listed(INCOMING)).status_code == 403
        assert browser.get(opened(INCOMING, event)).status_code == 403
        assert browser.post(opened(INCOMING, event)).status_code == 403
        event.refresh_from_db()
        assert event.state == "failed"

    def test_take_no_other_write(self, operator, event):
        browser = signed_in(operator)
        for method in ("put", "patch", "delete"):
            assert getattr(browser, method)(opened(INCOMING, event)).status_code == 403
        assert browser.post(listed(INCOMING), {"action": "delete_selected"}).status_code == 403

    def test_cost_the_same_for_one_and_for_thirty(self, operator, event):
        browser = signed_in(operator)
        browser.get(listed(INCOMING))

        def cost():
            with CaptureQueriesContext(connection) as queries:
                assert browser.get(listed(INCOMING)).status_code == 200
            return len(queries)

        one = cost()
        for n in range(30):
            stored(f"evt_more_{n}", received_at=NOON + timedelta(seconds=n))
        assert cost() == one


class TestDisputes:
    def test_are_read_by_those_who_see_all_purchases(self, contoso, operator, bought, dispute):
        for browser in (browser_of(contoso), browser_of(contoso, "global_reader"), signed_in(operator)):
            for page in (listed(DISPUTES), opened(DISPUTES, dispute)):
                text = browser.get(page).content.decode()
                for said in ("$19.98", "Open", "10 Mar 2026", str(bought.plan)):
                    assert said in text, said
            assert "Dispute of $19.98" in text
            assert "19.980" not in text

    def test_of_another_organisation_are_as_if_they_had_never_been(self, fabrikam, dispute):
        browser = browser_of(fabrikam)
        assert "19.98" not in browser.get(listed(DISPUTES)).content.decode()
        assert browser.get(opened(DISPUTES, dispute)).status_code == 404

    def test_are_named_in_the_journal(self, contoso, dispute):
        browser = browser_of(contoso)
        events.sequence(contoso.pk)
        [told] = Event.objects.filter(type="dispute.opened")
        text = browser.get(opened(JOURNAL, told)).content.decode()
        assert opened(DISPUTES, dispute) in text

    def test_cost_the_same_for_one_and_for_thirty(self, contoso, plan, dispute):
        browser = browser_of(contoso)
        browser.get(listed(DISPUTES))

        def cost():
            with CaptureQueriesContext(connection) as queries:
                assert browser.get(listed(DISPUTES)).status_code == 200
            return len(queries)

        one = cost()
        for _n in range(10):
            factories.buy(factories.MembershipFactory(tenant=contoso), plan)
        for n, payment in enumerate(Payment.objects.exclude(pk=dispute.payment_id)):
            contested(payment, "lost", reference=f"dp_more_{n}")
        assert cost() == one
