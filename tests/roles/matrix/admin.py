"""Whom the other pages of the admin let in: catalogue, policies, people and what they did."""

from tests.roles.audiences import (
    BILLING,
    DELEGATE,
    GIVES,
    GLOBAL,
    LICENSE,
    NOBODY,
    OPERATOR,
    PEOPLE,
    PRICED,
    READS_POLICY,
    ROLES,
)

TABLE = [
    # The service's own: catalogue, markets, exclusions, clocks, and what is lost.
    (
        OPERATOR,
        """
        GET admin/licensing/family/
        GET admin/licensing/family/<path:object_id>/change/
        GET admin/licensing/lifecycledays/
        GET,POST admin/licensing/lifecycledays/<path:object_id>/change/
        GET,POST admin/licensing/lifecycledays/<path:object_id>/remove/
        GET,POST admin/licensing/lifecycledays/new/
        GET admin/licensing/plan/
        GET admin/licensing/plan/<path:object_id>/change/
        GET admin/licensing/product/
        GET admin/licensing/product/<path:object_id>/change/
        GET admin/policies/exclusion/
        GET,POST admin/policies/exclusion/<path:object_id>/change/
        GET,POST admin/policies/exclusion/<path:object_id>/remove/
        GET,POST admin/policies/exclusion/new/
        GET admin/policies/market/
        GET admin/policies/market/<path:object_id>/change/
        GET admin/policies/market/open/
        GET admin/tenants/job/
        GET,POST admin/tenants/membership/<path:object_id>/second-factor/
        GET admin/tenants/sandboxclock/
        """,
    ),
    # Change policy, defaults, limits, exceptions; approve.
    (
        GLOBAL | BILLING | DELEGATE,
        """
        POST admin/policies/approval/<path:object_id>/change/
        POST admin/policies/approver/<path:object_id>/change/
        GET,POST admin/policies/approver/new/
        POST admin/policies/autoclaim/<path:object_id>/change/
        GET,POST admin/policies/autoclaim/<path:object_id>/remove/
        GET,POST admin/policies/autoclaim/new/
        POST admin/policies/governancepolicy/<path:object_id>/change/
        GET,POST admin/policies/governancepolicy/<path:object_id>/remove/
        GET,POST admin/policies/governancepolicy/new/
        POST admin/policies/policy/<path:object_id>/change/
        GET,POST admin/policies/policy/new/
        POST admin/policies/selfserviceproduct/<path:object_id>/change/
        POST admin/policies/selfserviceproduct/claiming/
        GET,POST admin/policies/selfserviceproduct/new/
        POST admin/policies/selfserviceproduct/settings/
        GET,POST admin/policies/selfserviceproduct/several/
        GET,POST admin/policies/selfserviceproduct/switch/
        POST admin/policies/spendlimit/<path:object_id>/change/
        POST admin/policies/spendlimit/<path:object_id>/end/
        GET,POST admin/policies/spendlimit/new/
        POST admin/tenants/tenant/<path:object_id>/change/
        """,
    ),
    # Have a run tried again, or stop it.
    (
        GLOBAL | BILLING | DELEGATE | OPERATOR,
        """
        POST admin/tenants/run/<path:object_id>/again/
        POST admin/tenants/run/<path:object_id>/stop/
        """,
    ),
    # See approvals, the journal, and what became of runs.
    (
        PRICED | DELEGATE | OPERATOR,
        """
        GET admin/policies/approval/
        GET admin/policies/approval/<path:object_id>/change/
        GET admin/tenants/event/
        GET admin/tenants/event/<path:object_id>/change/
        GET admin/tenants/run/<path:object_id>/change/
        GET admin/tenants/run/<path:object_id>/outcomes/
        GET admin/tenants/tenant/
        GET admin/tenants/tenant/<path:object_id>/change/
        """,
    ),
    # Read policy, explain.
    (
        READS_POLICY | DELEGATE,
        """
        GET admin/policies/selfserviceproduct/
        GET admin/policies/selfserviceproduct/<path:object_id>/change/
        GET admin/policies/selfserviceproduct/explain/
        GET admin/policies/selfserviceproduct/settings/
        GET admin/policies/spendlimit/
        GET admin/policies/spendlimit/<path:object_id>/change/
        """,
    ),
    # What is wasted and what the seats bring, of one organisation alone, with prices or without.
    (
        READS_POLICY | DELEGATE,
        """
        GET admin/licensing/capacityuse/
        GET admin/licensing/wastedseat/
        """,
    ),
    # Release seats, or ask whoever bought them.
    (
        GLOBAL | BILLING | LICENSE | DELEGATE,
        """
        POST admin/licensing/wastedseat/bulk/
        """,
    ),
    # Read policy, whoever's it is.
    (
        READS_POLICY | DELEGATE | OPERATOR,
        """
        GET admin/policies/approver/
        GET admin/policies/approver/<path:object_id>/change/
        GET admin/policies/autoclaim/
        GET admin/policies/autoclaim/<path:object_id>/change/
        GET admin/policies/governancepolicy/
        GET admin/policies/governancepolicy/<path:object_id>/change/
        GET admin/policies/policy/
        GET admin/policies/policy/<path:object_id>/change/
        """,
    ),
    # Come in.
    (
        ROLES | DELEGATE | OPERATOR,
        """
        GET,POST admin/
        GET admin/tenants/delegation/customers/
        GET admin/tenants/run/
        """,
    ),
    # Decide licence requests.
    (
        GIVES | DELEGATE,
        """
        POST admin/policies/licenserequest/<path:object_id>/change/
        """,
    ),
    # Read licence requests.
    (
        GIVES | DELEGATE | OPERATOR,
        """
        GET admin/policies/licenserequest/
        GET admin/policies/licenserequest/<path:object_id>/change/
        """,
    ),
    # People.
    (
        PEOPLE | DELEGATE,
        """
        POST admin/tenants/membership/<path:object_id>/change/
        GET,POST admin/tenants/membership/new/
        """,
    ),
    # Read of people.
    (
        PEOPLE | DELEGATE | OPERATOR,
        """
        GET admin/tenants/membership/
        GET admin/tenants/membership/<path:object_id>/change/
        """,
    ),
    # Roles, delegations, sign-in: never a partner's people.
    (
        GLOBAL,
        """
        POST admin/licensing/solution/<path:object_id>/change/
        GET,POST admin/licensing/solution/new/
        POST admin/tenants/delegation/<path:object_id>/change/
        POST admin/tenants/delegation/<uuid:object_id>/accept/
        POST admin/tenants/delegation/<uuid:object_id>/revoke/
        GET,POST admin/tenants/delegation/new/
        POST admin/tenants/signinrules/<path:object_id>/change/
        """,
    ),
    # The same, or read it.
    (
        GLOBAL | OPERATOR,
        """
        GET admin/licensing/solution/
        GET admin/licensing/solution/<path:object_id>/change/
        POST admin/licensing/solution/<uuid:object_id>/approve/
        POST admin/licensing/solution/<uuid:object_id>/decline/
        POST admin/licensing/solution/<uuid:object_id>/withdraw/
        GET admin/tenants/delegation/
        GET admin/tenants/delegation/<path:object_id>/change/
        GET admin/tenants/domain/
        GET admin/tenants/domain/<path:object_id>/change/
        GET,POST admin/tenants/membership/<path:object_id>/roles/
        GET admin/tenants/signinrules/
        GET admin/tenants/signinrules/<path:object_id>/change/
        """,
    ),
    # A partner's people, for the customers that let them in.
    (
        DELEGATE,
        """
        GET admin/tenants/delegation/customers/approvals/
        GET admin/tenants/delegation/customers/leavers/
        GET admin/tenants/delegation/customers/new-products/
        GET admin/tenants/delegation/customers/purchases/
        GET admin/tenants/delegation/customers/renewals/
        GET admin/tenants/delegation/customers/requests/
        GET,POST admin/tenants/delegation/policies/
        """,
    ),
    # Of somebody else, or the world has no such row of them: tests/outsiders acts on these as those whose they are.
    (
        NOBODY,
        """
        GET admin/tenants/job/<path:object_id>/change/
        GET admin/tenants/sandboxclock/<path:object_id>/change/
        """,
    ),
]
