"""Deciding who gets a licence: free seats, exceptions, declines, a part of it at a time."""

from datetime import timedelta

import pytest

from licensing.models import Seat
from licensing.operations import seats
from licensing.operations.central_seats import free
from licensing.operations.seats import MemberNotActive, NoSeatLeft
from policies import eligibility
from policies.models import LicenseRequest, LicenseRequestPerson, Policy
from policies.operations.request_decisions import PersonDecidedAlready
from policies.operations.requests import RequestNotWaiting
from policies.operations.values import PolicyOverlaps
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.commerce.licenses import DAY, ask, decide, jobs, people_of, state_of, told
from tests.factories import NOON, MembershipFactory, PolicyFactory, TenantFactory, acting, buy, buy_centrally
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


@pytest.fixture
def bo(tenant):
    return MembershipFactory(tenant=tenant, roles=["global_admin"], name="Bo Boss")


@pytest.fixture
def lia(tenant):
    """May give seats, and change no policy."""
    return MembershipFactory(tenant=tenant, roles=["license_admin"])


@pytest.fixture
def central(bo, plan):
    return buy_centrally(bo, plan, 2)


@pytest.fixture
def request_(ana, cleo, plan):
    """For two people."""
    return ask(ana, plan.product, ana, cleo)


def seated():
    return set(Seat.objects.open().values_list("member__user__email", flat=True))


def unchanged(request, error, *, by, **decision):
    before = (people_of(request), state_of(request), seated(), Job.objects.count(), Event.objects.count())
    with pytest.raises(error) as refused:
        decide(request, by, **decision)
    assert before == (people_of(request), state_of(request), seated(), Job.objects.count(), Event.objects.count())
    assert not Policy.objects.filter(member__isnull=False).exists()
    return refused.value


class TestGranting:
    def test_gives_a_free_seat_of_the_tenants_own(self, central, request_, lia, ana, cleo):
        decided = decide(request_, lia, approve=[ana, cleo], message=" Enjoy ")
        assert (decided.state, decided.decided_by, decided.decided_at) == ("decided", lia.user, NOON)
        assert people_of(request_) == [(ana, "granted", "free_seat"), (cleo, "granted", "free_seat")]
        person = LicenseRequestPerson.objects.first()
        assert (person.message, person.decided_by, person.subscription) == ("Enjoy", lia.user, str(central.pk))
        assert seated() == {ana.user.email, cleo.user.email}
        assert free(ana.tenant, request_.product) == 0
        assert told(ana.tenant)[-1] == ("decided", lia.user)
        assert jobs()[-1] == "policies.tell_license_decision"
        data = Event.objects.filter(type="license_request.decided").get().data
        assert data["granted"] == [str(ana.pk), str(cleo.pk)]
        assert data["how"] == "free_seat"

    def test_says_that_it_was_bought_where_it_was_bought_for_it(self, request_, bo, ana, plan):
        bought = buy_centrally(bo, plan, 2, at=NOON + DAY)
        decide(request_, bo, approve=[ana], at=NOON + DAY)
        assert people_of(request_)[0] == (ana, "granted", "bought")
        assert LicenseRequestPerson.objects.first().subscription == str(bought.pk)

    def test_takes_from_several_subscriptions_and_first_from_what_lasts_longest(self, bo, ana, cleo, plan, request_):
        short = buy_centrally(bo, plan, 1, at=NOON - 3 * DAY)
        long = buy_centrally(bo, plan, 1, at=NOON - DAY)
        decide(request_, bo, approve=[ana, cleo])
        found = [person.subscription for person in request_.people.order_by("pk")]
        assert found == [str(long.pk), str(short.pk)]

    def test_lets_them_buy_until_a_moment(self, request_, bo, ana, cleo, plan, tenant):
        PolicyFactory(tenant=tenant, product=plan.product)
        decide(request_, bo, approve=[ana], how="exception", until=NOON + 30 * DAY)
        row = Policy.objects.get(member=ana)
        assert (row.value, row.product_id, row.valid_from, row.valid_to) == (
            "enabled",
            plan.product_id,
            NOON,
            NOON + 30 * DAY,
        )
        assert row.set_by == bo.user
        assert str(request_.pk) in row.reason
        assert eligibility.decide(ana, plan.product, at=NOON).allowed
        assert not eligibility.decide(cleo, plan.product, at=NOON).allowed
        assert not eligibility.decide(ana, plan.product, at=NOON + 30 * DAY).allowed
        assert people_of(request_) == [(ana, "granted", "exception"), (cleo, "waiting", "")]
        assert Event.objects.filter(type="policy.changed", actor=bo.user).count() == 1

    def test_keeps_the_seat_that_somebody_got_meanwhile(self, central, request_, lia, ana, cleo):
        seats.assign(subscription=central, members=[ana], by=acting(lia), at=NOON)
        decide(request_, lia, approve=[ana, cleo])
        assert state_of(request_) == "decided"
        assert Seat.objects.open().count() == 2

    def test_a_part_of_it_at_a_time(self, central, request_, lia, ana, cleo):
        decide(request_, lia, approve=[cleo])
        assert (state_of(request_), people_of(request_)[0]) == ("waiting", (ana, "waiting", ""))
        decide(request_, lia, decline=[ana], message="Not this year")
        assert state_of(request_) == "decided"
        assert people_of(request_)[0] == (ana, "declined", "")
        assert list(request_.people.order_by("pk").values_list("message", flat=True)) == ["Not this year", ""]

    def test_some_approved_and_others_declined_at_once(self, central, request_, lia, ana, cleo):
        decide(request_, lia, approve=[cleo], decline=[ana])
        assert [state for _member, state, _how in people_of(request_)] == ["declined", "granted"]
        assert seated() == {cleo.user.email}


class TestRefusals:
    @pytest.mark.parametrize("role", ["billing_admin", "global_reader"])
    def test_other_roles_decide_nothing(self, central, request_, tenant, ana, role):
        unchanged(request_, NotAllowed, by=MembershipFactory(tenant=tenant, roles=[role]), approve=[ana])
        unchanged(request_, NotAllowed, by=MembershipFactory(roles=["global_admin"]), approve=[ana])
        unchanged(request_, NotAllowed, by=ana, decline=[ana])

    @pytest.mark.parametrize("role", ["license_admin", "user_admin"])
    def test_an_exception_needs_the_right_to_change_policies(self, request_, tenant, ana, role):
        by = MembershipFactory(tenant=tenant, roles=[role])
        refused = unchanged(request_, NotAllowed, by=by, approve=[ana], how="exception", until=NOON + DAY)
        assert "An exception changes a policy" in str(refused)
        decide(
            request_,
            MembershipFactory(tenant=tenant, roles=[role, "billing_admin"]),
            approve=[ana],
            how="exception",
            until=NOON + DAY,
        )

    def test_without_a_free_seat_nobody_gets_one(self, central, request_, lia, ana, cleo, bo):
        seats.assign(subscription=central, members=[bo], by=acting(lia), at=NOON)
        refused = unchanged(request_, NoSeatLeft, by=lia, approve=[ana, cleo])
        assert str(refused) == "Only 1 seat is free, 2 are needed."
        decide(request_, lia, approve=[cleo])

    def test_not_from_somebodys_own_purchase_nor_another_tenant(self, request_, lia, ana, plan):
        buy(MembershipFactory(tenant=ana.tenant), plan, 5)
        buy_centrally(MembershipFactory(tenant=TenantFactory(), roles=["global_admin"]), plan, 5)
        unchanged(request_, NoSeatLeft, by=lia, approve=[ana])

    def test_nobody_gets_one_where_one_of_them_has_left(self, central, request_, lia, ana, cleo):
        cleo.state = "left"
        cleo.save()
        refused = unchanged(request_, MemberNotActive, by=lia, approve=[ana, cleo])
        assert (refused.field, cleo.user.email in str(refused)) == ("approve", True)
        decide(request_, lia, decline=[cleo])

    def test_names_people_of_the_request_each_in_one_way(self, central, request_, lia, ana, bo):
        for decision, field, code in (
            ({}, "approve", "required"),
            ({"approve": [bo]}, "approve", "does_not_exist"),
            ({"decline": [bo]}, "decline", "does_not_exist"),
            ({"approve": [ana], "decline": [ana]}, "decline", "not_both"),
            ({"approve": [ana], "how": "bought"}, "how", "invalid_choice"),
            ({"approve": [ana], "message": "x" * 1001}, "message", "max_length"),
        ):
            refused = unchanged(request_, BadInput, by=bo, **decision)
            assert (refused.field, refused.field_code) == (field, code)

    @pytest.mark.parametrize(
        "until, code", [(None, "required"), (NOON, "in_the_past"), (NOON + timedelta(days=40_000), "too_far")]
    )
    def test_an_exception_has_an_end(self, request_, bo, ana, until, code):
        refused = unchanged(request_, BadInput, by=bo, approve=[ana], how="exception", until=until)
        assert (refused.field, refused.field_code) == ("until", code)

    def test_where_one_of_them_has_an_exception_nobody_gets_one(self, request_, bo, ana, cleo, plan):
        PolicyFactory(
            tenant=ana.tenant, member=cleo, product=plan.product, value="disabled", valid_from=NOON, valid_to=NOON + DAY
        )
        with pytest.raises(PolicyOverlaps):
            decide(request_, bo, approve=[ana, cleo], how="exception", until=NOON + 2 * DAY)
        assert Policy.objects.count() == 1
        assert [state for _member, state, _how in people_of(request_)] == ["waiting", "waiting"]

    def test_nobody_is_decided_twice(self, central, request_, lia, ana, cleo):
        decide(request_, lia, approve=[ana])
        for decision in ({"approve": [ana]}, {"decline": [ana, cleo]}):
            with pytest.raises(PersonDecidedAlready):
                decide(request_, lia, **decision)
        decide(request_, lia, decline=[cleo])
        with pytest.raises(RequestNotWaiting):
            decide(request_, lia, decline=[cleo])


@between_transactions
class TestRaces:
    def test_of_two_admins_at_once_one_decides(self, central, request_, lia, bo, ana):
        def attempt(admin):
            decide(request_, admin, **({"approve": [ana]} if admin == lia else {"decline": [ana]}))

        assert race(attempt, [lia, bo], refused=PersonDecidedAlready) == 1
        granted = people_of(request_)[0][1] == "granted"
        assert seated() == ({ana.user.email} if granted else set())
        assert Event.objects.filter(type="license_request.decided").count() == 1

    def test_the_last_free_seat_is_granted_once_and_the_other_request_waits_on(self, lia, bo, ana, cleo, plan):
        buy_centrally(bo, plan, 1)
        asked = [ask(who, plan.product) for who in (ana, cleo)]
        won = race(lambda request: decide(request, lia, approve=[request.requester]), asked, refused=NoSeatLeft)
        assert (won, Seat.objects.open().count()) == (1, 1)
        assert sorted(LicenseRequest.objects.values_list("state", flat=True)) == ["decided", "waiting"]
        assert sorted(LicenseRequestPerson.objects.values_list("state", "how")) == [
            ("granted", "free_seat"),
            ("waiting", ""),
        ]
