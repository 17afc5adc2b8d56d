"""An organisation lets a partner's people act in it: with named roles, until a minute, and never more than that."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tenants.access import Actor, Right, actor_in
from tenants.directory.delegations import Delegation
from tenants.directory.models import Membership, Tenant
from tenants.directory.operations import delegations
from tenants.journal import events
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tenants.signin import tokens
from tenants.signin.acting import actor_for
from tests.callers import Api, signed_in, token_for
from tests.factories import NOON, GuestFactory, MembershipFactory, TenantFactory, acting, admin_of

pytestmark = pytest.mark.django_db
YEAR = timedelta(days=365)


def granted(*, roles=("billing_admin",), lasts=YEAR, at=None, accepted=True):
    """A delegation between two new organisations, by their global admins."""
    at = at or timezone.now()
    by, partner = admin_of(TenantFactory()), admin_of(TenantFactory())
    delegation = delegations.grant(
        tenant=by.tenant, partner=partner.tenant, roles=roles, ends_at=at + lasts, by=by, at=at
    )
    return delegations.accept(delegation=delegation, by=partner, at=at) if accepted else delegation


def person_of(delegation) -> Membership:
    return MembershipFactory(tenant=delegation.partner, name="Pat Partner")


def test_the_partners_people_act_with_the_roles_that_were_granted_once_the_partner_has_accepted():
    delegation = granted(accepted=False)
    pat = person_of(delegation)
    assert actor_in(pat.user, delegation.tenant_id) is None
    delegations.accept(delegation=delegation, by=admin_of(delegation.partner), at=timezone.now())
    by = actor_in(pat.user, delegation.tenant_id)
    assert (by.tenant, by.membership, by.roles) == (delegation.tenant, None, {"billing_admin"})


@pytest.mark.parametrize("state", ["disabled", "left"])
def test_nobody_acts_who_is_no_active_member_of_the_partner(state):
    delegation = granted()
    gone = MembershipFactory(tenant=delegation.partner, state=state)
    guest = MembershipFactory(tenant=delegation.partner, kind="guest")
    assert actor_in(gone.user, delegation.tenant_id) is actor_in(guest.user, delegation.tenant_id) is None


def test_lasts_two_years_at_most_and_may_be_renewed():
    by, partner = admin_of(TenantFactory()), TenantFactory()
    last = delegations.longest(NOON)
    offer = {"tenant": by.tenant, "partner": partner, "roles": ["global_reader"], "by": by, "at": NOON}
    for wrong in (NOON, last + timedelta(seconds=1)):
        with pytest.raises(BadInput):
            delegations.grant(**offer, ends_at=wrong)
    assert not Delegation.objects.exists()
    delegation = delegations.grant(**offer, ends_at=last)
    later = NOON + YEAR
    with pytest.raises(BadInput):
        delegations.renew(delegation=delegation, ends_at=delegations.longest(later) + YEAR, by=by, at=later)
    renewed = delegations.renew(delegation=delegation, ends_at=delegations.longest(later), by=by, at=later)
    assert renewed.ends_at == delegations.longest(later) > last
    with pytest.raises(delegations.DelegationOver):
        delegations.renew(
            delegation=delegation, ends_at=renewed.ends_at + YEAR + YEAR, by=by, at=renewed.ends_at + timedelta(hours=1)
        )


def test_there_is_one_at_a_time_for_each_partner():
    delegation = granted(at=NOON)
    by = admin_of(delegation.tenant)
    again = {"tenant": delegation.tenant, "partner": delegation.partner, "roles": ["user_admin"], "by": by}
    with pytest.raises(delegations.DelegationExists):
        delegations.grant(**again, ends_at=NOON + YEAR, at=NOON)
    assert delegations.grant(**again, ends_at=NOON + 2 * YEAR, at=NOON + YEAR).roles == ["user_admin"]


@pytest.mark.parametrize("role", ["billing_admin", "license_admin", "user_admin", "global_reader"])
def test_only_a_global_admin_of_the_organisation_itself_grants_renews_and_takes_back(role):
    delegation = granted(roles=["global_admin"])
    now = timezone.now()
    delegated = actor_in(person_of(delegation).user, delegation.tenant_id)
    for by in (admin_of(delegation.tenant, role), delegated, admin_of(TenantFactory())):
        with pytest.raises(NotAllowed):
            delegations.revoke(delegation=delegation, by=by, at=now)
        with pytest.raises(NotAllowed):
            delegations.renew(delegation=delegation, ends_at=now + YEAR / 2, by=by, at=now)
        with pytest.raises(NotAllowed):
            delegations.grant(
                tenant=delegation.tenant,
                partner=TenantFactory(),
                roles=["global_reader"],
                ends_at=now + YEAR,
                by=by,
                at=now,
            )
    assert Delegation.objects.get().revoked_at is None


def test_the_partner_accepts_by_one_of_its_global_admins_alone_and_may_give_it_up():
    delegation = granted(accepted=False)
    now = timezone.now()
    for by in (
        admin_of(delegation.partner, "billing_admin"),
        admin_of(delegation.tenant),
        acting(person_of(delegation)),
    ):
        with pytest.raises(NotAllowed):
            delegations.accept(delegation=delegation, by=by, at=now)
    assert Delegation.objects.get().accepted_at is None
    partner = admin_of(delegation.partner)
    delegations.accept(delegation=delegation, by=partner, at=now)
    delegations.accept(delegation=delegation, by=partner, at=now + timedelta(hours=1))
    assert Delegation.objects.get().accepted_at == now
    delegations.revoke(delegation=delegation, by=partner, at=now)
    assert actor_in(person_of(delegation).user, delegation.tenant_id) is None
    with pytest.raises(delegations.DelegationOver):
        delegations.accept(delegation=delegation, by=partner, at=now)


def test_a_delegated_global_admin_lacks_what_only_an_organisations_own_people_decide():
    delegation = granted(roles=["global_admin"])
    by = actor_in(person_of(delegation).user, delegation.tenant_id)
    assert by.may(Right.CHANGE_POLICY)
    assert not any(by.may(right) for right in (Right.MANAGE_ROLES, Right.MANAGE_SIGN_IN, Right.MANAGE_DELEGATIONS))


def test_sessions_and_tokens_stop_in_the_minute_in_which_it_ends():
    delegation = granted(roles=["global_reader"])
    pat = person_of(delegation)
    raw = tokens.issue(email=pat.user.email, tenant=delegation.tenant, lifetime=YEAR, by=Actor(), at=timezone.now())
    api, browser = Api(), signed_in(pat)
    api.headers = {"Authorization": f"Bearer {raw}"}
    browser.post("/acting-for/", {"tenant": delegation.tenant.slug})
    assert api.get("events/").status_code == 200
    assert browser.get("/admin/").status_code == 200
    Delegation.objects.update(granted_at=NOON - YEAR, ends_at=timezone.now())
    assert api.get("events/").status_code == 401
    refused = browser.post("/admin/policies/selfserviceproduct/stop/", {})
    assert refused.status_code == 403
    assert browser.session.get("acting_tenant") is None
    assert browser.get("/admin/").status_code == 403


def test_ends_by_the_clock_of_the_customer():
    delegation = granted(lasts=timedelta(days=30))
    pat = person_of(delegation)
    tenants = Tenant.objects.filter(pk=delegation.tenant_id)
    tenants.update(is_sandbox=True, clock_ahead=timedelta(days=29))
    assert actor_in(pat.user, delegation.tenant_id).roles == {"billing_admin"}
    tenants.update(clock_ahead=timedelta(days=30))
    assert actor_in(pat.user, delegation.tenant_id) is None


def test_at_the_moment_of_its_end_it_is_over():
    delegation = granted(at=NOON, accepted=False)
    with pytest.raises(delegations.DelegationOver):
        delegations.accept(delegation=delegation, by=admin_of(delegation.partner), at=delegation.ends_at)
    last, by = delegation.ends_at, admin_of(delegation.tenant)
    with pytest.raises(delegations.DelegationOver):
        delegations.renew(delegation=delegation, ends_at=last + YEAR, by=by, at=last)
    assert Delegation.objects.get().accepted_at is None


def test_a_customer_that_asks_for_a_second_factor_asks_the_partners_people_too():
    delegation = granted()
    pat = person_of(delegation)
    Tenant.objects.filter(pk=delegation.tenant_id).update(requires_second_factor=True)
    by = actor_in(pat.user, delegation.tenant_id)
    assert (by.roles, by.needs_second_factor) == (frozenset(), True)
    pat.user.second_factor_since = timezone.now()
    pat.user.save()
    by = actor_in(pat.user, delegation.tenant_id)
    assert (by.roles, by.needs_second_factor) == ({"billing_admin"}, False)


def test_a_guest_who_works_for_the_partner_acts_for_it_while_it_is_let_in():
    delegation = granted()
    pat = person_of(delegation)
    guest = GuestFactory(tenant=delegation.tenant, user=pat.user)
    for by in (actor_in(pat.user, delegation.tenant_id), actor_for(pat.user, str(delegation.tenant_id))):
        assert (by.delegation, by.roles) == (delegation, {"billing_admin"})
    delegations.revoke(delegation=delegation, by=admin_of(delegation.tenant), at=timezone.now())
    for by in (actor_in(pat.user, delegation.tenant_id), actor_for(pat.user, str(delegation.tenant_id))):
        assert (by.membership, by.roles) == (guest, frozenset())


def test_what_was_sent_when_it_had_ended_is_not_done_at_home():
    delegation = granted()
    home = admin_of(delegation.partner)
    browser = signed_in(home.membership)
    browser.post("/acting-for/", {"tenant": delegation.tenant.slug})
    delegations.revoke(delegation=delegation, by=admin_of(delegation.tenant), at=timezone.now())
    billing = f"/admin/tenants/tenant/{delegation.partner_id}/change/"
    told = {"legal_name": "Elsewhere Inc.", "address": "", "tax_number": ""}
    answer = browser.post(billing, told)
    assert answer.status_code == 403
    assert "may no longer act" in answer.content.decode()
    assert not Event.objects.filter(type="billing_details.changed").exists()
    assert browser.post(billing, told).status_code == 302


def test_everything_stands_in_the_customers_journal_under_their_name():
    delegation = granted(roles=["billing_admin"])
    pat = person_of(delegation)
    api = Api()
    api.headers = {"Authorization": f"Bearer {token_in(pat, delegation)}"}
    assert api.patch("tenant/", {"billing": {"legal_name": "Customer Inc."}}).status_code == 200
    event = Event.objects.get(type="billing_details.changed")
    assert (event.tenant, event.actor, event.on_behalf_of) == (delegation.tenant, pat.user, delegation.partner)
    events.sequence(delegation.tenant_id)
    page = signed_in(admin_of(delegation.tenant).membership).get("/admin/tenants/event/").content.decode()
    assert f"Pat Partner ({delegation.partner.name})" in page


def test_the_journal_does_not_tell_who_is_behind_a_short_name_before_they_accept():
    here, there = admin_of(TenantFactory()), admin_of(TenantFactory(name="Known Later Ltd"))
    now = timezone.now()
    granted = delegations.grant(
        tenant=here.tenant, partner=there.tenant, roles=["global_reader"], ends_at=now + YEAR, by=here, at=now
    )

    def journal():
        events.sequence(here.tenant.pk)
        return signed_in(here.membership).get("/admin/tenants/event/").content.decode()

    page = journal()
    assert there.tenant.slug in page
    assert "Known Later Ltd" not in page
    delegations.accept(delegation=granted, by=there, at=now)
    assert "Known Later Ltd" in journal()
    delegations.revoke(delegation=granted, by=here, at=now)
    delegations.grant(
        tenant=here.tenant, partner=there.tenant, roles=["global_reader"], ends_at=now + YEAR, by=here, at=now
    )
    assert "Known Later Ltd" in journal()


def token_in(pat, delegation):
    stand_in = Membership(tenant=delegation.tenant, user=pat.user)
    return token_for(stand_in)


def test_a_banner_says_where_they_act_and_the_header_lists_the_customers():
    delegation = granted(roles=["global_reader"])
    pat = person_of(delegation)
    browser = signed_in(pat)
    page = browser.get("/").content.decode()
    assert f'<option value="{delegation.tenant.slug}">' in page
    browser.post("/acting-for/", {"tenant": delegation.tenant.slug})
    for address in ("/", "/admin/"):
        assert (
            f"You act in {delegation.tenant.name} for {delegation.partner.name}, until"
            in browser.get(address).content.decode()
        )
