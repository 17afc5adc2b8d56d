"""Organisations, their domains and their departments."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.db import IntegrityError, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.access import Actor, Right
from tenants.directory import tax_numbers
from tenants.directory.models import Department, Domain, Sector, Tenant
from tenants.journal import events
from tenants.refusal import BadInput, Refused
from tenants.text import require_length, require_one_line, require_plain

LONGEST_LEGAL_NAME = 200
LONGEST_ADDRESS = 500
LONGEST_CONTACT = 200
LONGEST_MESSAGE = 2000


class TenantExists(Refused):
    message = _("There is an organisation of that short name already.")


class DomainTaken(Refused):
    message = _("This domain belongs to an organisation already.")


class DepartmentExists(Refused):
    message = _("There is a department of that name already.")


def lock(tenant: Tenant) -> None:
    # The lock of the directory: who is the last global admin is decided by one change after another.
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)


@transaction.atomic
def add_tenant(
    *,
    slug: str,
    name: str,
    country: str,
    time_zone: str,
    by: Actor,
    at: datetime,
    sector: str = Sector.COMMERCIAL,
    managed: bool = True,
    contact_email: str = "",
    contact_url: str = "",
    contact_message: str = "",
    is_demo: bool = False,
    is_sandbox: bool = False,
) -> Tenant:
    """
    An organisation, with nobody in it yet. `country` is ISO 3166-1 alpha-2.

    :raises NotAllowed: neither an operator nor the system
    :raises BadInput: an unknown time zone
    :raises TenantExists: the slug is taken
    """
    by.require_operator()
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadInput(_("There is no such time zone."), field="time_zone") from error
    try:
        with transaction.atomic():
            tenant = Tenant.objects.create(
                slug=slug,
                name=name,
                country=country,
                time_zone=time_zone,
                sector=sector,
                managed=managed,
                contact_email=contact_email,
                contact_url=contact_url,
                contact_message=contact_message,
                is_demo=is_demo,
                is_sandbox=is_sandbox,
                created_at=at,
            )
    except IntegrityError as error:
        if not Tenant.objects.filter(slug=slug).exists():
            raise
        raise TenantExists from error
    told = {"country": country, "sector": sector, "managed": managed}
    events.record("tenant.added", tenant=tenant, by=by, at=at, subject=tenant.pk, **told)
    return tenant


@transaction.atomic
def add_domain(*, tenant: Tenant, name: str, by: Actor, at: datetime) -> Domain:
    """
    A domain that the operator knows to be the organisation's: verified at once, it leads addresses there.

    :raises NotAllowed: neither an operator nor the system
    :raises DomainTaken: by this or another organisation
    """
    by.require_operator()
    try:
        with transaction.atomic():
            domain = Domain.objects.create(tenant=tenant, name=name.lower(), verified_at=at)
    except IntegrityError as error:
        raise DomainTaken from error
    events.record("domain.verified", tenant=tenant, by=by, at=at, subject=domain.pk)
    return domain


@transaction.atomic
def set_tax_number(*, tenant: Tenant, number: str, by: Actor, at: datetime) -> Tenant:
    """
    The number by which the organisation is known to its tax office; empty removes it. It stands on the next invoices,
    and may make the organisation owe a tax itself. Quotes that were made keep what they say.

    :raises NotAllowed: without the right to change the billing details of this tenant
    :raises WrongTaxNumber: not well formed in the tenant's country
    """
    by.require_in(tenant, Right.CHANGE_BILLING)
    tenant = Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    number = tax_numbers.checked(number, tenant.country) if number.strip() else ""
    if number != tenant.tax_number:
        tenant.tax_number = number
        tenant.save(update_fields=["tax_number"])
        # Not the number itself: that of a person alone is about that person.
        events.record("tax_number.changed", tenant=tenant, by=by, at=at, subject=tenant.pk, given=bool(number))
    return tenant


@transaction.atomic
def set_billing_details(
    *,
    tenant: Tenant,
    by: Actor,
    at: datetime,
    legal_name: str | None = None,
    address: str | None = None,
    tax_number: str | None = None,
) -> Tenant:
    """
    Who the organisation is on its invoices from now on. None leaves a part as it is, empty takes it away: then the
    invoices say its everyday name, and its country alone.

    :raises NotAllowed: without the right to change the billing details of this tenant
    :raises BadInput: too long, or control characters
    :raises WrongTaxNumber: not well formed in the tenant's country
    """
    by.require_in(tenant, Right.CHANGE_BILLING)
    lock(tenant)
    tenant = Tenant.objects.get(pk=tenant.pk)
    wanted = {}
    if legal_name is not None:
        wanted["legal_name"] = _one_line(legal_name)
    if address is not None:
        wanted["billing_address"] = _lines(address)
    changed = sorted(name for name, value in wanted.items() if value != getattr(tenant, name))
    if changed:
        for name in changed:
            setattr(tenant, name, wanted[name])
        tenant.save(update_fields=changed)
        events.record("billing_details.changed", tenant=tenant, by=by, at=at, subject=tenant.pk, changed=changed)
    if tax_number is None:
        return tenant
    return set_tax_number(tenant=tenant, number=tax_number, by=by, at=at)


@transaction.atomic
def set_contact(
    *,
    tenant: Tenant,
    by: Actor,
    at: datetime,
    email: str | None = None,
    url: str | None = None,
    message: str | None = None,
) -> Tenant:
    """
    Whom the organisation's people turn to when they are refused. None leaves a part as it is, empty takes it away.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    :raises BadInput: no e-mail address, no web address, too long, or control characters
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    lock(tenant)
    tenant = Tenant.objects.get(pk=tenant.pk)
    given = {"contact_email": email, "contact_url": url, "contact_message": message}
    wanted = {name: text.strip() for name, text in given.items() if text is not None}
    check_contact(**wanted)
    changed = sorted(name for name, text in wanted.items() if text != getattr(tenant, name))
    if changed:
        for name in changed:
            setattr(tenant, name, wanted[name])
        tenant.save(update_fields=changed)
        # The names of what changed: an address may be a person's.
        events.record("contact.changed", tenant=tenant, by=by, at=at, subject=tenant.pk, changed=changed)
    return tenant


def check_contact(contact_email: str = "", contact_url: str = "", contact_message: str = "") -> None:
    """:raises BadInput: no e-mail address, no web address, too long, or control characters"""
    if contact_email:
        _valid(EmailValidator(), contact_email, _("Type an e-mail address."), field="contact_email")
    if contact_url:
        _valid(URLValidator(["http", "https"]), contact_url, _("Type a web address."), field="contact_url")
    require_plain(contact_message, field="contact_message")
    for field, text in (("contact_email", contact_email), ("contact_url", contact_url)):
        _short_enough(text, LONGEST_CONTACT, field=field)
    _short_enough(contact_message, LONGEST_MESSAGE, field="contact_message")


def _valid(check: Callable[[str], None], text: str, said: str | Promise, *, field: str) -> None:
    try:
        check(text)
    except ValidationError as error:
        raise BadInput(said, field=field) from error


def _one_line(text: str) -> str:
    require_one_line(text, field="legal_name")
    return _short_enough(" ".join(text.split()), LONGEST_LEGAL_NAME, field="legal_name")


def _lines(text: str) -> str:
    require_plain(text, field="address")
    lines = (" ".join(line.split()) for line in text.splitlines())
    return _short_enough("\n".join(filter(None, lines)), LONGEST_ADDRESS, field="address")


def _short_enough(text: str, longest: int, *, field: str) -> str:
    require_length(text, longest, field=field)
    return text


@transaction.atomic
def add_department(
    *, tenant: Tenant, name: str, by: Actor, at: datetime, parent: Department | None = None
) -> Department:
    """
    A group for members, below its parent.

    :raises NotAllowed: without the right to manage the people of this tenant
    :raises DepartmentExists: the tenant has one of that name
    """
    by.require_in(tenant, Right.MANAGE_PEOPLE)
    try:
        with transaction.atomic():
            department = Department.objects.create(tenant=tenant, name=name, parent=parent)
    except IntegrityError as error:
        raise DepartmentExists from error
    events.record("department.added", tenant=tenant, by=by, at=at, subject=department.pk)
    return department


@transaction.atomic
def require_second_factor(*, tenant: Tenant, required: bool, by: Actor, at: datetime) -> None:
    """
    Say whether whoever holds a role needs a second factor to have its rights.

    :raises NotAllowed: without the right to manage how this tenant's people sign in
    """
    by.require_in(tenant, Right.MANAGE_SIGN_IN)
    lock(tenant)
    other = Tenant.objects.filter(pk=tenant.pk, requires_second_factor=not required)
    if not other.update(requires_second_factor=required):
        return
    events.record("sign_in.changed", tenant=tenant, by=by, at=at, requires_second_factor=[not required, required])
