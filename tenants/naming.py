"""How the journal reads the ids of people."""

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from django.db.models import F, Q
from django.urls import reverse

from tenants.delivery.models import Job
from tenants.delivery.webhooks.models import WebhookEndpoint
from tenants.directory.delegations import Delegation
from tenants.directory.models import Department, Membership, Tenant
from tenants.journal.naming import ACTOR, SUBJECT, Named, Names, uuids
from tenants.runs.models import Run


def people(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = Membership.objects.filter(pk__in=uuids(ids)).select_related("user")
    if tenant is not None:
        found = found.of(tenant)
    return {str(member.pk): Named(str(member)) for member in found}


def users(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    """
    By the name that the acting tenant typed; its partners' people by their own and for whom they act, also when that
    is over. Somebody from elsewhere stays an address.
    """
    if tenant is None:
        return {}
    found = Membership.objects.of(tenant).filter(user__in=uuids(ids)).select_related("user")
    names = {str(member.user_id): Named(str(member)) for member in found}
    strangers = set(ids) - set(names)
    return {**_partners_people(tenant, strangers), **names} if strangers else names


def _partners_people(tenant: Tenant, ids: Collection[str]) -> Mapping[str, Named]:
    partners = Delegation.objects.of(tenant).filter(accepted_at__isnull=False).values("partner")
    found = Membership.objects.members().filter(user__in=uuids(ids), tenant__in=partners)
    return {
        str(member.user_id): Named(f"{member} ({member.tenant})") for member in found.select_related("user", "tenant")
    }


def delegations(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    """With the names of both sides: the customer and the partner know of each other."""
    found = Delegation.objects.filter(pk__in=uuids(ids)).with_names()
    if tenant is not None:
        found = found.between(tenant)
    return {str(delegation.pk): Named(str(delegation)) for delegation in found}


def partners(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    """Those to whom the tenant has granted something, and those that have let it in."""
    found = Delegation.objects.filter(Q(partner__in=uuids(ids)) | Q(tenant__in=uuids(ids))).with_names()
    if tenant is not None:
        found = found.between(tenant)
    names = {}
    # A partner that has accepted once is known by its name from then on.
    for delegation in found.order_by(F("accepted_at").asc(nulls_first=True)):
        names[str(delegation.tenant_id)] = Named(delegation.tenant.name)
        names[str(delegation.partner_id)] = Named(delegation.partner_name)
    return names


def departments(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = Department.objects.filter(pk__in=uuids(ids))
    if tenant is not None:
        found = found.filter(tenant=tenant)
    return {str(department.pk): Named(department.name) for department in found}


def jobs(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    """For operators alone, as their pages are."""
    if tenant is not None:
        return {}
    return {str(job.pk): Named(job.name) for job in Job.objects.filter(pk__in=uuids(ids))}


def runs(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = Run.objects.filter(pk__in=uuids(ids))
    if tenant is not None:
        found = found.of(tenant)
    return {str(run.pk): Named(str(run), reverse("admin:tenants_run_change", args=[run.pk])) for run in found}


def webhooks(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    """By their host alone: the rest of an address may be a secret."""
    found = WebhookEndpoint.objects.filter(pk__in=uuids(ids))
    if tenant is not None:
        found = found.of(tenant)
    return {str(endpoint.pk): Named(urlsplit(endpoint.url).netloc) for endpoint in found}


NAMES: Names = {
    SUBJECT: (people, departments, jobs, runs, delegations, partners, webhooks),
    "member": (people,),
    "members": (people,),
    "to_member": (people,),
    "department": (departments,),
    "asked_by": (users,),
    "partner": (partners,),
    "customer": (partners,),
    ACTOR: (users,),
}
