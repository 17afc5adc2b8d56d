"""How the journal reads the ids of data and access policies, of spend limits, licence requests and exclusions."""

from collections.abc import Collection, Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from policies.models import Exclusion, GovernancePolicy, LicenseRequest, SpendLimit
from tenants.directory.models import Tenant
from tenants.journal.models import Event
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


def exclusions(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    """The operator's alone: an organisation reads of them where they hit it."""
    if tenant is not None:
        return {}
    found = {
        str(exclusion.pk): Named(
            _("Exclusion: %(exclusion)s") % {"exclusion": exclusion.called},
            reverse("admin:policies_exclusion_change", args=[exclusion.pk]),
        )
        for exclusion in Exclusion.objects.filter(pk__in=uuids(ids)).select_related("family", "product")
    }
    return {**_taken_back(set(ids) - set(found)), **found}


def _taken_back(ids: Collection[str]) -> Mapping[str, Named]:
    """What is not there any more is called by what it said last."""
    removed = Event.objects.filter(type="exclusion.removed", subject__in=[str(pk) for pk in uuids(ids)])
    return {
        event.subject: Named(_("Exclusion: %(exclusion)s") % {"exclusion": _terms(event.data["old"])})
        for event in removed
    }


def _terms(said: Mapping[str, Any]) -> str:
    named = (said.get(name) for name in ("sector", "country", "family", "product"))
    return " · ".join(str(part) for part in named if part)


NAMES: Names = {
    SUBJECT: (governance_policies, spend_limits, license_requests, exclusions),
    "granted": (people,),
    "declined": (people,),
}
