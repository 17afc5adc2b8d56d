"""Data and access policies: set, changed and removed, each with its old and new value in the journal."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from licensing.models import Family, Product
from policies.models import GovernanceKind, GovernancePolicy, GovernanceScope
from tenants.access import Actor, Right
from tenants.directory.models import Department, Tenant
from tenants.directory.operations import organisations
from tenants.journal import events
from tenants.refusal import BadInput, Refused
from tenants.text import checked_reason, require_length, require_one_line

LONGEST_NAME = 100
MOST_NAMED = 200
MOST_SETTINGS = 20
LONGEST_SETTING_NAME = 60
LONGEST_SETTING = 500


class GovernancePolicyGone(Refused):
    message = _("Somebody has removed this policy meanwhile.")


class GovernancePolicyExists(Refused):
    message = _("The organisation has a data or access policy of that name already.")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a policy says. `families` and `products` are ids; both empty: it is for all products."""

    name: str
    kind: str
    families: Sequence[str] = ()
    products: Sequence[str] = ()
    departments: Sequence[Department] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    acknowledge: bool = False

    @classmethod
    def of(cls, policy: GovernancePolicy) -> "Terms":
        return cls(
            name=policy.name,
            kind=policy.kind,
            families=policy.families,
            products=policy.products,
            departments=policy.departments,
            settings=policy.settings,
            acknowledge=policy.acknowledge,
        )

    @property
    def is_access(self) -> bool:
        return self.kind == GovernanceKind.ACCESS

    @property
    def columns(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "settings": dict(self.settings),
            "acknowledge": self.acknowledge,
        }

    @property
    def scopes(self) -> dict[str, list[str]]:
        return {
            "families": list(self.families),
            "products": list(self.products),
            "departments": [str(department.pk) for department in self.departments],
        }

    @property
    def told(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return self.columns | self.scopes


@transaction.atomic
def add(*, tenant: Tenant, terms: Terms, reason: str = "", by: Actor, at: datetime) -> GovernancePolicy:
    """
    Say where data of products is kept, for how long, with whom it is shared or what must not leave; or turn products
    off (`access` without departments), or limit them to departments and those below. It holds for what was bought, too.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    :raises BadInput: terms that cannot be, or that name what is not there
    :raises GovernancePolicyExists: the tenant has one of that name
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    terms, reason = checked(tenant, terms), checked_reason(reason, optional=True)
    organisations.lock(tenant)
    _require_name(tenant, terms)
    author = {"reason": reason, "set_by": by.user, "set_at": at}
    policy = GovernancePolicy.objects.create(tenant=tenant, **terms.columns, **author, created_at=at)
    _write_scopes(policy, terms)
    _record("set", policy, by=by, at=at, old=None, new=terms.told, reason=reason)
    return policy


@transaction.atomic
def change(*, policy: GovernancePolicy, reason: str = "", by: Actor, at: datetime, **changes: Any) -> GovernancePolicy:
    """
    Change what a policy says: what is left out of `changes` stays. The same again changes nothing.

    :raises NotAllowed: :raises BadInput: :raises GovernancePolicyExists: as `add`
    :raises GovernancePolicyGone: somebody has removed it meanwhile
    """
    by.require_in(policy.tenant, Right.CHANGE_POLICY)
    organisations.lock(policy.tenant)
    found = GovernancePolicy.objects.locked().filter(pk=policy.pk).first()
    if found is None:
        raise GovernancePolicyGone
    policy, before = found, Terms.of(found)
    terms, reason = checked(policy.tenant, replace(before, **changes)), checked_reason(reason, optional=True)
    if terms.told == before.told:
        return policy
    _require_name(policy.tenant, terms, besides=policy)
    for name, value in terms.columns.items():
        setattr(policy, name, value)
    policy.reason, policy.set_by, policy.set_at, policy.version = reason, by.user, at, policy.version + 1
    policy.save()
    policy.scopes.all().delete()
    _write_scopes(policy, terms)
    _record("changed", policy, by=by, at=at, old=before.told, new=terms.told, reason=reason)
    return policy


@transaction.atomic
def remove(*, policy: GovernancePolicy, reason: str = "", by: Actor, at: datetime) -> None:
    """
    Say it no longer. Who acknowledged it stays on record. Removed already: nothing changes.

    :raises NotAllowed: :raises BadInput: as `add`
    """
    by.require_in(policy.tenant, Right.CHANGE_POLICY)
    reason = checked_reason(reason, optional=True)
    organisations.lock(policy.tenant)
    found = GovernancePolicy.objects.locked().filter(pk=policy.pk).first()
    if found is not None:
        _record("removed", found, by=by, at=at, old=Terms.of(found).told, new=None, reason=reason)
        found.delete()


def checked(tenant: Tenant, terms: Terms) -> Terms:
    """:raises BadInput: what no policy can say, or what is not there"""
    if terms.kind not in GovernanceKind.values:
        known = {"known": ", ".join(GovernanceKind.values)}
        raise BadInput(_("Use one of these: %(known)s.") % known, field="kind", code="invalid_choice")
    if terms.departments and not terms.is_access:
        raise BadInput(_("Only an access policy names departments."), field="departments", code="not_of_this_kind")
    if terms.acknowledge and terms.is_access:
        raise BadInput(_("Only data policies are acknowledged."), field="acknowledge", code="not_of_this_kind")
    if any(department.tenant_id != tenant.pk for department in terms.departments):
        raise BadInput(_("There is no such department."), field="departments", code="does_not_exist")
    _bound("departments", terms.departments, MOST_NAMED)
    return replace(
        terms,
        name=_text(terms.name, LONGEST_NAME, "name"),
        families=_known("families", terms.families, Family.objects.values_list("pk", flat=True)),
        products=_known("products", terms.products, Product.objects.values_list("pk", flat=True)),
        departments=sorted(set(terms.departments), key=lambda department: department.name),
        settings=_settings(terms.settings),
    )


def _settings(given: Mapping[str, str]) -> dict[str, str]:
    _bound("settings", given, MOST_SETTINGS)
    settings = {}
    for name, text in given.items():
        if not isinstance(text, str):
            raise BadInput(_("Use texts."), field="settings", code="invalid")
        settings[_text(name, LONGEST_SETTING_NAME, "settings")] = _text(text, LONGEST_SETTING, "settings")
    return settings


def _text(text: str, longest: int, field: str) -> str:
    text = text.strip()
    if not text:
        raise BadInput(_("Type a text."), field=field, code="blank")
    require_length(text, longest, field=field)
    require_one_line(text, field=field)
    return text


def _known(field: str, given: Collection[str], rows: Any) -> list[str]:
    """The ids, each once."""
    _bound(field, given, MOST_NAMED)
    wanted = sorted(set(given))
    if wanted and rows.filter(pk__in=wanted).count() != len(wanted):
        raise BadInput(_("There is no such thing."), field=field, code="does_not_exist")
    return wanted


def _bound(field: str, given: Collection[Any], most: int) -> None:
    if len(given) > most:
        raise BadInput(_("Use at most %(most)s.") % {"most": most}, field=field, code="too_many")


def _require_name(tenant: Tenant, terms: Terms, *, besides: GovernancePolicy | None = None) -> None:
    same = GovernancePolicy.objects.of(tenant).filter(name=terms.name)
    if (same.exclude(pk=besides.pk) if besides else same).exists():
        raise GovernancePolicyExists(field="name")


def _write_scopes(policy: GovernancePolicy, terms: Terms) -> None:
    named: list[dict[str, Any]] = [
        *({"family_id": pk} for pk in terms.families),
        *({"product_id": pk} for pk in terms.products),
        *({"department": department} for department in terms.departments),
    ]
    GovernanceScope.objects.bulk_create(
        GovernanceScope(tenant_id=policy.tenant_id, policy=policy, **columns) for columns in named
    )


def _record(what: str, policy: GovernancePolicy, *, by: Actor, at: datetime, **told: Any) -> None:
    events.record(f"governance.{what}", tenant=policy.tenant, by=by, at=at, subject=policy.pk, **told)
