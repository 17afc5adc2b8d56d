"""How the journal reads the ids of data and access policies and of spend limits."""

from collections.abc import Collection, Mapping

from django.urls import reverse
from django.utils.translation import gettext as _

from policies.models import GovernancePolicy, LicenseRequest, SpendLimit
from tenants.directory.models import Tenant
from tenants.journal.naming import SUBJECT, Named, Names, uuids
from tenants.naming import people


def governance_policies(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = GovernancePolicy.objects.filter(pk__in=uuids(ids))
    found = found if tenant is None else found.of(tenant)
    return {
        str(policy.pk): Named(policy.name, reverse("admin:policies_governancepolicy_change", args=[policy.pk]))
        for policy in found
    }


def spend_limits(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    """Their pages are of the organisation's own people alone."""
    found = SpendLimit.objects.filter(pk__in=uuids(ids)).with_scope()
    found = found if tenant is None else found.of(tenant)
    return {
        str(limit.pk): Named(
            _("Spend limit: %(limit)s") % {"limit": limit},
            reverse("admin:policies_spendlimit_change", args=[limit.pk]) if tenant else "",
        )
        for limit in found
    }


def license_requests(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = LicenseRequest.objects.filter(pk__in=uuids(ids)).select_related("product")
    found = found if tenant is None else found.of(tenant)
    return {
        str(asked.pk): Named(
            _("Licence request: %(product)s") % {"product": asked.product},
            reverse("admin:policies_licenserequest_change", args=[asked.pk]),
        )
        for asked in found
    }


NAMES: Names = {
    SUBJECT: (governance_policies, spend_limits, license_requests),
    "granted": (people,),
    "declined": (people,),
}
