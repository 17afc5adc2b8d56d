"""Workers and schedules as they really are: what waits for what, what is done once, who takes over."""

import signal
import time

import pytest

from config.schedule import LEASE
from tenants.delivery import jobs
from tenants.delivery.models import Job
from tests.faults.workers import Line

pytestmark = pytest.mark.django_db(transaction=True)

LETTERS = 300


@pytest.fixture
def line(monkeypatch):
    line = Line()
    # What this process sends goes there too.
    monkeypatch.setattr(jobs, "send", lambda job_id, name: line.send(name, job_id) or True)
    yield line
    line.client.flushdb()


def letters_before_the_charge(line, **options):
    for job in Job.objects.bulk_create(Job(name="toy.letter") for _ in range(LETTERS)):
        line.send("toy.letter", job.pk)
    charge = Job.objects.create(name="toy.charge")
    line.send("toy.charge", charge.pk, **options)
    with line.worker():
        line.until(lambda: "charge" in line.told())
    return line.told().index("charge")


def test_money_is_done_while_letters_wait(line):
    assert letters_before_the_charge(line) < 10


@pytest.mark.faults
def test_in_one_line_money_would_wait_for_all_of_them(line):
    # The control: the same charge, in the queue of the letters.
    assert letters_before_the_charge(line, queue="notices") == LETTERS


def test_a_worker_for_one_queue_leaves_the_others_alone(line):
    for name in ("toy.letter", "toy.charge"):
        jobs.enqueue(name)
    with line.worker("--queues", "money"):
        line.until(lambda: line.told() == ["charge"])
        time.sleep(1)
    assert line.told() == ["charge"]
    assert Job.objects.get(name="toy.letter").attempts == 0


def test_what_runs_when_a_worker_is_told_to_stop_ends_once_and_the_next_worker_does_the_rest(line):
    for name in ("first", "second"):
        jobs.enqueue("toy.slow", name=name, seconds=3)
    with line.worker() as stopping:
        line.until(lambda: line.told() == ["first began"])
        stopping.send_signal(signal.SIGTERM)
        assert stopping.wait(timeout=15) == 0
    assert line.told() == ["first began", "first ended"]
    with line.worker():
        line.until(lambda: "second ended" in line.told())
    assert line.told() == ["first began", "first ended", "second began", "second ended"]
    assert list(Job.objects.exclude(done_at=None).values_list("attempts", flat=True)) == [1, 1]


@pytest.mark.faults
def test_a_worker_that_is_killed_instead_leaves_its_job_half_done(line):
    # The control: without the order to stop, the first job's end is lost with its process.
    jobs.enqueue("toy.slow", name="first", seconds=3)
    with line.worker("--pool", "solo") as killed:
        line.until(lambda: line.told() == ["first began"])
        killed.kill()
        killed.wait(timeout=10)
    assert line.told() == ["first began"]
    assert Job.objects.get().done_at is None


def test_two_schedules_send_each_sweep_once_and_the_second_takes_over_from_a_killed_one(line):
    with line.schedules(2) as pair:
        line.until(lambda: line.waiting("toy.tick") > 0)
        began, before = time.monotonic(), line.waiting("toy.tick")
        time.sleep(5)
        sent, periods = line.waiting("toy.tick") - before, time.monotonic() - began
        assert periods - 2 <= sent <= periods + 1

        holding = line.client.get(LEASE).decode().split(":")[1]
        [holder] = [each for each in pair if str(each.pid) == holding]
        holder.kill()
        holder.wait()
        before = line.waiting("toy.tick")
        line.until(lambda: line.waiting("toy.tick") > before, patience=15)


@pytest.mark.faults
def test_two_plain_schedules_send_each_sweep_twice(line):
    # The control.
    with line.schedules(2, "--scheduler", "celery.beat:Scheduler"):
        line.until(lambda: line.waiting("toy.tick") > 1)
        time.sleep(2)
        began, before = time.monotonic(), line.waiting("toy.tick")
        time.sleep(5)
        assert line.waiting("toy.tick") - before >= 2 * (time.monotonic() - began) - 3
