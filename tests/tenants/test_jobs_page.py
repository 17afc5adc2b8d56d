"""The operator's page of jobs: what was set aside, what is done about it, and how the rest stands."""

import pytest

from tenants.delivery.models import Job
from tenants.journal.models import Event
from tests.admin.pages import JOBS, browser_of, listed, opened
from tests.callers import signed_in
from tests.factories import TenantFactory
from tests.faults.toy_jobs import set_aside

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestPage:
    def test_lists_what_was_set_aside_and_how_the_rest_stands(self, operator):
        shown = set_aside(last_error="RuntimeError: it", arguments={"order_id": "4711"})
        Job.objects.create(name="commerce.deliver_receipt")
        page = signed_in(operator).get(listed(JOBS))
        assert list(page.context["cl"].result_list) == [shown]
        for said in ("toy.poison", "RuntimeError: it", "order_id: 4711", "commerce.reconcile_payments", "Letters"):
            assert said in page.content.decode(), said
        letters = next(queue for queue in page.context["overview"]["queues"] if queue["name"] == "Letters")
        assert (letters["due"], letters["failed"]) == (1, 0)

    def test_narrows_the_list_to_a_queue(self, operator):
        poison, letter = set_aside(), set_aside(name="toy.letter")
        browser = signed_in(operator)

        def found(queue):
            return list(browser.get(f"{listed(JOBS)}?queue={queue}").context["cl"].result_list)

        assert (found("upkeep"), found("notices"), found("money"), found("x")) == ([poison], [letter], [], [])

    def test_has_a_job_tried_again_or_forgotten(self, operator):
        browser = signed_in(operator)
        for decision in ("retry", "forget"):
            job = set_aside()
            answer = browser.post(opened(JOBS, job), {"decision": decision}, follow=True)
            assert answer.redirect_chain == [(listed(JOBS), 302)]
        assert list(Job.objects.values_list("attempts", "set_aside_at")) == [(0, None)]
        assert list(Event.objects.order_by("pk").values_list("type", flat=True)) == ["job.retried", "job.forgotten"]

    def test_knows_no_job_that_works(self, operator):
        job = Job.objects.create(name="toy.letter")
        assert signed_in(operator).post(opened(JOBS, job), {"decision": "forget"}).status_code == 404
        assert Job.objects.exists()

    def test_is_the_operators_alone(self):
        job = set_aside()
        browser = browser_of(TenantFactory(), "global_admin")
        assert browser.get(listed(JOBS)).status_code == 403
        assert browser.post(opened(JOBS, job), {"decision": "forget"}).status_code == 403
        assert Job.objects.set_aside().exists()

    def test_says_so_when_the_broker_is_away(self, operator, settings):
        browser = signed_in(operator)
        settings.REDIS_URL = "unix:///nowhere/valkey.sock"
        assert "The broker does not answer" in browser.get(listed(JOBS)).content.decode()
