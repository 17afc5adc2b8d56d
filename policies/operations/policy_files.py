"""Policies of tenants as a file: what it would change, made at once, and written from what holds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import yaml
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from licensing.files import Problems
from licensing.models import Family, Product
from policies import policy_file
from policies.models import Policy, PolicyValue
from policies.operations import following, leavers, settings, values
from policies.operations.following import Following
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import SCOPED_BY, Scope
from policies.policy_file import DEFAULT, ENABLED, GRACE, LEAVERS, TEXTS, WISHES, TenantEntry, ValueEntry
from tenants.access import Actor, Right
from tenants.directory.models import Department, Membership, Tenant
from tenants.directory.operations import organisations
from tenants.refusal import BadInput, Refused
from tenants.text import checked_reason

Key = tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """
    Something that the file says otherwise than it is. `new` is none where a value is taken back. `scope`: whom and what
    a value is for; none of a setting.
    """

    what: str
    old: Any
    new: Any
    scope: Scope | None = None


@dataclass(kw_only=True)
class TenantPlan:
    """
    What the file would change of a tenant, the products whose value becomes another one since they follow what is said
    for more than them, and how many values it leaves alone since it does not name them.
    """

    tenant: Tenant
    settings: dict[str, Any] = field(default_factory=dict)
    said: list[tuple[Scope, str]] = field(default_factory=list)
    removed: list[Policy] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    following: Sequence[Following] = ()
    kept: int = 0


class ChangedMeanwhile(Refused):
    message = gettext_lazy("This has changed since you looked. Nothing was changed.")


def plan(*, text: str, name: str, prune: bool = False, by: Actor, at: datetime) -> list[TenantPlan]:
    """
    What `apply` would change; writes nothing. Values for a time are no part of files.

    :raises FileRefused: something in the file is wrong; every problem with its line
    :raises NotAllowed: neither an operator nor someone who may change the tenants' policies
    """
    return [_plan(tenant, scopes, entry, prune, at) for tenant, scopes, entry in _resolved(text, name, by)]


@transaction.atomic
def apply(
    *, text: str, name: str, reason: str = "", prune: bool = False, shown: str = "", by: Actor, at: datetime
) -> list[TenantPlan]:
    """
    Make what the file says hold, of all its tenants or of none. What it does not name stays, or is taken back with
    `prune`. Twice changes nothing. Returns what was changed. `shown`: the mark of what somebody read that it would.

    :raises ChangedMeanwhile: it would change something else than was shown
    :raises FileRefused: something in the file is wrong; every problem with its line
    :raises NotAllowed: neither an operator nor someone who may change the tenants' policies
    :raises BadInput: a reason that cannot be kept, or a text of the settings that cannot be
    """
    reason = checked_reason(reason or _("Applied from %(file)s") % {"file": name})
    resolved = _resolved(text, name, by)
    # In the order of keys, so that two files with the same tenants wait for each other, not both for ever.
    for tenant in sorted((tenant for tenant, *_rest in resolved), key=lambda tenant: tenant.pk):
        organisations.lock(tenant)
    plans = [_plan(tenant, scopes, entry, prune, at) for tenant, scopes, entry in resolved]
    if shown and shown != mark_of(plans):
        raise ChangedMeanwhile
    for made in plans:
        _make(made, reason, by=by, at=at)
    return plans


def mark_of(plans: Sequence[TenantPlan]) -> str:
    """What would change, in short."""
    told = [
        [
            *((each.what, each.old, each.new) for each in made.differences),
            *((each.product.pk, each.old, each.new) for each in made.following),
        ]
        for made in plans
    ]
    return sha256(repr(told).encode()).hexdigest()


def export(*, tenant: Tenant, by: Actor) -> dict[str, Any]:
    """
    What a tenant says, in the shape of a file.

    :raises NotAllowed: neither an operator nor someone who may read this tenant's policies
    """
    by.require_in(tenant, Right.READ_POLICY)
    now = settings.of(tenant)
    told: dict[str, Any] = {DEFAULT: now.default_for_new_products, ENABLED: now.self_service_enabled}
    # Also those that are empty: a text that somebody adds later is a drift too.
    told |= {name: getattr(now, name) for name in (*TEXTS, *WISHES, LEAVERS, GRACE)}
    parts: dict[str, Any] = defaultdict(dict)
    for row in _standing(tenant).values():
        if Scope.of(row) != Scope():
            _write(parts, row)
    order = ("products", "families", "departments", "people")
    return {"tenants": {tenant.slug: {**told, **{part: _sorted(parts[part]) for part in order if part in parts}}}}


def as_text(exported: Mapping[str, Any]) -> str:
    return yaml.safe_dump(exported, sort_keys=False, allow_unicode=True, width=10_000)


def _write(parts: dict[str, Any], row: Policy) -> None:
    below = parts
    if row.member is not None:
        below = parts["people"].setdefault(row.member.user.email, {})
    elif row.department is not None:
        below = parts["departments"].setdefault(row.department.name, {})
    if row.product_id:
        below.setdefault("products", {})[row.product_id] = row.value
    elif row.family_id:
        below.setdefault("families", {})[row.family_id] = row.value
    else:
        below["default"] = row.value


def _sorted(part: Any) -> Any:
    return {name: _sorted(part[name]) for name in sorted(part)} if isinstance(part, dict) else part


def _resolved(text: str, name: str, by: Actor) -> list[tuple[Tenant, list[Scope], TenantEntry]]:
    problems = Problems(name)
    entries = policy_file.parse(text, problems, values=PolicyValue.values)
    tenants = {tenant.slug: tenant for tenant in Tenant.objects.filter(slug__in=[entry.slug for entry in entries])}
    said = [value for entry in entries for value in entry.values]
    products = Product.objects.in_bulk({value.product for value in said if value.product})
    families = Family.objects.in_bulk({value.family for value in said if value.family})
    found = []
    for entry in entries:
        tenant = tenants.get(entry.slug)
        if tenant is None:
            problems.add(entry.line, _("There is no tenant %(name)r.") % {"name": entry.slug[:80]})
            continue
        by.require_in(tenant, Right.CHANGE_POLICY)
        _check_settings(entry, problems)
        people = _People(tenant, entry.values)
        scopes = [people.scope(value, products, families, problems) for value in entry.values]
        found.append((tenant, scopes, entry))
    problems.refuse_if_any()
    return found


def _check_settings(entry: TenantEntry, problems: Problems) -> None:
    try:
        settings.check_texts(**{name: entry.settings[name] for name in TEXTS if name in entry.settings})
        leavers.check(default=entry.settings.get(LEAVERS), grace_days=entry.settings.get(GRACE))
    except BadInput as bad:
        problems.add(entry.lines.get(bad.field, entry.line), f"{bad.field}: {bad}")


class _People:
    """The departments and members that a tenant's part of a file names; two queries."""

    def __init__(self, tenant: Tenant, said: Iterable[ValueEntry]) -> None:
        names = {value.department for value in said if value.department}
        emails = [value.person for value in said if value.person]
        self.departments = {d.name: d for d in Department.objects.filter(tenant=tenant, name__in=names)}
        members = Membership.objects.of(tenant).members().by_email(emails).select_related("user", "tenant")
        self.members = {member.user.email: member for member in members}

    def scope(
        self,
        value: ValueEntry,
        products: Mapping[str, Product],
        families: Mapping[str, Family],
        problems: Problems,
    ) -> Scope:
        asked: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
            ("member", value.person, self.members),
            ("department", value.department, self.departments),
            ("product", value.product, products),
            ("family", value.family, families),
        )
        named = {}
        for column, name, known in asked:
            if name and name not in known:
                problems.add(value.line, str(_NONE[column]) % {"name": name[:80]})
            elif name:
                named[column] = known[name]
        return Scope(**named)


def _plan(tenant: Tenant, scopes: Sequence[Scope], entry: TenantEntry, prune: bool, at: datetime) -> TenantPlan:
    made = TenantPlan(tenant=tenant)
    now = settings.of(tenant)
    for name, wanted in entry.settings.items():
        if getattr(now, name) != wanted:
            made.settings[name] = wanted
            made.differences.append(Difference(what=name, old=getattr(now, name), new=wanted))
    held = _standing(tenant)
    named = {_key(scope): (scope, value) for scope, value in zip(scopes, entry.values, strict=True)}
    for key, (scope, value) in named.items():
        row = held.get(key)
        if row is None or row.value != value.value:
            made.said.append((scope, value.value))
            old = row.value if row else None
            made.differences.append(Difference(what=value.name, old=old, new=value.value, scope=scope))
    everything = _key(Scope())
    others = {
        key: row
        for key, row in held.items()
        if key not in named and not (key == everything and DEFAULT in entry.settings)
    }
    if prune:
        made.removed = list(others.values())
        made.differences += [
            Difference(what=_name(row), old=row.value, new=None, scope=Scope.of(row)) for row in made.removed
        ]
    else:
        made.kept = len(others)
    made.following = _following(made, at)
    return made


def _following(made: TenantPlan, at: datetime) -> Sequence[Following]:
    """Nothing is asked where the file says nothing for more than one product."""
    new = [NewValue(scope=scope, value=value) for scope, value in made.said]
    if DEFAULT in made.settings:
        new.append(NewValue(scope=Scope(), value=made.settings[DEFAULT]))
    every = [scope for scope in (*(each.scope for each in new), *map(Scope.of, made.removed)) if not scope.of_people]
    if all(scope.product for scope in every):
        return ()
    change = Change(values=new, removed=frozenset(row.pk for row in made.removed))
    named = frozenset(scope.product.pk for scope in every if scope.product)
    return following.of(made.tenant, change, named=named, at=at)


def _make(made: TenantPlan, reason: str, *, by: Actor, at: datetime) -> None:
    together: dict[tuple[str, bool], list[Scope]] = defaultdict(list)
    for scope, value in made.said:
        together[value, scope.of_people].append(scope)
    for (value, _of_people), scopes in together.items():
        values.apply(tenant=made.tenant, scopes=scopes, value=value, reason=reason, by=by, at=at)
    for row in made.removed:
        values.remove(policy=row, reason=reason, by=by, at=at)
    # Last, so that the journal says of each value above what held there before the file.
    if made.settings:
        settings.change(tenant=made.tenant, reason=reason, by=by, at=at, **made.settings)


def _standing(tenant: Tenant) -> dict[Key, Policy]:
    rows = Policy.objects.of(tenant).standing().select_related("member__user", "department", "product", "family")
    return {tuple(getattr(row, f"{name}_id") for name in SCOPED_BY): row for row in rows.order_by("pk")}


def _key(scope: Scope) -> Key:
    return tuple(scope.ids.get(name) for name in SCOPED_BY)


def _name(row: Policy) -> str:
    """As the file would name it."""
    people = row.member.user.email if row.member else row.department.name if row.department else ""
    named = [part for part in (people, row.product_id or row.family_id or "") if part]
    return " / ".join(named) or DEFAULT


_NONE = {
    "member": gettext_lazy("There is no member %(name)r."),
    "department": gettext_lazy("There is no department %(name)r."),
    "product": gettext_lazy("There is no product %(name)r."),
    "family": gettext_lazy("There is no family %(name)r."),
}
