"""Events that were not handled at once: the provider was away, their task was lost, or an operator wants it again."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce import tasks
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import IncomingEvent
from commerce.operations.paying import incoming
from tenants.access import Actor
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.commerce.conftest import state_of
from tests.commerce.incoming.conftest import HANDLE, SECOND, run, unreachable
from tests.commerce.provider import every_row, forget_what_is_owed
from tests.factories import NOON, OperatorFactory, acting

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestAProviderThatIsAway:
    def test_leaves_it_received_however_often(self, event, unanswered, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "fetch", unreachable)
            for n in range(10):
                incoming.handle(event_id=event.pk, at=NOON + n * incoming.LEASE)
        assert state_of(event) == "received"
        assert event.attempts == 0
        incoming.handle(event_id=event.pk, at=NOON + timedelta(hours=1))
        assert state_of(event) == "handled"
        assert state_of(unanswered) == "succeeded"


class TestTheSweep:
    """A lost task: the row is there, and nobody works on it."""

    @pytest.fixture
    def lost(self, event):
        Job.objects.all().delete()
        IncomingEvent.objects.update(received_at=NOON)
        return event

    def test_has_it_handled_after_a_minute_and_not_before(self, lost, unanswered):
        assert incoming.resume(at=NOON + 60 * SECOND) == 0
        assert incoming.resume(at=NOON + 61 * SECOND) == 1
        run(Job.objects.get())
        assert state_of(lost) == "handled"
        assert state_of(unanswered) == "succeeded"

    def test_finds_nothing_once_it_is_handled(self, lost):
        incoming.handle(event_id=lost.pk, at=NOON)
        assert incoming.resume(at=NOON + timedelta(hours=1)) == 0

    def test_leaves_a_try_its_time(self, lost, monkeypatch):
        tried_at = NOON + 61 * SECOND
        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "fetch", unreachable)
            incoming.handle(event_id=lost.pk, at=tried_at)
        for seconds, due in ((1, 0), (74, 0), (75, 1)):
            assert incoming.resume(at=tried_at + seconds * SECOND) == due
            incoming.handle(event_id=lost.pk, at=tried_at + seconds * SECOND)
            assert state_of(lost) == ("handled" if due else "received")

    def test_sets_a_poisonous_one_aside_after_three_tries(self, lost, monkeypatch):
        def broken(*args, **options):
            raise KeyError("a defect")

        monkeypatch.setattr(SandboxGateway, "fetch", broken)
        for n in range(1, 4):
            assert incoming.resume(at=NOON + n * incoming.LEASE) == 1
            with pytest.raises(KeyError):
                incoming.handle(event_id=lost.pk, at=NOON + n * incoming.LEASE)
        incoming.resume(at=NOON + timedelta(hours=1))
        incoming.handle(event_id=lost.pk, at=NOON + timedelta(hours=1))
        lost.refresh_from_db()
        assert (lost.state, lost.attempts, lost.note) == ("failed", 3, incoming.TRIED_IN_VAIN)
        assert incoming.resume(at=NOON + timedelta(days=1)) == 0

    def test_one_that_fails_holds_up_no_other(self, lost, unanswered, ana, plan, monkeypatch):
        for n in range(5):
            IncomingEvent.objects.create(
                gateway="sandbox", reference=f"evt_{n}", type="charge.captured", kind="charge", subject="broken",
                received_at=NOON - SECOND,
            )  # fmt: skip
        fetch = SandboxGateway.fetch

        def broken(self, kind, reference):
            if reference == "broken":
                raise KeyError
            return fetch(self, kind, reference)

        monkeypatch.setattr(SandboxGateway, "fetch", broken)
        handled = 0
        for n in range(1, 4):  # two at a time, the five broken ones first
            incoming.resume(at=NOON + n * incoming.LEASE, limit=2)
            for job in Job.objects.filter(name=HANDLE, done_at=None, attempts=0).order_by("created_at"):
                try:
                    run(job)
                except KeyError:
                    continue
                handled += 1
        assert handled == 1
        assert state_of(unanswered) == "succeeded"

    def test_costs_the_same_for_one_that_waits_and_for_thirty_that_do_not(self, lost):
        def cost(at):
            with CaptureQueriesContext(connection) as queries:
                incoming.resume(at=at)
            return len(queries)

        one = cost(NOON + 61 * SECOND)
        for n in range(30):
            IncomingEvent.objects.create(
                gateway="sandbox", reference=f"evt_{n}", type="x", kind="other", subject="", state="ignored",
                received_at=NOON, settled_at=NOON,
            )  # fmt: skip
        assert cost(NOON + 200 * SECOND) == one

    def test_runs_as_a_task(self, lost):
        assert tasks.webhooks.handle_incoming() == 1


class TestDoneAgain:
    def test_is_as_if_it_had_just_come_in(self, event, unanswered):
        IncomingEvent.objects.update(state="failed", attempts=3, note="x", tried_at=NOON, settled_at=NOON)
        Job.objects.all().delete()
        incoming.redo(event=event, by=acting_operator(), at=NOON)
        run(Job.objects.get())
        assert state_of(event) == "handled"
        assert state_of(unanswered) == "succeeded"
        assert Event.objects.get(type="incoming_event.redone").data == {"incoming_event": str(event.pk)}

    def test_of_one_that_is_handled_changes_nothing_else(self, event):
        incoming.handle(event_id=event.pk, at=NOON)
        forget_what_is_owed()
        before = every_row()
        incoming.redo(event=event, by=acting_operator(), at=NOON)
        incoming.handle(event_id=event.pk, at=NOON)
        after = every_row()
        changed = {table for table in before if before[table] != after[table]}
        assert changed <= {"tenants_job", "tenants_event", "tenants_user"}

    def test_is_the_operators_alone(self, event, admin):
        before = every_row()
        with pytest.raises(NotAllowed):
            incoming.redo(event=event, by=acting(admin), at=NOON)
        assert every_row() == before


def acting_operator():
    return Actor(user=OperatorFactory())
