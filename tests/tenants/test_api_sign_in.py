"""What an organisation asks of its people when they sign in, by API: read and changed by its own global admins."""

import pytest
from django.utils import timezone

from tenants.journal.models import Event
from tests.callers import Api
from tests.factories import MembershipFactory, TenantFactory
from tests.tenants.partners import let_in
from tests.tenants.second_factors import enrolled

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]

URL = "tenant/sign-in/"


@pytest.fixture
def admin():
    return MembershipFactory(roles=["global_admin"])


def test_a_global_admin_reads_and_changes_it_and_the_journal_says_so_once(admin):
    enrolled(admin)
    api = Api(admin)
    assert api.get(URL).json() == {"requires_second_factor": False}
    for _twice in range(2):
        assert api.put(URL, {"requires_second_factor": True}).json() == {"requires_second_factor": True}
    assert api.get(URL).json() == {"requires_second_factor": True}
    changed = Event.objects.get(type="sign_in.changed")
    assert (changed.tenant, changed.actor, changed.data) == (
        admin.tenant,
        admin.user,
        {"requires_second_factor": [False, True]},
    )


def test_it_holds_from_the_next_call_on_for_who_changed_it_too(admin):
    api = Api(admin)
    assert api.put(URL, {"requires_second_factor": True}).status_code == 200
    assert api.put(URL, {"requires_second_factor": False}).status_code == 403
    admin.tenant.refresh_from_db()
    assert admin.tenant.requires_second_factor


@pytest.mark.parametrize("role", ["billing_admin", "license_admin", "user_admin", "global_reader"])
def test_nobody_else_reads_or_changes_it(admin, role):
    other = Api(MembershipFactory(tenant=admin.tenant, roles=[role]))
    pat = let_in(admin.tenant, roles=["global_admin"], at=timezone.now())
    for api in (other, Api(pat.as_token_holder)):
        assert api.get(URL).status_code == 403
        assert api.put(URL, {"requires_second_factor": True}).status_code == 403
    assert not Event.objects.filter(type="sign_in.changed").exists()


def test_a_token_without_the_scope_does_not_change_it(admin):
    answer = Api(admin, scopes=["members:read"]).put(URL, {"requires_second_factor": True})
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize("body", [{}, {"requires_second_factor": None}, {"requires_second_factor": "perhaps"}])
def test_what_is_no_answer_is_refused(admin, body):
    answer = Api(admin).put(URL, body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "requires_second_factor")
    assert not TenantFactory._meta.model.objects.filter(requires_second_factor=True).exists()
