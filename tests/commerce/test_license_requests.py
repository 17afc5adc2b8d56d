"""Asking for a licence, for oneself and others, and doing without it."""

from datetime import timedelta

import pytest

from licensing.operations.seats import MemberNotActive, NotAMember
from policies.models import LicenseRequest, LicenseRequestPerson
from policies.operations import requests, settings
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.commerce.licenses import DAY, ask, decide, jobs, people_of, state_of, told
from tests.factories import NOON, GuestFactory, MembershipFactory, ProductFactory, acting, buy
from tests.race import race, without_unique_index

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


def nothing_is_asked():
    return not LicenseRequest.objects.exists() and not Job.objects.exists() and not Event.objects.exists()


class TestAsking:
    def test_is_for_oneself_unless_others_are_named(self, ana, plan):
        request = ask(ana, plan.product, reason=" I make the reports ")
        assert (request.state, request.requester, request.reason) == ("waiting", ana, "I make the reports")
        assert people_of(request) == [(ana, "waiting", "")]
        assert jobs() == ["policies.tell_license_request"]
        assert told(ana.tenant) == [("asked", ana.user)]
        assert Event.objects.get().data == {"product": plan.product_id, "members": [str(ana.pk)]}

    def test_is_for_colleagues_each_once(self, ana, cleo, plan):
        request = ask(ana, plan.product, cleo, ana, cleo)
        assert [member for member, _state, _how in people_of(request)] == [cleo, ana]

    def test_is_for_whoever_has_a_role_too(self, admin, plan):
        assert ask(admin, plan.product).requester == admin

    def test_is_refused_to_guests_by_name(self, tenant, plan):
        with pytest.raises(requests.GuestUser) as refused:
            ask(GuestFactory(tenant=tenant), plan.product)
        assert (refused.value.code, refused.value.http_status) == ("guest_user", 403)
        assert nothing_is_asked()

    def test_is_for_members_of_the_same_tenant_alone(self, ana, plan):
        for stranger in (MembershipFactory(), GuestFactory(tenant=ana.tenant)):
            with pytest.raises(NotAMember) as refused:
                ask(ana, plan.product, ana, stranger)
            assert stranger.user.email in str(refused.value)
        with pytest.raises(MemberNotActive):
            ask(ana, plan.product, MembershipFactory(tenant=ana.tenant, state="disabled"))
        assert nothing_is_asked()

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 1001, "a\x07b"])
    def test_needs_a_reason_that_can_be_kept(self, ana, plan, reason):
        with pytest.raises(BadInput) as refused:
            ask(ana, plan.product, reason=reason)
        assert refused.value.field == "reason"
        assert nothing_is_asked()

    def test_is_for_fifty_people_at_most(self, ana, plan):
        people = MembershipFactory.create_batch(51, tenant=ana.tenant)
        with pytest.raises(BadInput):
            ask(ana, plan.product, *people)
        assert len(people_of(ask(ana, plan.product, *people[:50]))) == 50

    def test_is_not_for_whoever_has_a_seat(self, ana, cleo, plan):
        buy(cleo, plan)
        before = Job.objects.count()
        with pytest.raises(BadInput) as refused:
            ask(ana, plan.product, ana, cleo)
        assert refused.value.field_code == "has_seat_already"
        assert cleo.user.email in str(refused.value)
        assert (LicenseRequest.objects.count(), Job.objects.count()) == (0, before)

    def test_twice_is_refused_while_it_waits(self, ana, cleo, plan):
        request = ask(ana, plan.product, cleo)
        with pytest.raises(requests.AskedAlready):
            ask(ana, plan.product, ana, cleo)
        assert LicenseRequest.objects.count() == 1
        ask(ana, plan.product)
        ask(ana, ProductFactory(), cleo)
        ask(cleo, plan.product)
        requests.withdraw(request=request, by=acting(ana), at=NOON)
        ask(ana, plan.product, cleo)

    def test_waits_for_twenty_at_most(self, ana):
        for _ in range(20):
            ask(ana, ProductFactory())
        with pytest.raises(requests.TooManyRequests):
            ask(ana, ProductFactory())

    @pytest.mark.parametrize(
        "said", [{"request_process_message": "Fill in form 7"}, {"request_process_url": "mailto:it@contoso.example"}]
    )
    def test_is_refused_where_the_tenant_has_a_process_of_its_own(self, ana, plan, said):
        settings.change(tenant=ana.tenant, by=SYSTEM, at=NOON, **said)
        with pytest.raises(requests.RequestProcess) as refused:
            ask(ana, plan.product)
        assert refused.value.code == "request_process"
        process = {"request_process_message": "", "request_process_url": "", **said}
        assert list(refused.value.extra.values()) == list(process.values())
        assert not LicenseRequest.objects.exists()


class TestWithdrawing:
    def test_ends_what_waits_and_keeps_what_was_granted(self, ana, cleo, plan):
        admin = MembershipFactory(tenant=ana.tenant, roles=["global_admin"])
        request = ask(ana, plan.product, ana, cleo)
        decide(request, admin, approve=[cleo], how="exception", until=NOON + DAY)
        requests.withdraw(request=request, by=acting(ana), at=NOON + DAY)
        assert people_of(request) == [(ana, "withdrawn", ""), (cleo, "granted", "exception")]
        request.refresh_from_db()
        assert (request.state, request.decided_at) == ("withdrawn", NOON + DAY)
        assert told(ana.tenant)[-1] == ("withdrawn", ana.user)

    def test_twice_changes_nothing(self, ana, plan):
        request = ask(ana, plan.product)
        for hours in (1, 2):
            requests.withdraw(request=request, by=acting(ana), at=NOON + timedelta(hours=hours))
        assert LicenseRequest.objects.get().decided_at == NOON + timedelta(hours=1)
        assert len(told(ana.tenant)) == 2

    def test_is_the_requesters_alone(self, ana, cleo, plan):
        request = ask(ana, plan.product, cleo)
        for who in (cleo, MembershipFactory(tenant=ana.tenant, roles=["global_admin"]), MembershipFactory()):
            with pytest.raises(NotAllowed):
                requests.withdraw(request=request, by=acting(who), at=NOON)
        assert state_of(request) == "waiting"

    def test_is_too_late_when_it_was_decided(self, ana, plan):
        request = ask(ana, plan.product)
        decide(request, MembershipFactory(tenant=ana.tenant, roles=["user_admin"]), decline=[ana])
        with pytest.raises(requests.RequestNotWaiting):
            requests.withdraw(request=request, by=acting(ana), at=NOON)


@between_transactions
class TestRaces:
    def test_of_two_clicks_one_asks(self, ana, plan):
        assert race(lambda _click: ask(ana, plan.product), range(6), refused=requests.AskedAlready) == 1
        assert LicenseRequestPerson.objects.count() == 1

    def test_control_without_lock_and_constraint_more_do(self, ana, plan, monkeypatch):
        monkeypatch.setattr("django.db.models.QuerySet.select_for_update", lambda rows, **_kwargs: rows)
        with without_unique_index("policies_licenserequestperson", "asked_for_once_at_a_time"):
            assert race(lambda _click: ask(ana, plan.product), range(6), refused=requests.AskedAlready) > 1
