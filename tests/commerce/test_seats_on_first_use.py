"""A free central seat that somebody takes by using the product: for which products, up to how many."""

import pytest

from licensing.models import Seat
from licensing.operations import central_seats, seats
from policies.models import AutoClaim
from policies.operations import auto_claims
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.callers import Api
from tests.commerce.conftest import all_is_well
from tests.factories import (
    NOON,
    GovernancePolicyFactory,
    GuestFactory,
    MembershipFactory,
    ProductFactory,
    TenantFactory,
    acting,
    admin_of,
    buy,
    buy_centrally,
)
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


@pytest.fixture
def central(tenant, plan):
    """Three seats of the tenant's own."""
    return buy_centrally(MembershipFactory(tenant=tenant, roles=["global_admin"]), plan, 3)


def allow(tenant, plan, ceiling=2, by=SYSTEM, reason="So that nobody waits"):
    return auto_claims.allow(tenant=tenant, product=plan.product, ceiling=ceiling, reason=reason, by=by, at=NOON)


def use(member, plan):
    return auto_claims.use(member=member, product=plan.product, by=acting(member), at=NOON)


class TestUsing:
    def test_takes_a_free_seat_once(self, tenant, ana, plan, central):
        allow(tenant, plan)
        for _ in range(2):
            answer = use(ana, plan)
            assert (answer.entitled, answer.reason, answer.subscription) == (True, "seat", central.pk)
        assert Seat.objects.get(member=ana).auto_claimed
        told = Event.objects.of(tenant).filter(type__in=["seat.assigned", "seat.claimed"], actor=str(ana.user_id))
        assert sorted(told.values_list("type", flat=True)) == ["seat.assigned", "seat.claimed"]
        assert all_is_well()

    def test_takes_nothing_unless_the_tenant_lets_people(self, tenant, ana, plan, central):
        auto_claims.allow(tenant=tenant, product=ProductFactory(), ceiling=9, reason="Another", by=SYSTEM, at=NOON)
        allow(TenantFactory(), plan)
        assert use(ana, plan).reason == "no_seat"

    def test_takes_nothing_above_the_ceiling_and_again_when_a_seat_came_back(self, tenant, ana, cleo, plan, central):
        allow(tenant, plan, ceiling=1)
        assert use(ana, plan).entitled
        assert use(cleo, plan).reason == "no_seat"
        seats.release(subscription=central, members=[ana], by=admin_of(tenant), at=NOON)
        assert use(cleo, plan).entitled

    def test_seats_that_were_given_do_not_count_against_the_ceiling(self, tenant, ana, cleo, plan, central):
        allow(tenant, plan, ceiling=1)
        seats.assign(subscription=central, members=[ana], by=admin_of(tenant), at=NOON)
        assert use(cleo, plan).entitled

    def test_takes_nothing_where_no_seat_is_free(self, tenant, ana, plan, central):
        allow(tenant, plan, ceiling=9)
        others = MembershipFactory.create_batch(3, tenant=tenant)
        seats.assign(subscription=central, members=others, by=admin_of(tenant), at=NOON)
        assert use(ana, plan).reason == "no_seat"

    def test_takes_nothing_for_whoever_has_one_or_may_not(self, tenant, ana, cleo, plan, central):
        allow(tenant, plan)
        bought = buy(ana, plan, 1)
        assert use(ana, plan).subscription == bought.pk
        guest = GuestFactory(tenant=tenant)
        gone = MembershipFactory(tenant=tenant, state="left")
        assert (use(guest, plan).entitled, use(gone, plan).entitled) == (False, False)
        GovernancePolicyFactory(tenant=tenant, kind="access")
        assert use(cleo, plan).reason == "no_seat"
        assert not Seat.objects.filter(auto_claimed=True).exists()

    def test_is_the_question_of_the_person_themself_by_api(self, tenant, ana, cleo, plan, central):
        allow(tenant, plan)
        path = f"entitlements/?product={plan.product_id}"
        admin = MembershipFactory(tenant=tenant, roles=["global_admin"])
        assert Api(admin).get(f"{path}&user=ana@contoso.example").json()["reason"] == "no_seat"
        assert Api(ana).get(path).json()["entitled"] is True
        assert not Seat.objects.filter(member=cleo).exists()

    @between_transactions
    def test_twenty_people_at_once_stay_within_the_ceiling(self, tenant, plan):
        buy_centrally(MembershipFactory(tenant=tenant, roles=["global_admin"]), plan, 20)
        allow(tenant, plan, ceiling=3)
        people = MembershipFactory.create_batch(12, tenant=tenant)

        def attempt(person):
            if not use(person, plan).entitled:
                raise NotAllowed

        assert race(attempt, people, refused=NotAllowed) == 3
        assert Seat.objects.filter(auto_claimed=True).count() == 3
        assert all_is_well()

    @between_transactions
    def test_who_uses_it_twice_at_one_moment_is_let_in_both_times(self, tenant, ana, plan, central):
        allow(tenant, plan)
        turned_away = []

        def attempt(_time):
            if not use(ana, plan).entitled:
                turned_away.append(ana)

        race(attempt, range(8))
        assert (turned_away, Seat.objects.filter(member=ana).count()) == ([], 1)

    @between_transactions
    def test_the_control_without_the_lock_goes_above_it(self, tenant, plan, monkeypatch):
        buy_centrally(MembershipFactory(tenant=tenant, roles=["global_admin"]), plan, 20)
        rule = allow(tenant, plan, ceiling=1)
        people = MembershipFactory.create_batch(6, tenant=tenant)
        assert auto_claims._has_room(rule)
        # As if each had counted before the first one sat down.
        monkeypatch.setattr(auto_claims, "_has_room", lambda rule: True)
        race(lambda person: use(person, plan), people)
        assert Seat.objects.filter(auto_claimed=True).count() > 1


class TestTheRule:
    def test_is_kept_with_why(self, tenant, plan):
        admin = admin_of(tenant, "billing_admin")
        allow(tenant, plan, ceiling=5, by=admin)
        allow(tenant, plan, ceiling=5, by=admin)
        allow(tenant, plan, ceiling=7, by=admin, reason="More people")
        assert [e.data for e in Event.objects.of(tenant).filter(type="auto_claim.set").order_by("pk")] == [
            {"product": plan.product_id, "old": None, "new": 5, "reason": "So that nobody waits"},
            {"product": plan.product_id, "old": 5, "new": 7, "reason": "More people"},
        ]
        auto_claims.forbid(auto_claim=AutoClaim.objects.get(), reason="Enough", by=admin, at=NOON)
        assert not AutoClaim.objects.exists()
        assert Event.objects.of(tenant).get(type="auto_claim.removed").data["reason"] == "Enough"

    def test_leaves_the_seats_that_were_taken(self, tenant, ana, plan, central):
        rule = allow(tenant, plan)
        use(ana, plan)
        auto_claims.forbid(auto_claim=rule, reason="Enough", by=SYSTEM, at=NOON)
        assert use(ana, plan).entitled

    @pytest.mark.parametrize("role", [None, "license_admin", "user_admin", "global_reader"])
    def test_is_not_everybodys_to_make(self, tenant, plan, role):
        rule = allow(tenant, plan)
        somebody = acting(MembershipFactory(tenant=tenant, roles=[role] if role else []))
        for by in (somebody, admin_of(TenantFactory())):
            with pytest.raises(NotAllowed):
                allow(tenant, plan, ceiling=9, by=by)
            with pytest.raises(NotAllowed):
                auto_claims.forbid(auto_claim=rule, reason="Why", by=by, at=NOON)
        assert AutoClaim.objects.get().ceiling == 2

    @pytest.mark.parametrize(
        ("said", "field"), [({"ceiling": 0}, "ceiling"), ({"ceiling": 10**7}, "ceiling"), ({"reason": " "}, "reason")]
    )
    def test_needs_a_ceiling_and_a_reason(self, tenant, plan, said, field):
        with pytest.raises(BadInput) as refused:
            allow(tenant, plan, **said)
        assert refused.value.field == field
        assert not AutoClaim.objects.exists()


def test_only_a_seat_of_the_tenants_own_counts_where_people_are_centralised(tenant, ana, cleo, plan, central):
    buy(ana, plan, 1)
    admin = admin_of(tenant)
    held = central_seats.give(tenant=tenant, product=plan.product, members=[ana], by=admin, at=NOON)
    assert held[ana.pk] != central
    for _ in range(2):
        given = central_seats.give_own(tenant=tenant, product=plan.product, members=[ana, cleo], by=admin, at=NOON)
        assert given == {ana.pk: central, cleo.pk: central}
    assert central_seats.free(tenant, plan.product) == 1
    with pytest.raises(NotAllowed):
        central_seats.give_own(
            tenant=tenant, product=plan.product, members=[ana], by=admin_of(tenant, "billing_admin"), at=NOON
        )
    people = MembershipFactory.create_batch(2, tenant=tenant)
    with pytest.raises(seats.NoSeatLeft):
        central_seats.give_own(tenant=tenant, product=plan.product, members=people, by=admin, at=NOON)
    assert central_seats.free(tenant, plan.product) == 1
    assert central_seats.without_own(tenant=tenant, product=plan.product, members=[ana, *people]) == people
