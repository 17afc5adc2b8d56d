"""Who may open which page of the procurement view, and whose rows stand on it."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.urls import reverse

from commerce.models import Difference, HardDecline, IncomingEvent, Movement, Payment, Renewal, Seller
from commerce.operations import support
from commerce.operations.centralising import steps
from commerce.operations.takeover import starting
from commerce.operations.takeover.previewing import Wish
from licensing.models import LifecycleDays, Solution
from policies.models import SelfServiceProduct
from policies.operations import auto_claims
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tenants.directory.models import Membership
from tenants.directory.operations import delegations
from tenants.journal.models import Event
from tests import factories
from tests.admin.pages import (
    AGREEMENTS,
    ALL,
    APPROVALS,
    APPROVERS,
    AUTO_CLAIMS,
    CAPACITY,
    CENTRALISATIONS,
    CLOCKS,
    DIFFERENCES,
    DISPUTES,
    DOMAINS,
    DUNNING,
    GOVERNANCE,
    INCOMING,
    INVOICES,
    JOBS,
    JOURNAL,
    LEAVERS,
    LEDGER,
    NOTICES,
    OF_ONE,
    OF_OPERATOR,
    OF_TENANTS,
    ORGANISATIONS,
    PARTNERS,
    PEOPLE,
    POLICIES,
    POLICIES_SET,
    PURCHASES,
    RENEWALS,
    REQUESTS,
    RUNS,
    SIGN_IN,
    SOLUTIONS,
    SPEND_LIMITS,
    TAKE_OVERS,
    WASTE,
    browser_of,
    listed,
    opened,
)
from tests.callers import signed_in
from tests.commerce.licenses import ask
from tests.commerce.provider import contested
from tests.factories import NOON, admin_of
from tests.outsiders.world import asked_for, left_behind

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

# Of whoever sees purchases of every channel: prices or not.
REPORTS = {
    APPROVERS,
    AUTO_CLAIMS,
    CAPACITY,
    CENTRALISATIONS,
    GOVERNANCE,
    POLICIES,
    POLICIES_SET,
    PURCHASES,
    RUNS,
    SPEND_LIMITS,
    WASTE,
}
PRICED = REPORTS | {AGREEMENTS, APPROVALS, DISPUTES, INVOICES, JOURNAL, LEAVERS, ORGANISATIONS, TAKE_OVERS}
MAY_READ = {
    "global_admin": OF_TENANTS,
    "billing_admin": PRICED | {DUNNING},
    "global_reader": PRICED,
    "license_admin": REPORTS | {REQUESTS},
    "user_admin": {PURCHASES, REQUESTS, PEOPLE, RUNS},
}


def test_these_are_all_pages():
    registered = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}
    assert registered == OF_TENANTS | OF_OPERATOR


@pytest.mark.parametrize("role", MAY_READ)
def test_each_role_opens_what_it_may_read(contoso, bought, role):
    browser, may_read = browser_of(contoso, role), MAY_READ[role] | {NOTICES}
    assert {page for page in ALL if browser.get(listed(page)).status_code == 200} == may_read
    assert {page for page in ALL if browser.get(listed(page)).status_code == 403} == set(ALL) - may_read


def test_the_operator_opens_all_but_one_tenants_policies(operator, bought):
    browser = signed_in(operator)
    assert {page for page in ALL if browser.get(listed(page)).status_code == 200} == set(ALL) - OF_ONE
    assert browser.get(listed(POLICIES)).status_code == 403


def test_a_stranger_is_led_to_the_one_sign_in_and_back(client, db):
    for page in ("index", *(f"{page}_changelist" for page in ALL)):
        address = reverse(f"admin:{page}")
        response = client.get(address)
        assert (response.status_code, response["Location"]) == (302, f"/sign-in/?next={address}")


def test_a_member_without_a_role_and_a_guest_are_refused(contoso, bought):
    for somebody in (factories.MembershipFactory(tenant=contoso), factories.GuestFactory(tenant=contoso)):
        assert signed_in(somebody).get(reverse("admin:index")).status_code == 403


def test_a_role_that_is_taken_away_is_gone_at_the_next_request(contoso):
    member = admin_of(contoso).membership
    browser = signed_in(member)
    assert browser.get(reverse("admin:index")).status_code == 200
    member.role_grants.all().delete()
    assert browser.get(reverse("admin:index")).status_code == 403


def test_home_shows_the_newest_purchases_of_the_acting_tenant_alone(contoso, bought, elsewhere):
    text = browser_of(contoso, "global_reader").get(reverse("admin:index")).content.decode()
    assert "Ana" in text
    assert "Felix" not in text
    assert "Acting for" in text


def test_home_says_when_the_organisation_cannot_buy_at_all(contoso, plan):
    contoso.managed = False
    contoso.save()
    text = browser_of(contoso).get(reverse("admin:index")).content.decode()
    assert "Self-service buying is not available to your organisation" in text


def test_lists_show_no_other_tenants_rows(contoso, fabrikam, bought, elsewhere):
    factories.DomainFactory(tenant=fabrikam)
    browser = browser_of(contoso)
    for page in OF_TENANTS:
        text = browser.get(listed(page)).content.decode()
        assert "Felix" not in text, page
        assert "fabrikam" not in text.lower(), page


def test_lists_show_every_tenant_to_the_operator(operator, contoso, fabrikam, bought, elsewhere):
    factories.DomainFactory(tenant=contoso)
    factories.DomainFactory(tenant=fabrikam)
    browser = signed_in(operator)
    for page in (PURCHASES, INVOICES, JOURNAL, PEOPLE, DOMAINS, ORGANISATIONS):
        text = browser.get(listed(page)).content.decode()
        assert "Contoso" in text, page
        assert "Fabrikam" in text, page


def rows_of(tenant, bought):
    return {
        PURCHASES: bought,
        PEOPLE: Membership.objects.of(tenant).first(),
        DOMAINS: factories.DomainFactory(tenant=tenant),
        JOURNAL: Event.objects.of(tenant).first(),
        SIGN_IN: tenant,
        INVOICES: tenant.invoices.get(),
        AGREEMENTS: tenant.agreements.first() or factories.agree(tenant),
        ORGANISATIONS: tenant,
        POLICIES_SET: factories.PolicyFactory(tenant=tenant, product=bought.plan.product, value="enabled"),
        DISPUTES: contested(Payment.objects.get(order__subscription=bought)),
    }


def test_each_row_opens_for_its_own_admin(contoso, bought):
    browser = browser_of(contoso)
    for page, row in rows_of(contoso, bought).items():
        assert browser.get(opened(page, row)).status_code == 200, page


def test_another_tenants_row_is_as_one_that_never_was(contoso, fabrikam, elsewhere, bought):
    browser = browser_of(contoso)
    for page, row in rows_of(fabrikam, elsewhere).items():
        for query in ("", "?_popup=1", "?_to_field=id", "?_changelist_filters=state%3Dactive"):
            assert browser.get(opened(page, row) + query).status_code == 404, page


def test_what_names_no_row_is_not_found(contoso, bought):
    browser = browser_of(contoso)
    for page in OF_TENANTS:
        for named in ("nobody", "0", "%00", "00000000-0000-0000-0000-000000000000", "_5F", "x" * 300):
            assert browser.get(f"{listed(page)}{named}/change/").status_code == 404, (page, named)


def used_by_somebody(tenant):
    """A product of which somebody has a self-service seat."""
    return factories.buy(factories.MembershipFactory(tenant=tenant), factories.plan_on_sale(), at=NOON).plan.product


def test_every_row_opens_for_the_operator(operator, contoso, bought):
    rows = {
        **rows_of(contoso, bought),
        "commerce_seller": Seller.objects.get(),
        INCOMING: IncomingEvent.objects.create(
            gateway="sandbox", reference="evt_1", type="x", kind="charge", subject="pi_1", received_at=NOON
        ),
        DIFFERENCES: Difference.objects.create(
            gateway="sandbox", kind="unknown_charge", reference="pi_1", currency="USD", found_at=NOON, seen_at=NOON
        ),
        LEDGER: Movement.objects.first(),
        RENEWALS: Renewal.objects.create(
            tenant=contoso, subscription=bought, starts_at=bought.term_end, next_try_at=NOON, created_at=NOON
        ),
        APPROVALS: factories.ApprovalFactory(requester=bought.owner, plan=bought.plan),
        APPROVERS: factories.ApproverFactory(member=bought.owner),
        AUTO_CLAIMS: auto_claims.allow(
            tenant=contoso, product=bought.plan.product, ceiling=2, reason="Why", by=SYSTEM, at=NOON
        ),
        CENTRALISATIONS: steps.start(tenant=contoso, product=used_by_somebody(contoso), by=SYSTEM, at=NOON),
        REQUESTS: ask(bought.owner, factories.ProductFactory()),
        GOVERNANCE: factories.GovernancePolicyFactory(tenant=contoso),
        LEAVERS: left_behind(factories.MembershipFactory(tenant=contoso), bought.plan, NOON),
        TAKE_OVERS: starting.start(
            subscription=factories.buy(factories.MembershipFactory(tenant=contoso), bought.plan, 1),
            wish=Wish(mode="cancel"),
            by=SYSTEM,
            at=NOON,
        ),
        "licensing_lifecycledays": LifecycleDays.objects.first(),
        "commerce_harddecline": HardDecline.objects.first(),
        "licensing_family": bought.plan.product.family,
        "licensing_product": bought.plan.product,
        "licensing_plan": bought.plan,
        "commerce_price": bought.plan.prices.get(),
        "commerce_taxrate": factories.TaxRateFactory(),
        "commerce_supportcase": support.open_case(
            kind="question", subject="No data", body="Empty.", by=factories.acting(bought.owner), at=NOON
        ),
        "policies_market": factories.MarketFactory(country="SE"),
        "policies_exclusion": factories.ExclusionFactory(country="SE"),
        JOBS: Job.objects.create(name="commerce.deliver_receipt", attempts=3, set_aside_at=NOON),
        CLOCKS: factories.TenantFactory(is_sandbox=True),
        RUNS: asked_for(bought.owner, bought, NOON),
        PARTNERS: delegations.grant(
            tenant=contoso,
            partner=factories.TenantFactory(),
            roles=["global_reader"],
            ends_at=NOON + timedelta(days=30),
            by=factories.admin_of(contoso),
            at=NOON,
        ),
        SOLUTIONS: Solution.objects.create(
            tenant=contoso, name="Reports", text="Ready made.", link="https://example.com/", changed_at=NOON
        ),
    }
    browser = signed_in(operator)
    assert set(rows) == (OF_TENANTS | OF_OPERATOR) - OF_ONE - {DUNNING}
    for page, row in rows.items():
        assert browser.get(opened(page, row)).status_code == 200, page


def test_a_reader_opens_a_policy_without_a_form(contoso, plan):
    product = SelfServiceProduct.objects.get()
    assert "<textarea" not in browser_of(contoso, "global_reader").get(opened(POLICIES, product)).content.decode()
    assert "<textarea" in browser_of(contoso, "billing_admin").get(opened(POLICIES, product)).content.decode()


def test_a_product_that_people_cannot_buy_has_no_policy_page(contoso, plan):
    office = factories.ProductFactory(self_service=False)
    assert browser_of(contoso).get(opened(POLICIES, office)).status_code == 404
