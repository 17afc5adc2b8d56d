"""The pages of the procurement view by name, and their addresses."""

from django.urls import reverse

from tests.callers import signed_in
from tests.factories import admin_of

PURCHASES = "commerce_purchase"
APPROVALS = "policies_approval"
APPROVERS = "policies_approver"
REQUESTS = "policies_licenserequest"
POLICIES = "policies_selfserviceproduct"
POLICIES_SET = "policies_policy"
SPEND_LIMITS = "policies_spendlimit"
GOVERNANCE = "policies_governancepolicy"
JOURNAL = "tenants_event"
PEOPLE = "tenants_membership"
DOMAINS = "tenants_domain"
INVOICES = "commerce_invoice"
AGREEMENTS = "commerce_agreement"
DISPUTES = "commerce_dispute"
INCOMING = "commerce_incomingevent"
DIFFERENCES = "commerce_difference"
LEDGER = "commerce_movement"
ORGANISATIONS = "tenants_tenant"
OF_TENANTS = {
    PURCHASES,
    INVOICES,
    DISPUTES,
    AGREEMENTS,
    POLICIES,
    POLICIES_SET,
    SPEND_LIMITS,
    GOVERNANCE,
    JOURNAL,
    PEOPLE,
    DOMAINS,
    ORGANISATIONS,
    APPROVALS,
    REQUESTS,
    APPROVERS,
}
OF_OPERATOR = {
    INCOMING,
    DIFFERENCES,
    LEDGER,
    "commerce_seller",
    "licensing_family",
    "licensing_product",
    "licensing_plan",
    "commerce_price",
    "commerce_taxrate",
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
