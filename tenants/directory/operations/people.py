"""People and their place in an organisation."""

from datetime import date, datetime
from functools import cache
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from tenants.access import Actor, Right
from tenants.delivery import jobs
from tenants.directory.models import (
    Department,
    Domain,
    MemberKind,
    Membership,
    MemberSource,
    MemberState,
    Tenant,
    User,
)
from tenants.directory.operations import roles
from tenants.directory.operations.organisations import lock
from tenants.journal import events
from tenants.refusal import BadInput, Refused
from tenants.text import require_one_line

DEMO_PASSWORD = "seatwise-demo"  # noqa: S105 (public: it is in the README)


class MemberExists(Refused):
    """In the tenant already, a member somewhere else, or of the vendor: the answer does not tell which."""

    message = _("This e-mail address cannot be added: it belongs to somebody already.")


class OperatorExists(Refused):
    message = _("This e-mail address belongs to somebody already.")


@transaction.atomic
def add_member(
    *,
    tenant: Tenant,
    email: str,
    by: Actor,
    at: datetime,
    name: str = "",
    kind: str = MemberKind.MEMBER,
    department: Department | None = None,
    state: str = MemberState.ACTIVE,
    source: str = MemberSource.CLOUD,
    away_until: date | None = None,
) -> Membership:
    """
    Make a person a member, by an address of a verified domain, or a guest, by any address.

    :raises NotAllowed: without the right to manage the people of this tenant
    :raises BadInput: a member's address is of no verified domain of the tenant, or a guest's is of one
    :raises MemberExists: the person is in the tenant already, or a member somewhere else
    """
    by.require_in(tenant, Right.MANAGE_PEOPLE)
    email = email.lower()
    require_one_line(name, field="name")
    own = owns_domain_of(tenant, email)
    if kind == MemberKind.GUEST and own:
        raise BadInput(
            _("An address of a verified domain of the organisation is a member's, not a guest's."),
            field="kind",
            code="domain_is_your_own",
        )
    if kind == MemberKind.MEMBER and not own:
        raise BadInput(
            _("Members have an address of a verified domain of the organisation; all others are guests."),
            field="email",
            code="domain_not_verified",
        )
    user, is_new = User.objects.get_or_create(email=email, defaults={"password": make_password(None), "created_at": at})
    if user.is_operator:
        raise MemberExists
    try:
        with transaction.atomic():
            membership = Membership.objects.create(
                tenant=tenant,
                user=user,
                name=name,
                kind=kind,
                department=department,
                state=state,
                source=source,
                away_until=None if kind == MemberKind.GUEST else away_until,
                created_at=at,
            )
    except IntegrityError as error:
        # once per tenant, and one home for each person: the constraints decide, so that a race is refused alike
        raise MemberExists from error
    if is_new or not membership.is_guest:
        take_in(user, membership)
    events.record(
        "member.added", tenant=tenant, by=by, at=at, subject=membership.pk, kind=kind, state=state, source=source
    )
    return membership


def owns_domain_of(tenant: Tenant, email: str) -> bool:
    return Domain.objects.of(tenant).verified().filter(name=email.rpartition("@")[2]).exists()


def take_in(user: User, membership: Membership) -> None:
    """
    The home tenant names its person. What a tenant's guest was called or could sign in with is not the home's word.

    A demo tenant's people get the demo password; a person who finds a real home loses it.
    """
    if not membership.is_guest:
        user.name = membership.name
    if membership.tenant.is_demo and not user.has_usable_password():
        user.password, user.is_demo = demo_password_hash(), True
    elif user.is_demo and not membership.tenant.is_demo and not membership.is_guest:
        user.password, user.is_demo = make_password(None), False
    user.save(update_fields=["name", "password", "is_demo"])


@cache
def demo_password_hash() -> str:
    """One for everybody: everybody knows the password, and hashing it for each would slow the start of a demo."""
    return make_password(DEMO_PASSWORD)


@transaction.atomic
def change_member(*, membership: Membership, by: Actor, at: datetime, **changes: Any) -> Membership:
    """
    Change `name`, `department`, `state`, `source` or `away_until`; of a guest only `department` and `state`.

    Whoever is disabled or has left loses sessions and tokens at their next request, which asks for the state.

    :raises NotAllowed: without the right to manage the people of this tenant, or one with a role they do not hold
    :raises BadInput: not the tenant's to change
    :raises LastGlobalAdmin: nobody would be left to administer the tenant
    """
    by.require_in(membership.tenant, Right.MANAGE_PEOPLE)
    require_one_line(changes.get("name", ""), field="name")
    lock(membership.tenant)
    membership = Membership.objects.select_related("tenant", "user", "department").get(pk=membership.pk)
    roles.require_manageable(membership, by)
    # Whoever leaves comes back from no leave.
    changes |= {"away_until": None} if changes.get("state") == MemberState.LEFT else {}
    changed = [name for name, value in changes.items() if getattr(membership, name) != value]
    if not changed:
        return membership
    for name in changed:
        if membership.is_guest and name not in ("department", "state"):
            raise BadInput(_("Only a guest's own organisation changes this."), field=name, code="not_yours_to_change")
    was_active = membership.is_active
    if "state" in changed and was_active:
        roles.keep_a_global_admin(membership)
    before = codes_of(membership)
    for name in changed:
        setattr(membership, name, changes[name])
    membership.save(update_fields=changed)
    if "name" in changed:
        User.objects.filter(pk=membership.user_id).update(name=membership.name)
    after = codes_of(membership)
    told = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    events.record(
        "member.changed", tenant=membership.tenant, by=by, at=at, subject=membership.pk, fields=changed, changes=told
    )
    if membership.is_active != was_active:
        _tell_of_leaving(membership, by=by, at=at)
    return membership


def _tell_of_leaving(membership: Membership, *, by: Actor, at: datetime) -> None:
    """What they hold and pay for is looked after by whoever knows of it."""
    type = "member.returned" if membership.is_active else "member.left"
    events.record(type, tenant=membership.tenant, by=by, at=at, subject=membership.pk, state=membership.state)
    jobs.enqueue("commerce.after_leaving", member_id=str(membership.pk))


def codes_of(membership: Membership) -> dict[str, str | None]:
    """What the journal may keep: never a name."""
    department = str(membership.department_id) if membership.department_id else None
    away_until = membership.away_until.isoformat() if membership.away_until else None
    return {
        "state": membership.state,
        "source": membership.source,
        "department": department,
        "away_until": away_until,
    }


@transaction.atomic
def add_operator(*, email: str, name: str, by: Actor, at: datetime, is_demo: bool = False) -> User:
    """
    Somebody of the vendor's staff, of no tenant. In a demo they sign in with the demo's password, else with none yet.

    :raises NotAllowed: neither an operator nor the system
    :raises OperatorExists: the address is somebody's
    """
    by.require_operator()
    user, is_new = User.objects.get_or_create(
        email=email.lower(),
        defaults={
            "name": name,
            "is_operator": True,
            "is_demo": is_demo,
            "password": demo_password_hash() if is_demo else make_password(None),
            "created_at": at,
        },
    )
    if not is_new:
        raise OperatorExists
    events.record("operator.added", tenant=None, by=by, at=at, subject=user.pk)
    return user
