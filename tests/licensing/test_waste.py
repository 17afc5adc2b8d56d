"""Seats that bring nobody anything: who is named, and who never is."""

import pytest
from django.utils import timezone

from commerce.operations.procurement import wasted
from licensing.models import Seat, Subscription, Waste
from licensing.operations import usage, waste
from tenants.directory.models import Membership
from tenants.directory.operations import people
from tenants.journal.models import Event
from tenants.refusal import BadInput
from tests import factories
from tests.factories import acting, admin_of, buy, buy_centrally, plan_on_sale
from tests.licensing.wasted import DAY, found, give, on_leave

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def contoso(db):
    return factories.TenantFactory(slug="contoso", name="Contoso")


@pytest.fixture
def fabrikam(db):
    return factories.TenantFactory(slug="fabrikam", name="Fabrikam")


@pytest.fixture
def plan(db):
    return plan_on_sale()


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def admin(contoso):
    return admin_of(contoso)


@pytest.fixture
def person(contoso):
    """Somebody who has long been here."""

    def made(name="Ana", **more):
        return factories.MembershipFactory(tenant=contoso, name=name, **more)

    return made


@pytest.fixture
def central(admin, plan, now):
    """Three seats of the organisation's own."""
    return buy_centrally(admin.membership, plan, 3, at=now)


class TestTwoSeatsOfOneProduct:
    def test_name_all_but_the_best_one(self, contoso, admin, person, plan, central, now):
        ana = person()
        bought = buy(ana, plan, 1, at=now)
        give(central, ana, by=admin, at=now)
        [seat] = waste.found(contoso, Waste.TWICE, at=now)
        assert (seat.member, seat.subscription) == (ana, bought)
        assert waste.remedy(seat, Waste.TWICE) == waste.Remedy.ASK

    def test_of_two_of_the_organisations_own_name_the_newer(self, contoso, admin, person, plan, central, now):
        ana, more = person(), buy_centrally(admin.membership, plan, 1, at=now)
        give(central, ana, by=admin, at=now)
        [second] = give(more, ana, by=admin, at=now)
        [seat] = waste.found(contoso, Waste.TWICE, at=now)
        assert (seat.pk, waste.remedy(seat, Waste.TWICE)) == (second.pk, waste.Remedy.RELEASE)

    def test_are_not_two_products_nor_one_seat_nor_what_ends_anyway(self, contoso, admin, person, plan, central, now):
        ana, ben = person(), person("Ben")
        buy(ana, plan_on_sale(), 1, at=now)
        give(central, ana, ben, by=admin, at=now)
        ending = buy(ben, plan, 1, at=now)
        Subscription.objects.filter(pk=ending.pk).update(auto_renew=False)
        assert found(contoso, Waste.TWICE, now) == []
        Subscription.objects.filter(pk=ending.pk).update(auto_renew=True, renewal_stopped_at=now)
        assert found(contoso, Waste.TWICE, now) == []
        Subscription.objects.filter(pk=ending.pk).update(renewal_stopped_at=None)
        assert found(contoso, Waste.TWICE, now) == ["Ben"]

    def test_never_name_the_one_that_goes_on_where_the_other_ends(self, contoso, admin, person, plan, central, now):
        ana, ben = person(), person("Ben")
        give(central, ana, by=admin, at=now)
        buy(ana, plan, 1, at=now)
        first, _second = (buy(ben, plan, 1, at=now) for _each in range(2))
        Subscription.objects.filter(pk__in=[central.pk, first.pk]).update(auto_renew=False)
        [seat] = waste.found(contoso, Waste.TWICE, at=now)
        assert (seat.member, seat.subscription) == (ana, central)

    def test_of_another_organisation_name_nobody_here(self, contoso, fabrikam, plan, now):
        theirs = admin_of(fabrikam)
        felix = factories.MembershipFactory(tenant=fabrikam, name="Felix")
        buy(felix, plan, 1, at=now)
        give(buy_centrally(theirs.membership, plan, 1, at=now), felix, by=theirs, at=now)
        assert (found(fabrikam, Waste.TWICE, now), found(contoso, Waste.TWICE, now)) == (["Felix"], [])


class TestWhoIsNeverNamed:
    @pytest.fixture
    def twice(self, admin, person, plan, central, now):
        def made(**more):
            ana = person(**more)
            buy(ana, plan, 1, at=now)
            give(central, ana, by=admin, at=now)
            return ana

        return made

    def test_whoever_is_on_leave_till_their_last_day(self, contoso, twice, now):
        ana = twice()
        assert found(contoso, Waste.TWICE, now) == ["Ana"]
        on_leave(ana, contoso.today(now))
        assert found(contoso, Waste.TWICE, now) == []
        on_leave(ana, contoso.today(now) - DAY)
        assert found(contoso, Waste.TWICE, now) == ["Ana"]

    def test_whoever_is_new(self, contoso, twice, now):
        twice(created_at=now - 29 * DAY)
        assert found(contoso, Waste.TWICE, now) == []
        assert found(contoso, Waste.TWICE, now + 2 * DAY) == ["Ana"]

    def test_a_leave_is_the_admins_to_note_and_stays_in_the_journal(self, contoso, twice, now):
        ana, until = twice(), contoso.today(now) + 40 * DAY
        on_leave(ana, until, by=admin_of(contoso, "user_admin"))
        assert Membership.objects.get(pk=ana.pk).away_until == until
        told = Event.objects.get(type="member.changed", subject=str(ana.pk)).data
        assert (told["fields"], told["changes"]) == (["away_until"], {"away_until": [None, until.isoformat()]})

    def test_of_a_guest_nobody_notes_one(self, contoso, now):
        with pytest.raises(BadInput):
            on_leave(factories.GuestFactory(tenant=contoso), contoso.today(now))


class TestIdleCentralSeats:
    def test_name_people_on_seats_that_were_bought_beside_them(self, contoso, admin, person, plan, central, now):
        ana, ben = person(), person("Ben")
        buy(ana, plan, 1, at=now)
        buy(ben, plan, 1, at=now)
        give(central, ben, by=admin, at=now)  # he has two of them, which is another waste
        assert found(contoso, Waste.BESIDE_CENTRAL, now) == ["Ana"]

    def test_name_nobody_where_none_is_free(self, contoso, admin, person, plan, central, now):
        buy(person(), plan, 1, at=now)
        give(central, *(person(f"Other {n}") for n in range(3)), by=admin, at=now)
        assert found(contoso, Waste.BESIDE_CENTRAL, now) == []

    def test_come_to_no_more_than_lies_idle(self, contoso, admin, person, plan, now):
        buy_centrally(admin.membership, plan, 1, at=now)
        for n in range(3):
            buy(person(f"Ana {n}"), plan, 1, at=now)
        rows = waste.found(contoso, Waste.BESIDE_CENTRAL, at=now)
        total = wasted.summed(rows, Waste.BESIDE_CENTRAL, tenant=contoso, by=admin, at=now)
        assert (total.seats, {code: str(cost) for code, cost in total.costs.items()}) == (3, {"USD": "9.99"})


class TestLeavers:
    def test_are_named_as_long_as_they_hold_a_seat(self, contoso, admin, person, plan, central, now):
        ana = person()
        give(central, ana, by=admin, at=now)
        assert found(contoso, Waste.LEAVER, now) == []
        Membership.objects.filter(pk=ana.pk).update(state="left")
        [seat] = waste.found(contoso, Waste.LEAVER, at=now)
        assert (seat.member, waste.remedy(seat, Waste.LEAVER)) == (ana, waste.Remedy.RELEASE)

    def test_are_nobody_whose_account_is_closed_for_a_leave_or_till_the_first_day(
        self, contoso, admin, person, central, now
    ):
        away, new = person(away_until=contoso.today(now)), person("New", created_at=now - 3 * DAY)
        gone = person("Gone", created_at=now - 3 * DAY)
        give(central, away, new, gone, by=admin, at=now)
        Membership.objects.filter(pk__in=[away.pk, new.pk]).update(state="disabled")
        Membership.objects.filter(pk=gone.pk).update(state="left")
        assert found(contoso, Waste.LEAVER, now) == ["Gone"]
        assert sorted(found(contoso, Waste.LEAVER, now + 40 * DAY)) == ["Ana", "Gone", "New"]

    def test_have_no_leave_to_come_back_from(self, contoso, admin, person, central, now):
        ana = person(away_until=contoso.today(now) + 400 * DAY)
        give(central, ana, by=admin, at=now)
        people.change_member(membership=ana, by=admin, at=now, state="left")
        assert Membership.objects.get(pk=ana.pk).away_until is None
        assert found(contoso, Waste.LEAVER, now) == ["Ana"]

    def test_what_they_bought_is_taken_over(self, contoso, person, plan, now):
        ana = person()
        buy(ana, plan, 1, at=now)
        Membership.objects.filter(pk=ana.pk).update(state="left")
        [seat] = waste.found(contoso, Waste.LEAVER, at=now)
        assert waste.remedy(seat, Waste.LEAVER) == waste.Remedy.TAKE_OVER


class TestUnused:
    @pytest.fixture
    def held(self, admin, person, plan, central, now):
        """Ana and Ben have had seats for 200 days."""
        there = [person(), person("Ben")]
        give(central, *there, by=admin, at=now)
        Seat.objects.update(assigned_at=now - 200 * DAY)
        return there

    def used(self, member, plan, ago, now, told=None):
        at = now - (told or ago)
        usage.report(member=member, product=plan.product, used_at=now - ago, by=acting(member), at=at)

    def test_names_nobody_where_no_use_is_reported(self, contoso, held, now):
        assert found(contoso, Waste.UNUSED, now) == []

    def test_names_whoever_has_not_used_it_for_so_long(self, contoso, plan, held, now):
        ana, ben = held
        self.used(ana, plan, 100 * DAY, now, told=DAY)
        self.used(ben, plan, 50 * DAY, now, told=DAY)
        assert found(contoso, Waste.UNUSED, now) == ["Ana"]
        assert sorted(found(contoso, Waste.UNUSED, now, days=30)) == ["Ana", "Ben"]
        assert found(contoso, Waste.UNUSED, now, days=180) == []

    def test_names_who_never_appeared_only_where_use_was_reported_all_that_time(self, contoso, plan, held, now):
        ana, _ben = held
        self.used(ana, plan, DAY, now)
        assert found(contoso, Waste.UNUSED, now) == []
        assert found(contoso, Waste.UNUSED, now + 85 * DAY) == []
        later = now + 95 * DAY
        self.used(ana, plan, DAY, later)
        assert found(contoso, Waste.UNUSED, later) == ["Ben"]

    def test_names_nobody_once_nobody_reports_any_more(self, contoso, plan, held, now):
        self.used(held[0], plan, 100 * DAY, now)
        assert found(contoso, Waste.UNUSED, now) == []

    def test_names_nobody_who_has_the_seat_for_a_shorter_time(self, contoso, plan, held, now):
        self.used(held[0], plan, 100 * DAY, now, told=DAY)
        Seat.objects.update(assigned_at=now - 80 * DAY)
        assert found(contoso, Waste.UNUSED, now) == []
