"""A free seat of the tenant's own, taken instead of paying: who may, which one, and ten people for three."""

from datetime import timedelta

import pytest
from django.db.models import QuerySet

from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Payment
from commerce.operations.buying import checkouts, free_seats
from commerce.operations.buying.free_seats import ClaimingNotAllowed, HasSeatAlready
from licensing.models import EndCause, Seat, Subscription
from licensing.models.subscription import SubscriptionQuerySet
from licensing.operations import lifecycle, seats
from licensing.operations.seats import NoSeatLeft
from policies.operations import settings
from tenants.access import SYSTEM
from tenants.ids import new_id
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.commerce.conftest import all_is_well, state_of
from tests.factories import (
    NOON,
    GuestFactory,
    MembershipFactory,
    PlanFactory,
    TenantFactory,
    acting,
    admin_of,
    buy,
    buy_centrally,
    open_checkout,
    pay,
)
from tests.race import race, without_constraint

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


@pytest.fixture
def bill(tenant):
    return MembershipFactory(tenant=tenant, roles=["global_admin"])


@pytest.fixture
def allowed(tenant):
    """Members may take free seats."""
    settings.let_members_claim_seats(tenant=tenant, allowed=True, by=SYSTEM, at=NOON)


@pytest.fixture
def central(bill, plan):
    """Three seats of the tenant's own, of what Ana is about to buy."""
    return buy_centrally(bill, plan, 3)


def use(checkout, by=None, at=NOON, **options):
    return free_seats.use_instead(checkout=checkout, by=by or acting(checkout.buyer), at=at, **options)


def claim(member, plan, **options):
    return free_seats.claim(product=plan.product, by=acting(member), at=NOON, **options)


def offered(member, plan):
    return [(room.subscription.pk, room.seats_free) for room in free_seats.offered(product=plan.product, member=member)]


class TestTheOffer:
    def test_is_what_the_tenant_has_and_nobody_uses(self, allowed, ana, cleo, plan, central, bill):
        seats.assign(subscription=central, members=[cleo], by=acting(bill), at=NOON)
        [room] = free_seats.offered(product=plan.product, member=ana)
        assert (room.subscription.pk, room.product, room.seats_free) == (central.pk, plan.product, 2)
        assert room.until == central.term_end

    def test_is_not_made_unless_the_tenant_lets_its_members(self, tenant, ana, plan, central):
        assert offered(ana, plan) == []
        settings.let_members_claim_seats(tenant=tenant, allowed=True, by=SYSTEM, at=NOON)
        assert offered(ana, plan) != []
        settings.let_members_claim_seats(tenant=tenant, allowed=False, by=SYSTEM, at=NOON)
        assert offered(ana, plan) == []

    def test_is_no_seat_of_somebodys_own_purchase_nor_of_another_product_or_tenant(
        self, allowed, tenant, ana, cleo, plan, bill
    ):
        buy(cleo, plan, 5)
        buy_centrally(bill, PlanFactory(), 5)
        buy_centrally(admin_of(TenantFactory()).membership, plan, 5)
        assert offered(ana, plan) == []

    def test_is_none_that_is_full_or_over(self, allowed, ana, plan, central, bill):
        seats.assign(
            subscription=central,
            members=MembershipFactory.create_batch(3, tenant=ana.tenant),
            by=acting(bill),
            at=NOON,
        )
        over = buy_centrally(bill, plan, 1)
        lifecycle.end(subscription=over, cause=EndCause.CANCELED, by=SYSTEM, at=NOON)
        assert offered(ana, plan) == []

    def test_is_not_made_to_guests_nor_to_whoever_has_a_seat(self, allowed, tenant, ana, plan, central):
        assert offered(GuestFactory(tenant=tenant), plan) == []
        buy(ana, plan)
        assert offered(ana, plan) == []

    def test_names_first_what_lasts_longest(self, allowed, ana, plan, central, bill):
        later = buy_centrally(bill, plan, 1, at=NOON + timedelta(days=3))
        assert [pk for pk, _free in offered(ana, plan)] == [later.pk, central.pk]


class TestUsingOneInstead:
    def test_takes_the_seat_and_cancels_the_checkout(self, allowed, ana, plan, central):
        checkout = open_checkout(ana, plan)
        seat = use(checkout)
        assert (seat.subscription_id, seat.member, seat.assigned_at) == (central.pk, ana, NOON)
        assert state_of(checkout) == "canceled"
        assert Subscription.objects.get(pk=central.pk).seats_assigned == 1
        told = Event.objects.of(ana.tenant).filter(actor=ana.user).order_by("id")
        assert [event.type for event in told] == ["checkout.opened", "seat.assigned", "checkout.canceled"]
        assert ledger.captured() == []
        assert all_is_well()

    def test_takes_it_from_the_one_that_is_named(self, allowed, ana, plan, central, bill):
        buy_centrally(bill, plan, 1, at=NOON + timedelta(days=3))
        assert use(open_checkout(ana, plan), subscription=central.pk).subscription_id == central.pk

    def test_else_from_the_one_that_lasts_longest_and_has_room(self, allowed, ana, cleo, plan, central, bill):
        later = buy_centrally(bill, plan, 1, at=NOON + timedelta(days=3))
        assert use(open_checkout(ana, plan)).subscription_id == later.pk
        assert use(open_checkout(cleo, plan)).subscription_id == central.pk

    def test_a_card_that_waits_for_its_holder_is_released(self, allowed, ana, plan, central):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")
        use(checkout)
        assert (state_of(checkout), Payment.objects.get().state) == ("canceled", "canceled")
        assert ledger.captured() == []

    def test_a_card_that_was_confirmed_meanwhile_has_bought(self, allowed, ana, plan, central):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")
        SandboxGateway().answer_step(Payment.objects.get().pk, approve=True)
        with pytest.raises(checkouts.CheckoutCompleted):
            use(checkout)
        assert Subscription.objects.get(pk=central.pk).seats_assigned == 0
        assert all_is_well()


class TestRefusals:
    @pytest.fixture
    def checkout(self, ana, plan):
        return open_checkout(ana, plan)

    def refused(self, checkout, error, **options):
        before = Seat.objects.count()
        with pytest.raises(error):
            use(checkout, **options)
        assert (state_of(checkout), Seat.objects.count()) == ("open", before)

    def test_where_members_do_not_claim(self, checkout, central):
        self.refused(checkout, ClaimingNotAllowed)

    def test_of_somebody_elses_checkout(self, allowed, checkout, central, cleo, bill):
        for by in (acting(cleo), acting(bill), admin_of(TenantFactory())):
            self.refused(checkout, NotAllowed, by=by)

    def test_when_none_is_left(self, allowed, checkout, central):
        Subscription.objects.filter(pk=central.pk).update(seats_assigned=3)
        self.refused(checkout, NoSeatLeft)
        self.refused(checkout, NoSeatLeft, subscription=central.pk)

    def test_when_there_was_never_one(self, allowed, checkout):
        self.refused(checkout, NoSeatLeft)

    def test_to_whoever_has_one(self, allowed, checkout, central, ana, bill):
        seats.assign(subscription=central, members=[ana], by=acting(bill), at=NOON)
        self.refused(checkout, HasSeatAlready)

    def test_from_a_subscription_that_is_not_the_tenants_own_or_of_another_product(
        self, allowed, checkout, central, cleo, plan, bill
    ):
        others = [
            buy(cleo, plan, 5),
            buy_centrally(bill, PlanFactory(), 5),
            buy_centrally(admin_of(TenantFactory()).membership, plan, 5),
        ]
        for pk in [*(other.pk for other in others), new_id()]:
            self.refused(checkout, BadInput, subscription=pk)

    def test_when_the_checkout_is_over(self, allowed, central, ana, plan):
        late = open_checkout(ana, plan)
        with pytest.raises(checkouts.CheckoutExpired):
            use(late, at=NOON + timedelta(hours=24))
        use(late)
        with pytest.raises(checkouts.CheckoutCanceled):
            use(late)
        assert Seat.objects.count() == 1


class TestWithoutACheckout:
    def test_somebody_who_may_not_buy_takes_one_too(self, allowed, tenant, plan, central):
        tenant.managed = False  # nobody buys there
        tenant.save()
        assert claim(MembershipFactory(tenant=tenant), plan).subscription_id == central.pk

    def test_not_a_guest(self, allowed, tenant, plan, central):
        with pytest.raises(NotAllowed):
            claim(GuestFactory(tenant=tenant), plan)

    def test_not_twice(self, allowed, ana, plan, central):
        claim(ana, plan)
        with pytest.raises(HasSeatAlready):
            claim(ana, plan)


@between_transactions
class TestRaces:
    def test_ten_people_race_for_three_free_seats(self, allowed, tenant, plan, central):
        people = MembershipFactory.create_batch(10, tenant=tenant)
        quotes = [open_checkout(member, plan) for member in people]
        assert race(use, quotes, refused=NoSeatLeft) == 3
        assert (Seat.objects.open().count(), Subscription.objects.get().seats_assigned) == (3, 3)
        assert sorted(map(state_of, quotes)) == ["canceled"] * 3 + ["open"] * 7
        assert all_is_well()

    def test_the_control_without_lock_and_constraint_gives_more_than_there_are(
        self, allowed, tenant, plan, central, monkeypatch
    ):
        people = MembershipFactory.create_batch(10, tenant=tenant)
        monkeypatch.setattr(SubscriptionQuerySet, "locked", QuerySet.all)
        with without_constraint("licensing_subscription", "seats_within_quantity"):
            race(lambda member: claim(member, plan), people, refused=NoSeatLeft)
            assert Seat.objects.open().count() > 3

    def test_one_person_in_two_checkouts_gets_one_seat(self, allowed, ana, plan, central, bill):
        buy_centrally(bill, plan, 5)
        quotes = [(open_checkout(ana, plan), pk) for pk in Subscription.objects.values_list("pk", flat=True)]
        won = race(lambda quote: use(quote[0], subscription=quote[1]), quotes, refused=HasSeatAlready)
        assert (won, Seat.objects.open().count()) == (1, 1)

    def test_an_admin_and_a_member_for_the_last_seat(self, allowed, ana, cleo, plan, central, bill):
        Subscription.objects.filter(pk=central.pk).update(quantity=1)

        def give(_):
            seats.assign(subscription=central, members=[cleo], by=acting(bill), at=NOON)

        turns = [give, lambda _: claim(ana, plan)]
        assert race(lambda turn: turn(None), turns, refused=NoSeatLeft) == 1
        assert Seat.objects.open().count() == 1
