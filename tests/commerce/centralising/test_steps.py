"""Each step of centralising a product: people, cost, seats, purchasers."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.models import CancellationRequest, Centralisation
from commerce.operations.buying.trials import start_trial
from commerce.operations.centralising import costs, purchasers, requests, self_service, steps
from commerce.operations.centralising.steps import NobodyLeft, NobodyToCentralise, WrongStep
from licensing.operations import central_seats, seats
from licensing.operations.seats import NoSeatLeft
from licensing.operations.subscriptions import set_auto_renew
from tenants.directory.models import Membership
from tenants.refusal import BadInput, NotAllowed
from tests.commerce.card_trials.conftest import start as start_with_card
from tests.commerce.centralising.conftest import (
    LATER,
    asked,
    assigned,
    begun,
    cancel,
    chosen,
    looked_at,
    purchases_to_ask,
    step_of,
    sweep,
)
from tests.commerce.conftest import all_is_well
from tests.factories import (
    NOON,
    MembershipFactory,
    TenantFactory,
    acting,
    admin_of,
    buy,
    buy_centrally,
    plan_on_sale,
    price_centrally,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestPeople:
    def test_are_those_on_self_service_seats(self, bought, bens, boss, ana, cleo, tenant, plan):
        buy(ana, plan_on_sale(), 1)
        central = buy_centrally(boss.membership, plan, 1)
        seats.assign(subscription=central, members=[boss.membership], by=boss, at=NOON)
        cancel(buy(MembershipFactory(tenant=tenant), plan, 1), at=NOON)
        buy(MembershipFactory(), plan, 1)
        found = {seat.member for seat in self_service.seats_of(tenant, plan.product)}
        assert found == {ana, cleo, bens.purchaser}

    def test_of_trials_those_with_a_card_alone(self, ana, tenant):
        tried = plan_on_sale(product__trial_days=30, product__trial_seats=5)
        with_card = start_with_card(ana, tried).trial
        colleague = MembershipFactory(tenant=tenant)
        free = start_trial(plan=tried, quantity=1, by=acting(colleague), at=NOON).trial
        assert (free.state, free.converts, with_card.converts) == ("trial", False, True)
        assert set(self_service.purchases_of(tenant, tried.product)) == {with_card}
        assert {seat.member for seat in self_service.seats_of(tenant, tried.product)} == {ana}

    def test_nobody_else_can_be_chosen(self, bought, boss, ana, tenant):
        row = begun(bought, boss)
        for members in ([], [ana, boss.membership], [MembershipFactory()]):
            with pytest.raises(BadInput) as refused:
                steps.choose(centralisation=row, members=members, by=boss, at=LATER)
            assert refused.value.field == "people"
        assert step_of(row) == "people"

    def test_at_most_so_many_at_once(self, bought, boss, ana, cleo, monkeypatch):
        monkeypatch.setattr(steps, "MOST_PEOPLE", 1)
        with pytest.raises(BadInput):
            chosen(bought, boss, ana, cleo)

    def test_can_be_chosen_anew_until_seats_were_given(self, bought, boss, ana, cleo):
        row = looked_at(bought, boss, ana)
        row = steps.choose(centralisation=row, members=[cleo], by=boss, at=LATER)
        assert (row.step, [person.member for person in row.people.all()]) == ("cost", [cleo])
        done = asked(bought, boss, cleo)
        with pytest.raises(WrongStep):
            steps.choose(centralisation=done, members=[ana], by=boss, at=LATER)

    def test_there_must_be_some(self, tenant, plan, boss):
        with pytest.raises(NobodyToCentralise):
            steps.start(tenant=tenant, product=plan.product, by=boss, at=LATER)
        assert not Centralisation.objects.exists()


class TestCost:
    def test_is_what_people_pay_and_what_the_organisation_would(self, bought, bens, boss, ana, cleo, plan):
        price_centrally(plan, "8.00")
        row = chosen(bought, boss, ana, cleo, bens.purchaser)
        cost = costs.of(row, at=LATER)
        assert [(each.purchase.pk, each.chosen, each.others, each.a_year) for each in cost.paid] == [
            (bought.pk, 2, 0, Decimal("359.64")),
            (bens.pk, 1, 0, Decimal("119.88")),
        ]
        assert cost.paid_a_year == {"USD": Decimal("479.52")}
        assert (cost.people, cost.needed, cost.free, cost.missing) == (3, 3, 0, 3)
        assert [(way.unit_price, way.a_year) for way in cost.ways] == [(Decimal("8.00"), Decimal("288.00"))]

    def test_free_seats_cost_nothing_more_and_agreements_and_purchases_are_ways(self, bought, boss, ana, cleo, plan):
        price_centrally(plan, "9.00")
        central = buy_centrally(boss.membership, plan, 1)
        cost = costs.of(chosen(bought, boss, ana, cleo), at=LATER)
        assert (cost.needed, cost.free, cost.missing) == (2, 1, 1)
        assert [(way.added_to, bool(way.agreement), way.a_year) for way in cost.ways] == [
            (central, False, Decimal("107.88")),
            (None, True, Decimal("107.88")),
            (None, False, Decimal("108.00")),
        ]

    def test_currencies_are_never_added(self, bought, boss, ana):
        row = chosen(bought, boss, ana)
        cost = costs.of(row, at=LATER)
        other = costs.Paid(
            purchase=cost.paid[0].purchase, chosen=1, others=0, unit_price=Decimal("5.00"), currency="EUR"
        )
        both = costs.Cost(paid=[*cost.paid, other], people=1, needed=1, free=0)
        assert both.paid_a_year == {"EUR": Decimal("180.00"), "USD": Decimal("359.64")}

    @pytest.mark.parametrize(("term", "amount"), [("P1M", "216.00"), ("P1Y", "18.00")])
    def test_a_year_is_paid_once_a_year_and_a_month_twelve_times(self, term, amount):
        assert costs.a_year(Decimal("9.00"), plan_on_sale(term=term), 2) == Decimal(amount)

    def test_takes_as_many_queries_for_thirty_as_for_one(self, boss, tenant, plan, django_assert_num_queries, ana):
        price_centrally(plan, "8.00")
        first = buy(ana, plan, 1)
        row = chosen(first, boss, ana)
        with CaptureQueriesContext(connection) as counted:
            costs.of(row, at=LATER)
        people = [MembershipFactory(tenant=tenant) for _ in range(10)]
        for person in people:
            buy(person, plan, 1)
        row = chosen(first, boss, ana, *people)
        with django_assert_num_queries(len(counted)):
            assert len(costs.of(row, at=LATER).paid) == 11


class TestSeats:
    def test_are_given_all_or_none(self, bought, boss, ana, cleo, plan, tenant):
        buy_centrally(boss.membership, plan, 1)
        row = looked_at(bought, boss, ana, cleo)
        with pytest.raises(NoSeatLeft):
            steps.assign(centralisation=row, by=boss, at=LATER)
        assert (step_of(row), central_seats.free(tenant, plan.product)) == ("seats", 1)
        buy_centrally(boss.membership, plan, 1)
        assert steps.assign(centralisation=row, by=boss, at=LATER).step == "asking"
        assert central_seats.free(tenant, plan.product) == 0
        with pytest.raises(WrongStep):
            steps.assign(centralisation=row, by=boss, at=LATER)
        assert all_is_well()

    def test_not_before_the_cost_was_looked_at(self, bought, boss, ana):
        with pytest.raises(WrongStep):
            steps.assign(centralisation=chosen(bought, boss, ana), by=boss, at=LATER)

    def test_who_has_left_meanwhile_is_left_out(self, bought, boss, ana, cleo, plan):
        buy_centrally(boss.membership, plan, 1)
        row = looked_at(bought, boss, ana, cleo)
        Membership.objects.filter(pk=cleo.pk).update(state="left")
        row = steps.assign(centralisation=row, by=boss, at=LATER)
        told = {person.member: (person.left_out, person.seat_in is not None) for person in row.people.all()}
        assert told == {ana: (False, True), cleo: (True, False)}

    def test_where_all_have_left_others_must_be_chosen(self, bought, boss, cleo, plan):
        buy_centrally(boss.membership, plan, 1)
        row = looked_at(bought, boss, cleo)
        Membership.objects.filter(pk=cleo.pk).update(state="left")
        with pytest.raises(NobodyLeft):
            steps.assign(centralisation=row, by=boss, at=LATER)
        assert step_of(row) == "seats"

    def test_whose_purchaser_has_canceled_meanwhile_gets_one_and_nobody_is_asked(self, bought, boss, ana, cleo, plan):
        buy_centrally(boss.membership, plan, 2)
        row = looked_at(bought, boss, ana, cleo)
        cancel(bought)
        row = steps.assign(centralisation=row, by=boss, at=LATER)
        assert row.people.exclude(seat_in=None).count() == 2
        assert not purchases_to_ask(row)
        assert purchasers.ask(centralisation=row, subscriptions=[], by=boss, at=LATER).step == "done"


class TestPurchasers:
    def test_who_canceled_meanwhile_is_passed_over(self, bought, bens, boss, ana):
        row = assigned(bought, boss, ana, bens.purchaser)
        wanted = purchases_to_ask(row)
        cancel(bens)
        row = purchasers.ask(centralisation=row, subscriptions=wanted, by=boss, at=LATER)
        assert (row.step, [request.subscription for request in CancellationRequest.objects.all()]) == (
            "waiting",
            [bought],
        )

    def test_of_another_organisation_or_product_are_never_asked(self, bought, boss, ana, plan):
        row = assigned(bought, boss, ana)
        for other in (buy(MembershipFactory(), plan, 1), buy(ana, plan_on_sale(), 1)):
            with pytest.raises(BadInput):
                purchasers.ask(centralisation=row, subscriptions=[bought, other], by=boss, at=LATER)
        assert not CancellationRequest.objects.exists()
        assert step_of(row) == "asking"

    def test_who_keeps_it_is_waited_for_until_they_are_let_be(self, bought, boss, ana):
        row = asked(bought, boss, ana)
        requests.keep(request=CancellationRequest.objects.get(), reason="A project", by=acting(ana), at=LATER)
        sweep()
        assert step_of(row) == "waiting"
        for by in (admin_of(bought.tenant, "license_admin"), admin_of(TenantFactory())):
            with pytest.raises(NotAllowed):
                purchasers.let_be(centralisation=row, subscription=bought, by=by, at=LATER)
        assert purchasers.let_be(centralisation=row, subscription=bought, by=boss, at=LATER).step == "done"
        assert CancellationRequest.objects.get().state == "withdrawn"

    def test_who_keeps_it_can_be_asked_again(self, bought, boss, ana):
        row = asked(bought, boss, ana)
        requests.keep(request=CancellationRequest.objects.get(), reason="A project", by=acting(ana), at=LATER)
        row = purchasers.ask(centralisation=row, subscriptions=[bought], message="Please", by=boss, at=LATER)
        assert row.step == "waiting"
        assert [r.state for r in CancellationRequest.objects.order_by("pk")] == ["withdrawn", "asked"]
        assert row.purchases.get().request.state == "asked"

    def test_turning_renewal_off_counts_as_canceling(self, bought, boss, ana):
        row = asked(bought, boss, ana)
        set_auto_renew(subscription=bought, auto_renew=False, by=acting(ana), at=LATER)
        sweep()
        assert step_of(row) == "done"

    def test_who_leaves_meanwhile_is_not_waited_for_in_vain(self, bought, boss, ana, cleo):
        row = asked(bought, boss, ana, cleo)
        Membership.objects.filter(pk=ana.pk).update(state="left")
        sweep()
        assert CancellationRequest.objects.get().state == "moot"
        assert step_of(row) == "waiting"  # somebody has to decide about it: it still renews
        assert purchasers.let_be(centralisation=row, subscription=bought, by=boss, at=LATER).step == "done"
