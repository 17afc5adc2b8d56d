"""Sets up the demo, through the operations that everybody uses. What is there already stays as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction

from commerce.demo_data import (
    CARD,
    CONTOSO,
    DELEGATED_FOR,
    GUESTS,
    OPERATOR,
    PARTNER,
    PURCHASES,
    SELLER,
    TENANTS,
    DemoPerson,
    DemoPurchase,
    DemoTenant,
)
from commerce.models import Checkout, CheckoutState, Seller
from commerce.operations import demo_central
from commerce.operations.billing import sellers
from commerce.operations.buying import checkouts, payments
from commerce.operations.paying.declines import TooManyCardsAtOnce, TooManyDeclines
from commerce.operations.pricing.prices import NotPriced
from licensing.files import Change, Effect
from licensing.models import Plan
from licensing.operations.seats import MemberNotActive, NotAMember
from policies.eligibility import PurchaseRefused
from tenants.access import Actor, actor_of
from tenants.directory.delegations import Delegation
from tenants.directory.models import Department, Domain, MemberKind, Membership, Role, Tenant, User
from tenants.directory.operations import delegations, organisations, people, roles

DEMO_LOCK = 7_330
NOT_PAID = (CheckoutState.OPEN, CheckoutState.CANCELED, CheckoutState.EXPIRED)
# What the people of the demo may have decided or done since an earlier run that was cut off.
MEANWHILE = (PurchaseRefused, NotPriced, TooManyDeclines, TooManyCardsAtOnce, NotAMember, MemberNotActive)


def set_up(*, return_url: str, by: Actor, at: datetime) -> list[Change]:
    """
    Organisations, people, roles and purchases, each where it is missing. A purchase that people or policies of the
    demo forbid by now is left out.
    """
    with one_at_a_time():
        changes = [_operator(*OPERATOR, by=by, at=at), _seller(by=by, at=at)]
        for tenant in TENANTS:
            changes += _set_up_tenant(tenant, by=by, at=at)
        changes += [_guest(*guest, by=by, at=at) for guest in GUESTS]
        changes += [_purchase(purchase, return_url=return_url, at=at) for purchase in PURCHASES]
        changes += demo_central.set_up(by=by, at=at)
        changes += [_delegation(at=at)]
    return changes


@contextmanager
def one_at_a_time() -> Iterator[None]:
    # For the session, not a transaction: paying must not happen inside one.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, 0)", [DEMO_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [DEMO_LOCK])


def _operator(email: str, name: str, *, by: Actor, at: datetime) -> Change:
    if User.objects.filter(email=email).exists():
        return Change("operator", email, Effect.UNCHANGED)
    people.add_operator(email=email, name=name, is_demo=True, by=by, at=at)
    return Change("operator", email, Effect.ADDED)


def _seller(*, by: Actor, at: datetime) -> Change:
    """An address for the seller that every installation begins with; one that the operator gave stays."""
    seller = Seller.objects.get(is_default=True)
    if seller.address:
        return Change("seller", seller.slug, Effect.UNCHANGED)
    sellers.save_seller(slug=seller.slug, prefix=seller.prefix, name=seller.name, **SELLER, by=by, at=at)
    return Change("seller", seller.slug, Effect.CHANGED)


@transaction.atomic
def _set_up_tenant(wanted: DemoTenant, *, by: Actor, at: datetime) -> list[Change]:
    tenant = Tenant.objects.filter(slug=wanted.slug).first()
    effect = Effect.UNCHANGED if tenant else Effect.ADDED
    if tenant is None:
        tenant = organisations.add_tenant(
            slug=wanted.slug,
            name=wanted.name,
            country=wanted.country,
            sector=wanted.sector,
            managed=wanted.managed,
            time_zone=wanted.time_zone,
            contact_email=f"it@{wanted.domain}",
            contact_url=wanted.contact_url,
            contact_message=wanted.contact_message,
            is_demo=True,
            is_sandbox=True,
            by=by,
            at=at,
        )
    if not Domain.objects.filter(name=wanted.domain).exists():
        organisations.add_domain(tenant=tenant, name=wanted.domain, by=by, at=at)
    departments = _departments(tenant, wanted, by=by, at=at)
    members = [_person(tenant, person, departments.get(person.department), by=by, at=at) for person in wanted.people]
    return [Change("tenant", wanted.slug, effect), *members]


def _departments(tenant: Tenant, wanted: DemoTenant, *, by: Actor, at: datetime) -> dict[str, Department]:
    found = {department.name: department for department in Department.objects.filter(tenant=tenant)}
    for name in wanted.departments:
        if name not in found:
            found[name] = organisations.add_department(tenant=tenant, name=name, by=by, at=at)
    return found


def _person(tenant: Tenant, person: DemoPerson, department: Department | None, *, by: Actor, at: datetime) -> Change:
    email = f"{person.local}@{tenant.slug}.example"
    if Membership.objects.of(tenant).by_email([email]).exists():
        return Change("person", email, Effect.UNCHANGED)
    membership = people.add_member(
        tenant=tenant,
        email=email,
        name=person.name,
        department=department,
        state=person.state,
        source=person.source,
        by=by,
        at=at,
    )
    for role in person.roles:
        roles.grant(membership=membership, role=role, by=by, at=at)
    return Change("person", email, Effect.ADDED)


def _guest(slug: str, email: str, name: str, *, by: Actor, at: datetime) -> Change:
    tenant = Tenant.objects.get(slug=slug)
    if Membership.objects.of(tenant).by_email([email]).exists():
        return Change("guest", email, Effect.UNCHANGED)
    people.add_member(tenant=tenant, email=email, name=name, kind=MemberKind.GUEST, by=by, at=at)
    return Change("guest", email, Effect.ADDED)


def _delegation(*, at: datetime) -> Change:
    """Contoso lets its partner's people in, where it never has: what the people of the demo took back stays so."""
    contoso, partner = (Tenant.objects.get(slug=slug) for slug in (CONTOSO.slug, PARTNER))
    name = f"{CONTOSO.slug} to {PARTNER}"
    granters = Membership.objects.active().filter(role_grants__role=Role.GLOBAL_ADMIN).select_related("user", "tenant")
    granter, accepter = granters.of(contoso).first(), granters.of(partner).first()
    known = Delegation.objects.of(contoso).to_partner(partner)
    if granter is None or accepter is None or known.exists():
        return Change("delegation", name, Effect.UNCHANGED)
    with transaction.atomic():
        granted = delegations.grant(
            tenant=contoso,
            partner=partner,
            roles=[Role.BILLING_ADMIN],
            ends_at=at + DELEGATED_FOR,
            by=actor_of(granter),
            at=at,
        )
        delegations.accept(delegation=granted, by=actor_of(accepter), at=at)
    return Change("delegation", name, Effect.ADDED)


def _purchase(wanted: DemoPurchase, *, return_url: str, at: datetime) -> Change:
    contoso = {
        member.user.email.partition("@")[0]: member
        for member in Membership.objects.members().filter(tenant__slug=CONTOSO.slug).select_related("user", "tenant")
    }
    buyer = actor_of(contoso[wanted.buyer])
    name = f"{buyer.home.user.email} {wanted.plan}"
    if Checkout.objects.by_buyer(buyer.home).filter(plan=wanted.plan).exclude(state__in=NOT_PAID).exists():
        return Change("purchase", name, Effect.UNCHANGED)
    # Always a quote of its own: what somebody left open is theirs to pay.
    try:
        checkout = checkouts.open_checkout(
            plan=Plan.objects.select_related("product__family").get(pk=wanted.plan),
            quantity=wanted.quantity,
            assign_to=[contoso[local] for local in wanted.assign_to],
            by=buyer,
            at=at,
        )
        payments.pay_checkout(checkout=checkout, payment_method=CARD, return_url=return_url, by=buyer, at=at)
    except MEANWHILE:
        return Change("purchase", name, Effect.UNCHANGED)
    return Change("purchase", name, Effect.ADDED)
