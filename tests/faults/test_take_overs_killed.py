"""
Many purchases are taken over, settled or given back, while the workers are killed: each once, no seat twice, the money
adds up, and what is undone is as it was.

`make test` takes twenty of them, one process after the other, each killed in the middle; `make test-faults` two
hundred, with a broker and workers of their own.
"""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import time_machine
from django.db.models import Sum
from django.utils import timezone

from commerce.deeds.take_overs import SETTLE_TAKE_OVER, TAKE_OVER, UNDO_TAKE_OVER
from commerce.models import Refund, RefundReason, TakeOver
from commerce.operations.paying import refunds, settlement
from commerce.operations.takeover import previewing, starting
from commerce.operations.takeover.previewing import Wish
from licensing.models import Seat, Subscription
from tenants.delivery.models import Job
from tenants.ids import new_id
from tenants.journal.models import Event
from tenants.runs import operations as runs
from tenants.runs import rows, work
from tenants.runs.models import Run
from tests import ledger
from tests.commerce.changes import findings
from tests.commerce.takeover.conftest import rows_of
from tests.factories import MembershipFactory, TenantFactory, admin_of, buy, buy_centrally, plan_on_sale
from tests.faults.conftest import KILLED
from tests.faults.crew import crew, own_broker
from tests.faults.test_killed import every, killed_or_done
from tests.faults.test_renewals_killed import wait_until
from tests.race import without_unique_index

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

FEW, MANY = 20, 200
WITHIN = 600
# A row takes some sixty statements: enough for some of them, and for part of another. One in which three died would be
# set aside.
DIES_AFTER = 250


class Taken:
    """Purchases of one organisation, with a central subscription that has a seat for each of their people."""

    def __init__(self, count):
        tenant, plan, self.at = TenantFactory(), plan_on_sale(), timezone.now()
        self.by = admin_of(tenant, "billing_admin")
        begun = self.at - timedelta(days=10)
        self.central = buy_centrally(self.by.membership, plan, count, begun)
        self.bought = [buy(MembershipFactory(tenant=tenant), plan, 1, begun) for _ in range(count)]
        self.wish = Wish(mode="move", target=self.central)
        Job.objects.all().delete()  # letters of these purchases are another story

    def start(self):
        given = {"mode": "move", "target_subscription": str(self.central.pk), "reason": "One contract"}
        subjects = [row.pk for row in self.bought]
        return runs.start(deed=TAKE_OVER, subjects=subjects, given=given, by=self.by, at=self.at)

    def then(self, deed):
        made = list(TakeOver.objects.order_by("started_at", "pk").values_list("pk", flat=True))
        return runs.start(deed=deed, subjects=made, given={"reason": "One contract"}, by=self.by, at=self.at)

    def standing(self):
        return [rows_of(row) for row in self.bought]

    def require_moved(self, run):
        """Each is taken over once, and everybody has one seat more, and no second one."""
        require_done(run)
        subjects = Counter(str(row.pk) for row in self.bought)
        assert Counter(str(pk) for pk in TakeOver.objects.values_list("subscription", flat=True)) == subjects
        for type in ("subscription.taken_over", "subscription.disabled"):
            facts = Event.objects.filter(type=type)
            assert Counter(facts.values_list("subject", flat=True)) == subjects, type
        held = Seat.objects.open().filter(subscription=self.central)
        assert Counter(held.values_list("member", flat=True)) == Counter(row.owner_id for row in self.bought)
        assert Subscription.objects.get(pk=self.central.pk).seats_assigned == len(self.bought)
        assert findings() == []

    def require_given_back(self, run):
        """Each is deleted, and what its preview said went back to its card, once."""
        require_done(run)
        settlement.reconcile(at=timezone.now())
        of_each = Refund.objects.filter(reason=RefundReason.TAKEN_OVER).values_list("order__subscription", "amount")
        assert Counter(pk for pk, _amount in of_each) == Counter(row.pk for row in self.bought)
        assert {row.state for row in Subscription.objects.filter(pk__in=[b.pk for b in self.bought])} == {"deleted"}
        assert Event.objects.filter(type="subscription.take_over_settled").count() == len(self.bought)
        assert findings() == []


def require_done(run):
    assert run.counts()["done"] == run.size, run.rows.exclude(state="done").values_list("state", "code", "detail")[:3]
    for type in ("run.started", "run.finished"):
        assert Event.objects.filter(type=type, subject=str(run.pk)).count() == 1


class Processes:
    """One after the other, each killed in the middle of a row, until one of them is done with it."""

    def __init__(self, victim):
        self.victim = victim

    def do(self, run):
        """Returns how many rows waited each time when one was killed."""
        hit = []
        while self.victim({"do": "continue run", "run": run.pk, "at": timezone.now(), "die": DIES_AFTER}) == [KILLED]:
            hit.append(run.counts()["waiting"])
            # Nobody has it in hand any more, once the lease of the one that died has run out.
            Run.objects.filter(pk=run.pk).update(leased_until=timezone.now())
        assert len([left for left in hit if left]) > 1, "too few were killed in the middle"
        return hit


class Workers:
    """Two of them, both killed and replaced when a twentieth is done, and when a half is."""

    def __init__(self, folder):
        self.folder = folder

    def do(self, run):
        """Returns how many rows waited each time when both were killed."""
        hit, log = [], self.folder / f"{run.pk}.log"
        with own_broker() as broker, crew(broker, log, schedule="tests.faults.hasty_schedule") as hired:
            for share in (run.size // 20, run.size // 2):
                wait_until(lambda share=share: run.counts()["done"] >= share, WITHIN)
                hired.kill_a_worker()
                hired.kill_a_worker()
                hit.append(run.counts()["waiting"])
            wait_until(lambda: Run.objects.get(pk=run.pk).finished_at, WITHIN)
        assert all(hit), "nothing was killed in the middle"
        return hit


@pytest.fixture(params=[FEW, pytest.param(MANY, marks=pytest.mark.faults)])
def many(request, monkeypatch):
    """So many, none of them done before the run's start has answered."""
    monkeypatch.setattr(runs, "DONE_AT_ONCE", 0)
    return request.param


@pytest.fixture
def killed(many, request, tmp_path):
    return Processes(request.getfixturevalue("victim")) if many == FEW else Workers(tmp_path)


@pytest.fixture
def say(capfd):
    def say(text):
        with capfd.disabled():
            print(f"\n{text}")  # noqa: T201

    return say


def test_all_are_taken_over_and_settled_once_and_their_money_adds_up_whoever_is_killed(many, killed, say):
    taken = Taken(many)
    one, wish = taken.bought[0], Wish(mode="cancel")
    # It goes on while they are: by the minute the part that is not used gets smaller.
    most, least = (
        previewing.preview(subscription=one, wish=wish, by=taken.by, at=moment).total * many
        for moment in (taken.at, taken.at + timedelta(hours=1))
    )
    run = taken.start()
    moving = killed.do(run)
    taken.require_moved(run)
    assert ledger.refunded() == []
    settled = taken.then(SETTLE_TAKE_OVER)
    settling = killed.do(settled)
    taken.require_given_back(settled)
    promised, paid = Refund.objects.aggregate(sum=Sum("amount"))["sum"], Decimal("9.99") * many
    assert least <= promised <= most < paid
    # What those that were killed did not send, the sweep does.
    refunds.retry_unsettled(at=timezone.now() + timedelta(hours=1))
    assert (sum(ledger.captured()), sum(ledger.refunded())) == (paid, promised)
    assert findings() == []
    say(
        f"{many} taken over: {moving} waited when a process was killed; settled: {settling} waited;"
        f" {paid} had been paid, {promised:.2f} went back, each once"
    )


def test_all_that_are_undone_are_as_they_were_whoever_is_killed(many, killed, say):
    taken = Taken(many)
    before = taken.standing()
    run = taken.start()
    moving = killed.do(run)
    taken.require_moved(run)
    assert taken.standing() != before
    undone = taken.then(UNDO_TAKE_OVER)
    undoing = killed.do(undone)
    require_done(undone)
    assert taken.standing() == before
    assert not Seat.objects.open().filter(subscription=taken.central).exists()
    assert Subscription.objects.get(pk=taken.central.pk).seats_assigned == 0
    assert (ledger.refunded(), findings()) == ([], [])
    say(f"{many} taken over: {moving} waited when a process was killed; undone: {undoing} waited; all as it was")


@every(last=130, step=13)
def test_one_that_dies_before_any_statement_is_finished_by_the_next_process(victim, monkeypatch, nth, last):
    monkeypatch.setattr(runs, "DONE_AT_ONCE", 0)
    taken = Taken(2)
    run = taken.start()
    [code] = victim({"do": "continue run", "run": run.pk, "at": taken.at, "die": nth})
    killed_or_done(code, nth, last)
    assert run.counts()["set_aside"] == 0
    with time_machine.travel(timezone.now() + rows.LEASE + timedelta(seconds=1)):
        work.go_on(UUID(str(run.pk)), at=timezone.now(), seconds=30)
    taken.require_moved(run)


def test_two_processes_at_once_take_each_over_once(victim, monkeypatch):
    monkeypatch.setattr(runs, "DONE_AT_ONCE", 0)
    taken = Taken(12)
    run = taken.start()
    order = {"do": "rows of run", "run": run.pk, "at": taken.at}
    assert victim(order, order) == [0, 0]
    rows.finish(run, at=timezone.now())
    taken.require_moved(run)


class TestTheControls:
    """What the tests above look at sees it where something was done twice, or half."""

    @pytest.fixture
    def taken(self, monkeypatch):
        monkeypatch.setattr(runs, "DONE_AT_ONCE", 0)
        return Taken(2)

    def test_a_deed_that_is_not_written_down_with_its_outcome_is_seen(self, taken):
        run = taken.start()
        starting.start(subscription=taken.bought[0], wish=taken.wish, by=taken.by, at=taken.at)
        work.go_on(run.pk, at=taken.at, seconds=30)
        assert run.counts()["refused"] == 1  # it is not done a second time all the same
        with pytest.raises(AssertionError):
            taken.require_moved(run)

    def test_a_seat_that_is_given_twice_is_seen(self, taken):
        run = taken.start()
        work.go_on(run.pk, at=taken.at, seconds=30)
        taken.require_moved(run)
        first = Seat.objects.open().filter(subscription=taken.central).first()
        with without_unique_index("licensing_seat", "one_open_seat_per_member"):
            Seat.objects.create(
                tenant=first.tenant, subscription=first.subscription, member=first.member, assigned_at=taken.at
            )
            with pytest.raises(AssertionError):
                taken.require_moved(run)

    def test_money_that_goes_back_twice_is_seen(self, taken):
        run = taken.start()
        work.go_on(run.pk, at=taken.at, seconds=30)
        settled = taken.then(SETTLE_TAKE_OVER)
        work.go_on(settled.pk, at=taken.at, seconds=30)
        taken.require_given_back(settled)
        [refund, _other] = Refund.objects.order_by("pk")
        refund.pk = refund.id = new_id()
        refund._state.adding = True
        refund.save()
        with pytest.raises(AssertionError):
            taken.require_given_back(settled)
