"""Whoever is disabled or has left is refused at the next request, whatever they held in their hands."""

import pytest
from django.urls import reverse
from django.utils import timezone

from tenants.access import SYSTEM
from tenants.directory.operations import people
from tests.callers import Api, signed_in
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def put(member, state):
    people.change_member(membership=member, by=SYSTEM, at=timezone.now(), state=state)


@pytest.mark.parametrize("state", ["left", "disabled"])
def test_a_session_ends_at_the_next_request(state):
    member = MembershipFactory()
    browser = signed_in(member)
    assert browser.get(reverse("my-subscriptions")).status_code == 200
    put(member, state)
    assert browser.get(reverse("my-subscriptions")).url.startswith("/sign-in/")
    put(member, "active")
    assert browser.get(reverse("my-subscriptions")).url.startswith("/sign-in/")  # that session is over for good


@pytest.mark.parametrize("state", ["left", "disabled"])
def test_an_admins_session_ends_at_the_next_request(state):
    admin = MembershipFactory(roles=["global_admin"])
    MembershipFactory(tenant=admin.tenant, roles=["global_admin"])
    browser = signed_in(admin)
    assert browser.get("/admin/").status_code == 200
    put(admin, state)
    assert browser.get("/admin/").url.startswith("/sign-in/")


@pytest.mark.parametrize("state", ["left", "disabled"])
def test_a_token_is_worth_nothing_at_the_next_request(state):
    member = MembershipFactory()
    caller = Api(member)
    assert caller.get("subscriptions/").status_code == 200
    put(member, state)
    for answer in (caller.get("subscriptions/"), caller.post("checkouts/", {}, key="k")):
        assert answer.status_code == 401
