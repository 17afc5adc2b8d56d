"""Centralising a product from start to end: who may, step by step in the journal; stopped and come back to."""

import pytest

from commerce.models import CancellationRequest, CentralisedPerson
from commerce.operations.centralising import purchasers, steps
from commerce.operations.centralising.steps import WrongStep
from licensing.models import Seat
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.commerce.centralising.conftest import LATER, asked, begun, cancel, chosen, looked_at, step_of, sweep
from tests.commerce.conftest import all_is_well
from tests.factories import MembershipFactory, TenantFactory, acting, admin_of, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestTheWholeWay:
    def test_ends_when_every_purchaser_has_canceled(self, bought, bens, boss, ana, cleo, tenant, plan):
        row = asked(bought, boss, ana, cleo, bens.purchaser)
        assert row.step == "waiting"
        central = Seat.objects.open().filter(subscription__channel="central")
        assert {seat.member for seat in central} == {ana, cleo, bens.purchaser}
        assert CancellationRequest.objects.count() == 2
        cancel(bought)
        sweep()
        assert step_of(row) == "waiting"
        cancel(bens)
        sweep()
        assert step_of(row) == "done"
        assert {request.state for request in CancellationRequest.objects.all()} == {"canceled"}
        assert all_is_well()

    def test_is_in_the_journal_step_by_step(self, bought, boss, ana, tenant):
        row = asked(bought, boss, ana)
        cancel(bought)
        sweep()
        told = Event.objects.of(tenant).about(row.pk).order_by("pk").values_list("type", flat=True)
        assert list(told) == [
            f"centralisation.{what}" for what in ("started", "chosen", "cost_accepted", "assigned", "asked", "finished")
        ]

    def test_is_begun_once_and_gone_on_with_by_somebody_else(self, bought, boss, ana):
        row = chosen(bought, boss, ana)
        again = begun(bought, admin_of(bought.tenant, "license_admin"))
        assert (again.pk, again.step) == (row.pk, "cost")

    def test_can_be_done_by_two_of_different_roles(self, bought, boss, ana, tenant):
        buy_centrally(boss.membership, bought.plan, 2)
        giver, ender = admin_of(tenant, "license_admin"), admin_of(tenant, "billing_admin")
        row = looked_at(bought, giver, ana)
        with pytest.raises(NotAllowed):
            steps.assign(centralisation=row, by=ender, at=LATER)
        row = steps.assign(centralisation=row, by=giver, at=LATER)
        with pytest.raises(NotAllowed):
            purchasers.ask(centralisation=row, subscriptions=[bought], by=giver, at=LATER)
        assert purchasers.ask(centralisation=row, subscriptions=[bought], by=ender, at=LATER).step == "waiting"


class TestWho:
    @pytest.mark.parametrize("role", [None, "user_admin", "global_reader"])
    def test_nobody_else_begins_or_goes_on(self, bought, boss, ana, role):
        somebody = acting(MembershipFactory(tenant=bought.tenant, roles=[role] if role else []))
        row = begun(bought, boss)
        for by in (somebody, admin_of(TenantFactory())):
            with pytest.raises(NotAllowed):
                begun(bought, by)
            with pytest.raises(NotAllowed):
                steps.choose(centralisation=row, members=[ana], by=by, at=LATER)
            with pytest.raises(NotAllowed):
                steps.drop(centralisation=row, by=by, at=LATER)
        assert step_of(row) == "people"
        assert not CentralisedPerson.objects.exists()


class TestDropping:
    def test_withdraws_what_was_asked_and_leaves_seats(self, bought, boss, ana):
        row = asked(bought, boss, ana)
        with pytest.raises(NotAllowed):
            steps.drop(centralisation=row, by=admin_of(bought.tenant, "license_admin"), at=LATER)
        for _ in range(2):
            assert steps.drop(centralisation=row, by=boss, at=LATER).step == "dropped"
        assert CancellationRequest.objects.get().state == "withdrawn"
        assert Seat.objects.open().filter(subscription__channel="central", member=ana).exists()
        with pytest.raises(WrongStep):
            purchasers.ask(centralisation=row, subscriptions=[bought], by=boss, at=LATER)
        assert begun(bought, boss).pk != row.pk
