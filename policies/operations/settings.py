"""A tenant's switches over all its policies: read as they hold, and changed under the tenant's lock."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from policies import rules
from policies.models import Policy, Reach, TenantSettings
from policies.operations import dry_runs, endings, leavers, values
from policies.operations.endings import LEAVE, Existing
from policies.operations.proposed import Change
from policies.operations.scopes import Scope
from tenants.access import Actor, Right
from tenants.directory.models import Tenant
from tenants.directory.operations import organisations
from tenants.journal import events
from tenants.refusal import BadInput
from tenants.text import checked_reason, require_length, require_one_line, require_plain

LONGEST_MESSAGE = organisations.LONGEST_MESSAGE
LONGEST_PROCESS_URL = 500
MAILTO = "mailto:"
# What whoever answers for spending is told of, besides what is always theirs.
WISHES = ("tell_admins_of_failed_charges", "tell_admins_of_renewals")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a tenant says over all its policies."""

    default_for_new_products: str
    self_service_enabled: bool
    contact_email: str
    contact_url: str
    contact_message: str
    request_process_message: str
    request_process_url: str
    leaver_default: str
    leaver_grace_days: int
    tell_admins_of_failed_charges: bool
    tell_admins_of_renewals: bool
    take_over_refunds: bool
    # What a change of them does to what people have; only just after one that ends something.
    reach: Reach | None = None


def of(tenant: Tenant) -> Settings:
    """As they hold; what nobody said is the system's default. Two queries."""
    default = Policy.objects.of(tenant).for_everything().standing().first()
    switches = TenantSettings.said_by(tenant)
    return Settings(
        default_for_new_products=default.value if default else rules.SYSTEM_DEFAULT,
        self_service_enabled=switches.self_service_enabled,
        contact_email=tenant.contact_email,
        contact_url=tenant.contact_url,
        contact_message=tenant.contact_message,
        request_process_message=switches.request_process_message,
        request_process_url=switches.request_process_url,
        # Of a tenant that said nothing it is the enumeration's member, which no YAML knows.
        leaver_default=str(switches.leaver_default),
        leaver_grace_days=switches.leaver_grace_days,
        tell_admins_of_failed_charges=switches.tell_admins_of_failed_charges,
        tell_admins_of_renewals=switches.tell_admins_of_renewals,
        take_over_refunds=switches.take_over_refunds,
    )


def stop_of(tenant: Tenant) -> TenantSettings | None:
    """The stop of all self-service buying, with who set it and when; none: people may buy. One query."""
    stopped = TenantSettings.objects.filter(tenant=tenant, self_service_enabled=False)
    return stopped.select_related("set_by").first()


@transaction.atomic
def change(
    *,
    tenant: Tenant,
    by: Actor,
    at: datetime,
    reason: str = "",
    default_for_new_products: str | None = None,
    self_service_enabled: bool | None = None,
    contact_email: str | None = None,
    contact_url: str | None = None,
    contact_message: str | None = None,
    request_process_message: str | None = None,
    request_process_url: str | None = None,
    leaver_default: str | None = None,
    leaver_grace_days: int | None = None,
    tell_admins_of_failed_charges: bool | None = None,
    tell_admins_of_renewals: bool | None = None,
    take_over_refunds: bool | None = None,
    existing: Existing = LEAVE,
) -> Settings:
    """
    Change what is given, and leave the rest; empty takes a text away. What holds already changes nothing. What was
    bought stays as it is, unless `existing` says otherwise with a default or a stop.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    :raises BadInput: an unknown value, an address that is none, a text that cannot be kept, or an ending that makes
        no sense
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    reason = checked_reason(reason, optional=True)
    stops, stricter = self_service_enabled is False, default_for_new_products not in (None, rules.SYSTEM_DEFAULT)
    check_existing(
        existing,
        default_for_new_products=default_for_new_products,
        self_service_enabled=self_service_enabled,
        at=at,
    )
    wanted = {
        "request_process_message": request_process_message,
        "request_process_url": request_process_url,
        "tell_admins_of_failed_charges": tell_admins_of_failed_charges,
        "tell_admins_of_renewals": tell_admins_of_renewals,
        "take_over_refunds": take_over_refunds,
        "leaver_default": leaver_default,
        "leaver_grace_days": leaver_grace_days,
    }
    leavers.check(default=leaver_default, grace_days=leaver_grace_days)
    _check_process(request_process_message or "", request_process_url or "")
    tenant = organisations.set_contact(
        tenant=tenant, email=contact_email, url=contact_url, message=contact_message, by=by, at=at
    )
    reach = None
    if default_for_new_products is not None:
        value = values.checked_value(default_for_new_products, field="default_for_new_products")
        reach = _set_default(tenant, value, reason, existing if stricter else LEAVE, by=by, at=at)
    if self_service_enabled is not None:
        reach = _switch(tenant, self_service_enabled, reason, existing if stops else LEAVE, by=by, at=at) or reach
    _keep(tenant, wanted, by=by, at=at)
    return replace(of(tenant), reach=reach)


def check_existing(
    existing: Existing,
    *,
    at: datetime,
    default_for_new_products: str | None = None,
    self_service_enabled: bool | None = None,
    **others: object,
) -> None:
    """:raises BadInput: no such ending, or neither a stop nor a stricter default to end anything for"""
    stricter = default_for_new_products not in (None, rules.SYSTEM_DEFAULT)
    endings.require_sensible(existing, allows_all=self_service_enabled is not False and not stricter, at=at)


def _set_default(
    tenant: Tenant, value: str, reason: str, existing: Existing, *, by: Actor, at: datetime
) -> Reach | None:
    """The value of all that has none of its own, products to come among them: the tenant's own level of policies."""
    now = Policy.objects.of(tenant).for_everything().standing().first()
    if now is None or now.value != value or (reason and now.reason != reason) or existing.ends:
        [now] = values.apply(
            tenant=tenant, scopes=[Scope()], value=value, reason=reason, existing=existing, by=by, at=at
        )
        return now.reach
    return None


def _switch(tenant: Tenant, enabled: bool, reason: str, existing: Existing, *, by: Actor, at: datetime) -> Reach | None:
    """Stop all self-service buying, or let it go on."""
    switches = _switches(tenant, by=by, at=at)
    if switches.self_service_enabled == enabled and not existing.ends:
        return None
    old = switches.self_service_enabled
    switches.self_service_enabled, switches.set_by, switches.set_at = enabled, by.user, at
    switches.save(update_fields=["self_service_enabled", "set_by", "set_at"])
    name = "self_service.resumed" if enabled else "self_service.stopped"
    told = {"old": old, "new": enabled, "reason": reason, **existing.told}
    events.record(name, tenant=tenant, by=by, at=at, subject=tenant.pk, **told)
    ended = dry_runs.subscriptions(tenant=tenant, change=Change(stopped=True), at=at).by if existing.ends else {}
    endings.replace(
        tenant=tenant,
        said_for=[endings.STOP],
        subscriptions=ended,
        existing=existing,
        since=at,
        reason=reason,
        by=by,
        at=at,
    )
    return Reach(ended=len(ended)) if existing.ends else None


def _keep(tenant: Tenant, wanted: Mapping[str, str | bool | int | None], *, by: Actor, at: datetime) -> None:
    """What of it is given."""
    given = {name: said.strip() if isinstance(said, str) else said for name, said in wanted.items() if said is not None}
    if not given:
        return
    switches = _switches(tenant, by=by, at=at)
    changed = sorted(name for name, said in given.items() if said != getattr(switches, name))
    if changed:
        for name in changed:
            setattr(switches, name, given[name])
        switches.save(update_fields=changed)
        # The names of what changed: an address may be a person's.
        events.record("settings.changed", tenant=tenant, by=by, at=at, subject=tenant.pk, changed=changed)


def _switches(tenant: Tenant, *, by: Actor, at: datetime) -> TenantSettings:
    """The row. `set_by` and `set_at` are of the stop: who changed what else stands there is in the journal."""
    row, _is_new = TenantSettings.objects.get_or_create(tenant=tenant, defaults={"set_by": by.user, "set_at": at})
    return row


def check_texts(*, request_process_message: str = "", request_process_url: str = "", **contact: str) -> None:
    """:raises BadInput: an address that is none, or a text that cannot be kept"""
    organisations.check_contact(**contact)
    _check_process(request_process_message, request_process_url)


def _check_process(message: str, url: str) -> None:
    require_plain(message, field="request_process_message")
    require_one_line(url, field="request_process_url")
    for field, text, longest in (
        ("request_process_message", message, LONGEST_MESSAGE),
        ("request_process_url", url, LONGEST_PROCESS_URL),
    ):
        require_length(text, longest, field=field)
    if url.strip() and not _leads_somewhere(url.strip()):
        raise BadInput(
            _("Type an address that begins with https:// or mailto:."), field="request_process_url", code="invalid"
        )


def _leads_somewhere(url: str) -> bool:
    check: Any = URLValidator(["https"])
    if url.lower().startswith(MAILTO):
        check, url = EmailValidator(), url[len(MAILTO) :].partition("?")[0]
    try:
        check(url)
    except ValidationError:
        return False
    return True


def members_claim_seats(tenant: Tenant) -> bool:
    """Whether members take free seats of the tenant's own themselves; not unless somebody said so."""
    return TenantSettings.objects.filter(tenant=tenant, members_claim_seats=True).exists()


@transaction.atomic
def let_members_claim_seats(*, tenant: Tenant, allowed: bool, by: Actor, at: datetime) -> TenantSettings:
    """
    Let members take free seats of what was bought centrally, or no longer. Seats that they have stay theirs. The same
    again changes nothing.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    organisations.lock(tenant)
    switches = _switches(tenant, by=by, at=at)
    if switches.members_claim_seats != allowed:
        switches.members_claim_seats = allowed
        switches.save(update_fields=["members_claim_seats"])
        events.record("settings.changed", tenant=tenant, by=by, at=at, subject=tenant.pk, members_claim_seats=allowed)
    return switches
