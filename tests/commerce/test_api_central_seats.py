"""By API: who gives and sees the seats that central orders bring."""

import pytest
from django.utils import timezone

from licensing.models import Seat
from tests.callers import Api
from tests.commerce.conftest import ids
from tests.factories import MembershipFactory, buy, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestSeats:
    @pytest.fixture
    def bought(self, bill, office):
        return buy_centrally(bill, office, 3, at=timezone.now())

    @pytest.mark.parametrize("role", ["global_admin", "license_admin", "user_admin"])
    def test_are_given_and_taken_back_by_those_who_assign(self, tenant, cleo, bought, role):
        api, path = Api(MembershipFactory(tenant=tenant, roles=[role])), f"subscriptions/{bought.pk}/seats/"
        given = api.post(path, {"members": ["cleo@contoso.example"]})
        assert given.status_code == 201, given.content
        assert [row["member"]["email"] for row in api.get(path).json()["results"]] == ["cleo@contoso.example"]
        assert api.post(path + "release/", {"members": ["cleo@contoso.example"]}).status_code == 200
        [seat] = api.post(path, {"members": ["cleo@contoso.example"]}).json()
        assert api.delete(f"{path}{seat['id']}/").status_code == 204
        assert not Seat.objects.open().exists()

    @pytest.mark.parametrize("role", ["billing_admin", "global_reader"])
    def test_are_only_read_by_the_other_roles(self, tenant, cleo, bought, role):
        api, path = Api(MembershipFactory(tenant=tenant, roles=[role])), f"subscriptions/{bought.pk}/seats/"
        assert api.get(path).status_code == 200
        for answer in (
            api.post(path, {"members": ["cleo@contoso.example"]}),
            api.post(path + "release/", {"members": ["cleo@contoso.example"]}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
        assert not Seat.objects.exists()

    def test_of_self_service_stay_their_owners(self, tenant, ana, cleo, plan):
        own = buy(ana, plan, 2, timezone.now())
        for role, status in (("global_admin", 403), ("license_admin", 403), ("user_admin", 404)):
            api = Api(MembershipFactory(tenant=tenant, roles=[role]))
            answer = api.post(f"subscriptions/{own.pk}/seats/", {"members": ["cleo@contoso.example"]})
            assert answer.status_code == status, role

    def test_are_nobodys_business_without_a_role(self, cleo, bought):
        assert Api(cleo).get(f"subscriptions/{bought.pk}/seats/").status_code == 404
        assert ids(Api(cleo).get("subscriptions/")) == []
