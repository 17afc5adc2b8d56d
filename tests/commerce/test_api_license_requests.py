"""Licence requests by API: asked for, seen, decided and withdrawn."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensing.models import Seat
from policies.models import LicenseRequest, Policy
from policies.operations import settings
from tenants.access import SYSTEM
from tests.callers import Api
from tests.commerce.conftest import errors, ids
from tests.commerce.licenses import ask
from tests.factories import GuestFactory, MembershipFactory, OperatorFactory, ProductFactory, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PATH = "license-requests/"
WHY = "For the quarter's reports"


@pytest.fixture
def bo(tenant):
    return MembershipFactory(tenant=tenant, roles=["global_admin"])


def asked(who, plan, **body):
    return Api(who).post(PATH, {"product": plan.product_id, "reason": WHY, **body})


def decide(who, request, **body):
    return Api(who).post(f"{PATH}{request.pk}/decide/", body)


class TestAsking:
    def test_is_for_oneself_unless_members_are_named(self, ana, plan):
        answer = asked(ana, plan)
        assert answer.status_code == 201, answer.content
        told = answer.json()
        assert (told["state"], told["reason"], told["ended_at"]) == ("waiting", WHY, None)
        assert told["product"] == {"id": plan.product_id, "name": "Power BI Pro", "family": "power-bi"}
        assert told["requester"] == {"email": ana.user.email, "name": "Ana Alvarez"}
        assert told["members"] == [
            {
                "member": {"email": ana.user.email, "name": "Ana Alvarez"},
                "state": "waiting",
                "how": None,
                "subscription": None,
                "until": None,
                "message": "",
                "decided_by": None,
                "decided_at": None,
            }
        ]

    def test_names_colleagues(self, ana, cleo, plan):
        told = asked(ana, plan, members=[cleo.user.email, ana.user.email.upper()]).json()
        assert [row["member"]["email"] for row in told["members"]] == [cleo.user.email, ana.user.email]

    def test_says_what_cannot_be(self, ana, plan):
        stranger, guest = MembershipFactory(), GuestFactory(tenant=ana.tenant)
        for body, found in (
            ({"product": "NOPE"}, ("product", "does_not_exist")),
            ({"reason": ""}, ("reason", "blank")),
            ({"members": []}, ("members", "empty")),
            ({"members": [stranger.user.email]}, ("members", "not_a_member")),
            ({"members": [guest.user.email]}, ("members", "not_a_member")),
            ({"requester": "x"}, ("requester", "unknown_field")),
        ):
            assert [(field.partition(".")[0], code) for field, code in errors(asked(ana, plan, **body))] == [found]
        assert not LicenseRequest.objects.exists()

    def test_is_refused_by_name(self, ana, plan):
        guest = asked(GuestFactory(tenant=ana.tenant), plan)
        assert (guest.status_code, guest.json()["code"]) == (403, "guest_user")
        asked(ana, plan)
        again = asked(ana, plan)
        assert (again.status_code, again.json()["code"]) == (409, "asked_already")
        operator = asked(OperatorFactory(), plan)
        assert operator.status_code == 403

    def test_tells_the_tenants_own_process_instead(self, ana, plan):
        process = {"request_process_message": "Fill in form 7", "request_process_url": "https://forms.example/7"}
        settings.change(tenant=ana.tenant, by=SYSTEM, at=timezone.now(), **process)
        answer = asked(ana, plan)
        assert (answer.status_code, answer.json()["code"]) == (409, "request_process")
        assert (answer.json()["message"], answer.json()["url"]) == ("Fill in form 7", "https://forms.example/7")
        assert not LicenseRequest.objects.exists()

    def test_needs_its_scope(self, ana, plan):
        narrow = Api(ana, scopes=["purchases:write", "policies:write"])
        for answer in (narrow.get(PATH), narrow.post(PATH, {"product": plan.product_id, "reason": WHY})):
            assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


class TestSeeing:
    def test_is_ones_own_or_all_for_those_who_decide(self, ana, cleo, bo, plan):
        own, other = ask(ana, plan.product), ask(cleo, plan.product)
        foreign = ask(MembershipFactory(), plan.product)
        assert ids(Api(ana).get(PATH)) == [str(own.pk)]
        assert set(ids(Api(bo).get(PATH))) == {str(own.pk), str(other.pk)}
        for role, status in (
            ("license_admin", 200),
            ("user_admin", 200),
            ("billing_admin", 404),
            ("global_reader", 404),
        ):
            who = Api(MembershipFactory(tenant=ana.tenant, roles=[role]))
            assert who.get(f"{PATH}{own.pk}/").status_code == status
            assert who.get(f"{PATH}{foreign.pk}/").status_code == 404
        assert Api(cleo).get(f"{PATH}{own.pk}/").status_code == 404

    def test_narrows_by_state(self, ana, bo, plan):
        request = ask(ana, plan.product)
        waiting = ask(ana, ProductFactory())
        decide(bo, request, decline=[ana.user.email])
        assert ids(Api(bo).get(f"{PATH}?state=waiting")) == [str(waiting.pk)]
        assert ids(Api(bo).get(f"{PATH}?state=decided")) == [str(request.pk)]

    def test_asks_as_much_for_thirty_as_for_one(self, tenant, ana, bo, plan):
        api = Api(bo)

        def queries():
            with CaptureQueriesContext(connection) as counted:
                assert api.get(PATH).status_code == 200
            return len(counted)

        ask(ana, plan.product)
        queries()
        one = queries()
        for _ in range(29):
            who = MembershipFactory(tenant=tenant)
            ask(who, ProductFactory(), who, *MembershipFactory.create_batch(2, tenant=tenant))
        assert queries() == one


class TestDeciding:
    def test_approves_some_and_declines_others(self, ana, cleo, bo, plan):
        central = buy_centrally(bo, plan, 1, at=timezone.now())
        request = ask(ana, plan.product, ana, cleo, at=timezone.now())
        answer = decide(bo, request, approve=[ana.user.email], decline=[cleo.user.email], message="One is left")
        assert answer.status_code == 200, answer.content
        told = answer.json()
        assert told["state"] == "decided"
        assert told["ended_at"]
        found = [(row["state"], row["how"], row["subscription"], row["message"]) for row in told["members"]]
        assert found == [
            ("granted", "free_seat", str(central.pk), "One is left"),
            ("declined", None, None, "One is left"),
        ]
        assert told["members"][0]["decided_by"] == bo.user.email
        assert Seat.objects.open().get().member == ana

    def test_by_an_exception_with_an_end(self, ana, bo, plan):
        request, until = ask(ana, plan.product), timezone.now() + timedelta(days=3)
        missing = decide(bo, request, approve=[ana.user.email], how="exception")
        assert errors(missing) == [("until", "required")]
        answer = decide(bo, request, approve=[ana.user.email], how="exception", until=until.isoformat())
        assert answer.json()["members"][0]["how"] == "exception"
        assert Policy.objects.get().valid_to == until

    def test_is_refused_by_name(self, ana, cleo, bo, plan):
        request = ask(ana, plan.product)
        no_seat = decide(bo, request, approve=[ana.user.email])
        assert (no_seat.status_code, no_seat.json()["code"]) == (409, "no_seat_left")
        assert errors(decide(bo, request)) == [("approve", "required")]
        assert errors(decide(bo, request, approve=[cleo.user.email])) == [("approve", "does_not_exist")]
        assert decide(ana, request, approve=[ana.user.email]).status_code == 403
        assert decide(cleo, request, approve=[ana.user.email]).status_code == 404
        lia = MembershipFactory(tenant=ana.tenant, roles=["license_admin"])
        until = (timezone.now() + timedelta(days=3)).isoformat()
        exception = decide(lia, request, approve=[ana.user.email], how="exception", until=until)
        assert (exception.status_code, exception.json()["code"]) == (403, "not_allowed")
        decide(bo, request, decline=[ana.user.email])
        again = decide(bo, request, decline=[ana.user.email])
        assert (again.status_code, again.json()["code"]) == (409, "request_not_waiting")


class TestWithdrawing:
    def test_is_the_requesters(self, ana, bo, plan):
        request = ask(ana, plan.product)
        path = f"{PATH}{request.pk}/withdraw/"
        assert Api(bo).post(path).status_code == 403
        assert Api(ana).post(path).json()["state"] == "withdrawn"
        assert Api(ana).post(path).status_code == 200
