"""The pages of the procurement view by name, their addresses, and what they say."""

import re

from django.urls import reverse

from tests.callers import signed_in
from tests.factories import admin_of

PURCHASES = "commerce_purchase"
APPROVALS = "policies_approval"
APPROVERS = "policies_approver"
AUTO_CLAIMS = "policies_autoclaim"
CENTRALISATIONS = "commerce_centralisation"
REQUESTS = "policies_licenserequest"
POLICIES = "policies_selfserviceproduct"
POLICIES_SET = "policies_policy"
SPEND_LIMITS = "policies_spendlimit"
GOVERNANCE = "policies_governancepolicy"
JOURNAL = "tenants_event"
PEOPLE = "tenants_membership"
DOMAINS = "tenants_domain"
SIGN_IN = "tenants_signinrules"
PARTNERS = "tenants_delegation"
SOLUTIONS = "licensing_solution"
INVOICES = "commerce_invoice"
WASTE = "licensing_wastedseat"
CAPACITY = "licensing_capacityuse"
AGREEMENTS = "commerce_agreement"
NOTICES = "commerce_notice"
DISPUTES = "commerce_dispute"
INCOMING = "commerce_incomingevent"
DIFFERENCES = "commerce_difference"
LEDGER = "commerce_movement"
LEAVERS = "commerce_leavertask"
TAKE_OVERS = "commerce_takeover"
RENEWALS = "commerce_renewal"
DUNNING = "commerce_dunningstep"
JOBS = "tenants_job"
CLOCKS = "tenants_sandboxclock"
ORGANISATIONS = "tenants_tenant"
RUNS = "tenants_run"
# Nobody's who acts in no organisation.
OF_ONE = {CAPACITY, NOTICES, POLICIES, SPEND_LIMITS, WASTE}
OF_TENANTS = {
    PURCHASES,
    INVOICES,
    DISPUTES,
    AGREEMENTS,
    NOTICES,
    POLICIES,
    POLICIES_SET,
    SPEND_LIMITS,
    GOVERNANCE,
    JOURNAL,
    PEOPLE,
    DOMAINS,
    SIGN_IN,
    PARTNERS,
    SOLUTIONS,
    ORGANISATIONS,
    APPROVALS,
    REQUESTS,
    APPROVERS,
    AUTO_CLAIMS,
    CENTRALISATIONS,
    LEAVERS,
    TAKE_OVERS,
    DUNNING,
    RUNS,
    WASTE,
    CAPACITY,
}
OF_OPERATOR = {
    INCOMING,
    DIFFERENCES,
    LEDGER,
    RENEWALS,
    JOBS,
    CLOCKS,
    "commerce_seller",
    "licensing_family",
    "licensing_product",
    "licensing_plan",
    "licensing_lifecycledays",
    "commerce_price",
    "commerce_taxrate",
    "commerce_harddecline",
    "commerce_supportcase",
    "policies_market",
    "policies_exclusion",
}
ALL = sorted(OF_TENANTS | OF_OPERATOR)


def listed(page):
    return reverse(f"admin:{page}_changelist")


def opened(page, row):
    return reverse(f"admin:{page}_change", args=[row.pk])


def browser_of(tenant, role="global_admin"):
    return signed_in(admin_of(tenant, role).membership)


def text_of(response, status=200):
    assert response.status_code == status, response.content
    return re.sub(r"\s+", " ", response.content.decode())
