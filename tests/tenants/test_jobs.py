"""Jobs: in which line they stand, what becomes of those that fail, and what is decided about them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from celery import current_app
from django.db import IntegrityError, transaction
from django.utils import timezone

from config.celery import app
from tenants.access import SYSTEM, Actor
from tenants.delivery import jobs
from tenants.delivery.jobs import LEASE, NotSetAside, claim
from tenants.delivery.models import Job
from tenants.delivery.queues import Queue, queue_of
from tenants.delivery.sweeps import SWEEPS
from tenants.delivery.trouble import LONGEST, in_short
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.factories import MembershipFactory, acting
from tests.faults import toy_jobs
from tests.faults.toy_jobs import set_aside

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestLines:
    def test_every_job_and_sweep_names_its_queue(self):
        ours = {name for name in app.tasks if not name.startswith("celery.")}
        assert {name for name in ours if queue_of(name) is None} == {"tenants.heartbeat"}  # goes through each of them
        scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
        assert scheduled == {*SWEEPS, "tenants.heartbeat"}

    def test_a_message_goes_to_the_queue_of_its_task(self):
        for name, queue in {
            "commerce.deliver_receipt": "notices",
            "commerce.reconcile_payments": "money",
            "commerce.handle_incoming_event": "webhooks",
            "tenants.prune": "upkeep",
        }.items():
            assert current_app.amqp.router.route({}, name)["queue"].name == queue

    def test_a_worker_without_a_choice_serves_all_of_them(self):
        assert {queue.name for queue in app.amqp.queues.consume_from.values()} == set(Queue.values)

    def test_lost_messages_of_each_queue_are_sent_again_however_many_letters_wait(self, sent, monkeypatch):
        monkeypatch.setattr(jobs, "RESENT_AT_ONCE", 3)
        before = timezone.now() - jobs.RESEND_AFTER
        for name in ["toy.letter"] * 10 + ["toy.charge"]:
            Job.objects.create(name=name, created_at=before)
        assert jobs.resend_waiting(at=timezone.now()) == 4
        assert sorted(sent) == ["toy.charge", *["toy.letter"] * 3]

    def test_what_was_sent_again_is_not_sent_a_third_time_before_two_minutes(self, sent):
        now = timezone.now()
        row = Job.objects.create(name="toy.letter", created_at=now - 2 * jobs.RESEND_AFTER)
        ends = [now, now + timedelta(seconds=119), now + timedelta(minutes=2), now + timedelta(minutes=3)]
        assert [jobs.resend_waiting(at=at) for at in ends] == [1, 0, 1, 0]
        Job.objects.create(name="toy.charge", created_at=now)
        assert jobs.resend_waiting(at=now + timedelta(minutes=3)) == 1
        row.refresh_from_db()
        assert (row.sent_at, len(sent)) == (now + timedelta(minutes=2), 3)

    def test_a_broker_that_is_away_is_asked_once(self, monkeypatch):
        asked = []
        monkeypatch.setattr(jobs, "send", lambda job_id, name: asked.append(name))
        for name in ["toy.letter", "toy.charge"]:
            Job.objects.create(name=name, created_at=timezone.now() - jobs.RESEND_AFTER)
        assert jobs.resend_waiting(at=timezone.now()) == 0
        assert asked == ["toy.charge"]


class TestPoison:
    def test_is_set_aside_after_three_attempts_with_the_reason_without_addresses(self):
        job = Job.objects.create(name="toy.poison")
        for attempt in range(1, 4):
            with pytest.raises(RuntimeError, match="4711"):
                toy_jobs.poison(str(job.pk))
            job.refresh_from_db()
            assert (job.attempts, job.done_at, job.set_aside_at) == (attempt, None, None)
            toy_jobs.poison(str(job.pk))  # leased: nothing happens
            Job.objects.update(leased_until=timezone.now() - LEASE)
        toy_jobs.poison(str(job.pk))
        job.refresh_from_db()
        assert (job.attempts, job.set_aside_at is None) == (3, False)
        assert job.last_error == "RuntimeError: Nobody at …@… has 4711"
        assert claim(job.pk, at=timezone.now() + 2 * LEASE) is None

    @pytest.mark.parametrize(
        "error, said",
        [
            (ValueError(), "ValueError"),
            (ValueError("x\nDETAIL: Key (email)=(ana@contoso.example)"), "ValueError: x"),
            (ValueError("{'ana@contoso.example': (550, b'no')}"), "ValueError: {'…@…': (550, b'no')}"),
            (ValueError("a\0b"), "ValueError: ab"),
        ],
    )
    def test_is_told_in_one_line(self, error, said):
        assert in_short(error) == said
        assert len(in_short(ValueError("x" * 1000))) == LONGEST

    def test_that_is_done_after_all_is_set_aside_no_longer(self):
        def takes_longer_than_its_lease():
            Job.objects.update(set_aside_at=timezone.now())

        run = jobs.job(f"toy.{uuid4()}", queue=Queue.UPKEEP)(takes_longer_than_its_lease)
        row = Job.objects.create(name="toy.late")
        run(job_id=str(row.pk))
        row.refresh_from_db()
        assert (row.done_at is None, row.set_aside_at) == (False, None)


class TestDecisions:
    def test_retry_gives_it_three_more_attempts_at_once(self, operator, sent, django_capture_on_commit_callbacks):
        job = set_aside(last_error="RuntimeError: it")
        with django_capture_on_commit_callbacks(execute=True):
            jobs.retry(job=job, by=Actor(user=operator), at=timezone.now())
        job.refresh_from_db()
        assert (job.attempts, job.set_aside_at, job.last_error) == (0, None, "RuntimeError: it")
        assert sent == ["toy.poison"]
        told = Event.objects.get(type="job.retried")
        assert (told.actor, told.subject, told.data) == (operator, str(job.pk), {"job": "toy.poison"})

    def test_forget_removes_it_and_tells_the_journal_what_it_was(self, operator):
        job = set_aside(arguments={"order_id": "7"})
        jobs.forget(job=job, by=Actor(user=operator), at=timezone.now())
        assert not Job.objects.exists()
        told = Event.objects.get(type="job.forgotten").data
        assert told == {"job": "toy.poison", "arguments": {"order_id": "7"}}

    @pytest.mark.parametrize("decide", [jobs.retry, jobs.forget])
    def test_are_about_what_was_set_aside_alone(self, decide):
        job = Job.objects.create(name="toy.poison")
        with pytest.raises(NotSetAside):
            decide(job=job, by=SYSTEM, at=timezone.now())
        assert (Job.objects.get(), Event.objects.count()) == (job, 0)

    @pytest.mark.parametrize("decide", [jobs.retry, jobs.forget])
    def test_are_the_operators(self, decide):
        job = set_aside()
        with pytest.raises(NotAllowed):
            decide(job=job, by=acting(MembershipFactory(roles=["global_admin"])), at=timezone.now())
        assert Job.objects.set_aside().get() == job


def test_a_job_is_done_or_set_aside_and_the_database_lets_none_be_both():
    job = Job.objects.create(name="toys.touch", done_at=timezone.now())
    with pytest.raises(IntegrityError, match="a_job_is_done_or_set_aside_not_both"), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(set_aside_at=timezone.now())
    job.refresh_from_db()
    assert job.set_aside_at is None
