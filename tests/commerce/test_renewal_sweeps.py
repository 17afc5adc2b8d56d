"""Many renewals: two sweeps at once, a provider that hangs for one tenant, zones, and how much each one asks."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from threading import Event as Signal
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Order, Payment, Purchase, Renewal
from commerce.operations.renewing import claims, due, sweeps
from licensing.calendar import term_end
from tests import ledger
from tests.commerce.changes import SECOND, findings
from tests.commerce.renewing import PROVIDER, advance, sweep
from tests.factories import MembershipFactory, TenantFactory, buy, plan_on_sale
from tests.race import at_once

DUE = datetime(2026, 4, 10, tzinfo=UTC)
MANY = 12


def bought(count, plan=None, tenant=None):
    plan = plan or plan_on_sale()
    tenant = tenant or TenantFactory()
    return [buy(MembershipFactory(tenant=tenant), plan) for _ in range(count)]


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
class TestTwoSweepsAtOnce:
    def test_charge_each_once(self):
        bought(MANY)
        done = at_once(lambda _n: sweeps.renew_due(provider=PROVIDER, at=DUE, hands=3), range(2))
        assert sum(done, Counter()) == {"charged": MANY}
        assert len(ledger.captured()) == 2 * MANY
        assert Payment.objects.filter(order__kind="renewal").count() == MANY
        assert findings() == []

    def test_share_what_is_due(self):
        bought(MANY)
        due.open_due(at=DUE)
        [one, other] = at_once(lambda _n: claims.take(at=DUE), range(2))
        assert len({claim.renewal for claim in one + other}) == len(one + other) == MANY

    def test_would_both_take_it_without_lock_and_lease(self):
        """The control of the two above: what is only looked at is seen by both."""
        bought(MANY)
        due.open_due(at=DUE)
        [one, other] = at_once(lambda _n: list(Renewal.objects.claimable(DUE)), range(2))
        assert {row.pk for row in one} == {row.pk for row in other}

    def test_may_even_work_on_the_same_one(self):
        """As after a lease that ran out too soon: the order that is there is what both send."""
        bought(1)
        due.open_due(at=DUE)
        [claim] = claims.take(at=DUE)
        at_once(lambda _n: sweeps.renewals.renew(claim, provider=PROVIDER, at=DUE), range(3))
        assert len(ledger.captured()) == 2
        assert Order.objects.filter(kind="renewal").count() == 1
        assert findings() == []


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
class TestATenantInTrouble:
    def test_leaves_hands_for_the_others(self, monkeypatch):
        """Its calls hang until everybody else is done."""
        plan = plan_on_sale()
        stuck = bought(MANY, plan)
        others = bought(3, plan) + bought(3, plan)
        customers = {str(subscription.payer_id) for subscription in stuck}
        freed, charge = Signal(), SandboxGateway.charge

        def hang(gateway, request):
            if request.customer in customers and not freed.wait(20):
                raise GatewayUnavailable
            answer = charge(gateway, request)
            if len(ledger.captured()) == MANY + 2 * len(others):
                freed.set()
            return answer

        monkeypatch.setattr(SandboxGateway, "charge", hang)
        done = sweeps.renew_due(provider=PROVIDER, at=DUE, hands=4)
        assert freed.is_set()
        assert done == {"charged": MANY + len(others)}

    def test_that_gets_no_answer_is_charged_when_there_is_one(self, monkeypatch):
        bought(2)
        with monkeypatch.context() as silent:

            def unavailable(gateway, request):
                raise GatewayUnavailable

            silent.setattr(SandboxGateway, "charge", unavailable)
            assert sweep(DUE) == {"waiting": 2}
        assert sweep(DUE + timedelta(minutes=1)) == {}
        assert sweep(DUE + claims.LEASE) == {"charged": 2}
        assert findings() == []


@pytest.mark.django_db(databases=["default", "sandbox"])
class TestTheDayOnWhichItIsDue:
    @pytest.mark.parametrize(
        "zone, at, term",
        [
            ("UTC", "2026-01-31T15:30:00", "P1M"),
            ("Europe/Berlin", "2026-02-28T02:30:00", "P1M"),
            ("Europe/Berlin", "2026-09-25T02:30:00", "P1M"),
            ("America/Los_Angeles", "2026-02-08T02:15:00", "P1M"),
            ("America/Los_Angeles", "2026-10-01T00:00:00", "P1M"),
            ("Pacific/Auckland", "2026-08-27T02:30:00", "P1M"),
            ("Pacific/Auckland", "2026-01-31T23:59:59", "P1M"),
            ("America/Los_Angeles", "2028-02-29T23:30:00", "P1Y"),
            ("Pacific/Auckland", "2028-02-29T00:00:01", "P1Y"),
        ],
    )
    def test_begins_at_its_midnight_term_after_term(self, zone, at, term):
        there = ZoneInfo(zone)
        begun = datetime.fromisoformat(at).replace(tzinfo=there).astimezone(UTC)
        tenant = TenantFactory(time_zone=zone)
        subscription = buy(MembershipFactory(tenant=tenant), plan_on_sale(term=term), at=begun)
        for number in range(1, 5):
            end = term_end(begun, there, term, number)
            midnight = datetime.combine(end.astimezone(there).date(), datetime.min.time(), there).astimezone(UTC)
            assert sweep(midnight - SECOND) == {}
            assert sweep(midnight) == {"charged": 1}
            advance(end)
            subscription.refresh_from_db()
            assert subscription.term_end == term_end(begun, there, term, number + 1)
        assert findings() == []

    def test_holds_nobody_up_whose_zone_is_known(self):
        [strange, _other] = bought(2)
        type(strange).objects.filter(pk=strange.pk).update(time_zone="Nowhere/Atlantis")
        assert sweep(DUE) == {"charged": 1}


@pytest.mark.django_db(databases=["default", "sandbox"])
class TestHowMuchItAsks:
    def test_of_the_database_is_the_same_for_each(self):
        asked = []
        for count in (1, 30):
            bought(count)
            due.open_due(at=DUE)
            found = [claim for _batch in range(2) for claim in claims.take(at=DUE)]
            assert len(found) == count
            with CaptureQueriesContext(connection) as queries:
                for claim in found:
                    assert sweeps.renewals.renew(claim, provider=PROVIDER, at=DUE) == "charged"
            asked.append(len(queries) / count)
        assert asked[0] == asked[1]
        assert asked[0] <= 40

    def test_of_what_is_due_is_one_answer_for_all(self, django_assert_num_queries):
        for count in (1, 5):
            bought(count)
            with django_assert_num_queries(2):
                assert due.open_due(at=DUE) == count


class Terminal(StringIO):
    def isatty(self):
        return True


def broken(*args, **options):
    raise IntegrityError("a defect")


def told_by_command(**options):
    out = StringIO()
    call_command("renew_subscriptions", at=DUE, json=True, stdout=out, **options)
    return json.loads(out.getvalue())


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
class TestTheCommand:
    def test_tells_what_it_did_and_a_second_run_does_nothing(self):
        subscriptions = bought(3)
        Purchase.objects.filter(pk=subscriptions[0].pk).update(auto_renew=False)
        told = told_by_command()
        assert (told["due"], told["charged"], told["declined"], told["left"]) == (2, 2, 0, 0)
        assert told_by_command()["due"] == 0
        assert len(ledger.captured()) == 3 + 2

    def test_tells_people_a_table_and_how_far_it_is(self):
        bought(2)
        out, terminal = StringIO(), Terminal()
        call_command("renew_subscriptions", "--at", DUE.isoformat(), stdout=out, stderr=terminal)
        lines = dict(line.split() for line in out.getvalue().splitlines())
        assert (lines["due"], lines["charged"], lines["broken"], lines["left"]) == ("2", "2", "0", "0")
        assert "2 / 2" in terminal.getvalue()

    def test_goes_by_the_moment_that_it_is_given(self):
        bought(1)
        out = StringIO()
        call_command("renew_subscriptions", "--at", (DUE - timedelta(seconds=1)).isoformat(), "--json", stdout=out)
        assert json.loads(out.getvalue())["due"] == 0
        assert not Renewal.objects.exists()

    def test_says_what_is_left_and_fails_when_one_breaks(self, monkeypatch):
        bought(1)
        monkeypatch.setattr(sweeps.renewals, "_order", broken)
        out = StringIO()
        with pytest.raises(CommandError) as failed:
            call_command("renew_subscriptions", at=DUE, json=True, stdout=out)
        assert failed.value.returncode == 1
        told = json.loads(out.getvalue())
        assert (told["due"], told["charged"], told["broken"], told["left"]) == (1, 0, 1, 0)
        assert Renewal.objects.get().faults == 1

    def test_tells_what_it_would_do_and_changes_nothing(self):
        [subscription] = bought(1)
        assert [row["subscription"] for row in told_by_command(dry_run=True)] == [str(subscription.pk)]
        assert not Renewal.objects.exists()
        assert len(ledger.captured()) == 1
