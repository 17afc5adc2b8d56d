"""How the journal reads the ids of people."""

from collections.abc import Collection, Mapping

from tenants.directory.models import Department, Membership, Tenant
from tenants.journal.naming import ACTOR, SUBJECT, Named, Names, uuids


def people(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = Membership.objects.filter(pk__in=uuids(ids)).select_related("user")
    if tenant is not None:
        found = found.of(tenant)
    return {str(member.pk): Named(str(member)) for member in found}


def users(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    """By the name that the acting tenant typed; somebody from elsewhere stays an address."""
    if tenant is None:
        return {}
    found = Membership.objects.of(tenant).filter(user__in=uuids(ids)).select_related("user")
    return {str(member.user_id): Named(str(member)) for member in found}


def departments(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = Department.objects.filter(pk__in=uuids(ids))
    if tenant is not None:
        found = found.filter(tenant=tenant)
    return {str(department.pk): Named(department.name) for department in found}


NAMES: Names = {
    SUBJECT: (people, departments),
    "member": (people,),
    "members": (people,),
    "department": (departments,),
    "asked_by": (users,),
    ACTOR: (users,),
}
