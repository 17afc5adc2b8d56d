"""Spend limits: set, changed and removed, each with its old and new value in the journal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from babel.core import get_global
from babel.numbers import get_currency_precision
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from licensing.models import Product
from policies import costs
from policies.models import Counted, LimitLevel, LimitMode, Period, SpendLimit
from tenants.access import Actor, Right
from tenants.delivery import jobs
from tenants.directory.models import Department, Membership, Tenant
from tenants.directory.operations import organisations
from tenants.journal import events
from tenants.journal.naming import uuids
from tenants.refusal import BadInput, Refused
from tenants.text import LONGEST_REASON, checked

MOST = Decimal(10) ** 9


class SpendLimitGone(Refused):
    message = _("Somebody has ended this limit meanwhile.")


class SpendLimitExists(Refused):
    message = _("There is such a limit already. Change that one.")


class NotTheTenantsCurrency(BadInput):
    """Purchases are weighed in the currency that they cost; a limit in another one would stand in the way of all."""

    def __init__(self, currency: str) -> None:
        message = _("Your organisation buys in %(currency)s. Use that.") % {"currency": currency}
        super().__init__(message, field="amount.currency", code="not_the_tenants_currency")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a limit says, but for whom and what it limits."""

    period: str
    amount: Decimal
    currency: str
    mode: str = LimitMode.HARD
    counts: Sequence[str] = (Counted.SELF_SERVICE,)

    @classmethod
    def of(cls, limit: SpendLimit) -> "Terms":
        counts = tuple(limit.counts)
        return cls(period=limit.period, amount=limit.amount, currency=limit.currency, mode=limit.mode, counts=counts)


@transaction.atomic
def add(
    *, tenant: Tenant, level: str, scope_id: str = "", terms: Terms, reason: str = "", by: Actor, at: datetime
) -> SpendLimit:
    """
    Limit what a tenant, a department with those below it, a person or a product may cost. What was bought and its
    renewals count already. `scope_id` is the department's, the member's or the product's.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    :raises BadInput: terms that cannot be, or a scope that is not there
    :raises NotTheTenantsCurrency: the tenant buys in another one
    :raises SpendLimitExists: there is one for the same scope, period and mode
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    terms, reason = _checked(terms), _plain(reason)
    _require_currency(tenant, terms)
    organisations.lock(tenant)
    named = _scope(tenant, level, scope_id)
    _require_only(tenant, named, terms)
    limit = SpendLimit.objects.create(
        tenant=tenant, level=level, **named, **_columns(terms), **_author(reason, by, at), created_at=at
    )
    _record("set", limit, by=by, at=at, new=_told(terms), reason=reason)
    jobs.enqueue("policies.tell_spend_limits", tenant_id=str(tenant.pk))
    return limit


@transaction.atomic
def change(*, limit: SpendLimit, reason: str = "", by: Actor, at: datetime, **changes: Any) -> SpendLimit:
    """
    Change a limit's terms: what is left out of `changes` stays. The same again changes nothing. One that has another
    currency than the tenant buys in by now may keep it.

    :raises NotAllowed: :raises BadInput: :raises SpendLimitExists: :raises NotTheTenantsCurrency: as `add`
    :raises SpendLimitGone: somebody has ended it meanwhile
    """
    by.require_in(limit.tenant, Right.CHANGE_POLICY)
    organisations.lock(limit.tenant)
    limit = _still_there(limit)
    before = Terms.of(limit)
    terms, reason = _checked(replace(before, **changes)), _plain(reason)
    if terms.currency != before.currency:
        _require_currency(limit.tenant, terms)
    if _told(terms) == _told(before):
        return limit
    named = {name: getattr(limit, name) for name in ("department", "member", "product")}
    _require_only(limit.tenant, named, terms, besides=limit)
    for name, value in (_columns(terms) | _author(reason, by, at)).items():
        setattr(limit, name, value)
    limit.save()
    _record("changed", limit, by=by, at=at, old=_told(before), new=_told(terms), reason=reason)
    jobs.enqueue("policies.tell_spend_limits", tenant_id=str(limit.tenant_id))
    return limit


@transaction.atomic
def remove(*, limit: SpendLimit, reason: str = "", by: Actor, at: datetime) -> None:
    """
    Limit it no longer.

    :raises NotAllowed: :raises BadInput: as `add`
    :raises SpendLimitGone: somebody has ended it meanwhile
    """
    by.require_in(limit.tenant, Right.CHANGE_POLICY)
    reason = _plain(reason)
    organisations.lock(limit.tenant)
    limit = _still_there(limit)
    _record("removed", limit, by=by, at=at, old=_told(Terms.of(limit)), reason=reason)
    limit.delete()


def _require_currency(tenant: Tenant, terms: Terms) -> None:
    currency = costs.currency_of(tenant)
    if terms.currency != currency:
        raise NotTheTenantsCurrency(currency)


def _still_there(limit: SpendLimit) -> SpendLimit:
    """:raises SpendLimitGone: another admin was faster; the caller holds the tenant's lock"""
    found = SpendLimit.objects.locked().filter(pk=limit.pk).first()
    if found is None:
        raise SpendLimitGone
    return found


def _record(what: str, limit: SpendLimit, *, by: Actor, at: datetime, **told: Any) -> None:
    scope = {"level": limit.level, limit.level: limit.scope_id} if limit.scope_id else {"level": limit.level}
    events.record(f"spend_limit.{what}", tenant=limit.tenant, by=by, at=at, subject=limit.pk, **scope, **told)


def _scope(tenant: Tenant, level: str, scope_id: str) -> dict[str, Any]:
    """The row that is limited, by its field; nothing for the whole tenant."""
    if level not in LimitLevel.values:
        raise BadInput(_("There is no such level."), field="scope.level", code="invalid_choice")
    if level == LimitLevel.TENANT:
        if scope_id:
            raise BadInput(_("The whole organisation has no id here."), field="scope.id", code="invalid")
        return {}
    found: Department | Membership | Product | None
    if level == LimitLevel.PRODUCT:
        found = Product.objects.filter(pk=scope_id).first()
    else:
        rows = (
            Department.objects.filter(tenant=tenant)
            if level == LimitLevel.DEPARTMENT
            else (Membership.objects.of(tenant).members())
        )
        found = rows.filter(pk__in=uuids([scope_id])).first()
    if found is None:
        raise BadInput(_("It does not exist."), field="scope.id", code="does_not_exist")
    return {level: found}


def _require_only(tenant: Tenant, named: Mapping[str, Any], terms: Terms, *, besides: SpendLimit | None = None) -> None:
    scope = {name: named.get(name) for name in ("department", "member", "product")}
    same = SpendLimit.objects.of(tenant).filter(**scope, period=terms.period, mode=terms.mode)
    if (same.exclude(pk=besides.pk) if besides else same).exists():
        raise SpendLimitExists


def _checked(terms: Terms) -> Terms:
    """:raises BadInput: what no limit can be"""
    for field, value, known in (("period", terms.period, Period.values), ("mode", terms.mode, LimitMode.values)):
        if value not in known:
            told = {"known": ", ".join(known)}
            raise BadInput(_("Use one of these: %(known)s.") % told, field=field, code="invalid_choice")
    counts = [kind for kind in Counted.values if kind in terms.counts]
    if not counts or set(terms.counts) - set(counts):
        told = {"known": ", ".join(Counted.values)}
        raise BadInput(_("Count at least one of these: %(known)s.") % told, field="counts", code="invalid_choice")
    if terms.currency not in get_global("all_currencies"):
        raise BadInput(_("There is no such currency."), field="amount.currency", code="invalid_choice")
    digits = get_currency_precision(terms.currency)
    if not 0 <= terms.amount < MOST or terms.amount != round(terms.amount, digits):
        raise BadInput(_("This is no amount of this currency."), field="amount.amount", code="invalid")
    return replace(terms, counts=tuple(counts))


def _plain(reason: str) -> str:
    return checked(reason, field="reason", longest=LONGEST_REASON)


def _columns(terms: Terms) -> dict[str, Any]:
    return asdict(terms) | {"counts": list(terms.counts)}


def _author(reason: str, by: Actor, at: datetime) -> dict[str, Any]:
    return {"reason": reason, "set_by": by.user, "set_at": at}


def _told(terms: Terms) -> dict[str, Any]:
    """As the journal keeps it: plain amounts, whatever the database pads them with."""
    amount = f"{terms.amount:.{get_currency_precision(terms.currency)}f}"
    return _columns(terms) | {"amount": amount}
