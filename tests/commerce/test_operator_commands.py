import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Payment, Refund
from commerce.operations.changes import cancellations
from licensing.models import Subscription
from tests import ledger
from tests.factories import NOON, MembershipFactory, acting, buy, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

LATER = NOON + timedelta(seconds=61)


@pytest.fixture
def run(capsys):
    def call(command, at=None, **options):
        call_command(command, *(["--at", at.isoformat()] if at else []), json=True, **options)
        return json.loads(capsys.readouterr().out)

    return call


class Terminal(StringIO):
    def isatty(self):
        return True


class TestReconcilePayments:
    @pytest.fixture
    def lost(self, ana, plan, monkeypatch):
        """A payment and a refund whose answers were lost."""
        bought = buy(ana, plan)

        def unreachable(*args, **options):
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "refund", unreachable)
            patch.setattr(SandboxGateway, "charge", unreachable)
            cancellations.cancel_subscription(subscription=bought, reason="", by=acting(ana), at=NOON)
            pay(open_checkout(ana, plan))

    def test_tells_what_became_of_each(self, lost, run):
        rows = run("reconcile_payments", at=LATER)
        assert [(row["kind"], row["was"], row["state"]) for row in rows] == [
            ("payment", "started", "canceled"),
            ("refund", "started", "succeeded"),
        ]
        assert run("reconcile_payments", at=LATER) == []

    def test_asks_nobody_before_sixty_seconds(self, lost, run):
        assert run("reconcile_payments", at=NOON + timedelta(seconds=60)) == []

    def test_a_dry_run_only_lists(self, lost, run):
        rows = run("reconcile_payments", at=LATER, dry_run=True)
        assert [(row["kind"], row["state"]) for row in rows] == [("payment", "started"), ("refund", "started")]
        assert Payment.objects.filter(state="started").count() == 1
        assert Refund.objects.get().state == "started"
        assert ledger.refunded() == []


class TestExpireSubscriptions:
    def test_tells_what_moved_as_far_as_it_was_due(self, ana, plan, run):
        bought = buy(ana, plan)
        Subscription.objects.update(auto_renew=False)  # else nothing ends before its renewal was tried
        [row] = run("expire_subscriptions", at=bought.term_end)
        assert (row["was"], row["state"]) == ("active", "expired")
        [row] = run("expire_subscriptions", at=bought.term_end + timedelta(days=400))
        assert (row["was"], row["state"]) == ("expired", "deleted")
        assert run("expire_subscriptions", at=bought.term_end + timedelta(days=400)) == []

    def test_moves_more_than_one_sweep_takes(self, plan, run, monkeypatch):
        monkeypatch.setattr("commerce.management.commands.expire_subscriptions.AT_ONCE", 2)
        end = max(buy(person, plan).term_end for person in MembershipFactory.create_batch(5))
        assert len(run("expire_subscriptions", at=end)) == 5
        assert set(Subscription.objects.values_list("state", flat=True)) == {"expired"}

    def test_tells_people_how_many_moved_where(self, ana, plan, run, capsys):
        end = max(buy(person, plan).term_end for person in MembershipFactory.create_batch(2))
        run("expire_subscriptions", at=end)
        buy(ana, plan)
        Subscription.objects.update(auto_renew=False)
        terminal = Terminal()
        call_command("expire_subscriptions", "--at", (end + timedelta(days=400)).isoformat(), stderr=terminal)
        assert "/ 3" in terminal.getvalue()
        assert "deleted: 3" in terminal.getvalue()

    def test_a_dry_run_only_lists(self, ana, plan, run):
        bought = buy(ana, plan)
        [row] = run("expire_subscriptions", at=bought.term_end, dry_run=True)
        assert (row["subscription"], row["was"], row["state"]) == (str(bought.pk), "active", "expired")
        assert Subscription.objects.get().state == "active"


class TestCheckInvariants:
    def test_finds_nothing_and_says_so(self, ana, plan, run, capsys):
        buy(ana, plan)
        assert run("check_invariants") == []
        call_command("check_invariants")
        assert "nothing found" in capsys.readouterr().out

    def test_lists_what_it_finds_and_exits_1(self, ana, plan, capsys):
        bought = buy(ana, plan)
        Subscription.objects.update(seats_assigned=2)
        with pytest.raises(CommandError) as failed:
            call_command("check_invariants", json=True)
        assert failed.value.returncode == 1
        [row] = json.loads(capsys.readouterr().out)
        assert row["check"] == "seats_match_quantities"
        assert str(bought.pk) in row["finding"]


@pytest.mark.parametrize("command", ["reconcile_payments", "expire_subscriptions"])
@pytest.mark.parametrize("wrong", ["yesterday", "2026-13-01", ""])
def test_a_moment_that_is_none_is_wrong_usage(command, wrong):
    with pytest.raises(CommandError, match="no ISO time"):
        call_command(command, "--at", wrong)
