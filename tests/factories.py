"""
Rows for tests, each valid as it comes. A test names what it is about and leaves the rest to these.

`NOON` is the moment at which most stories begin. The defaults make a purchase that every rule allows.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import factory
from django.contrib.auth.hashers import make_password
from django.utils.text import slugify
from factory.django import DjangoModelFactory

from commerce.models import Agreement, CardSetup, Order, Price, TaxRate
from commerce.operations.buying import agreements, central, checkouts, payments
from commerce.operations.paying import card_setups
from licensing.models import Channel, Family, Plan, Product, Subscription, Term
from policies.models import Approval, Approver, Exclusion, GovernancePolicy, Market, Policy
from tenants.access import SYSTEM, Actor, actor_of
from tenants.directory.models import Department, Domain, MemberKind, Membership, RoleGrant, Tenant, User

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
RETURN_URL = "http://testserver/back/"
PASSWORD = "correct horse battery"


# --- Tenants and people


class TenantFactory(DjangoModelFactory):
    class Meta:
        model = Tenant

    slug = factory.Sequence(lambda n: f"tenant-{n}")
    name = factory.LazyAttribute(lambda tenant: tenant.slug.title())
    country = "US"
    contact_email = factory.LazyAttribute(lambda tenant: f"it@{tenant.slug}.example")
    created_at = NOON


class DomainFactory(DjangoModelFactory):
    class Meta:
        model = Domain

    tenant = factory.SubFactory(TenantFactory)
    name = factory.LazyAttribute(lambda domain: f"{domain.tenant.slug}.example")
    verified_at = NOON


class DepartmentFactory(DjangoModelFactory):
    class Meta:
        model = Department

    tenant = factory.SubFactory(TenantFactory)
    name = factory.Sequence(lambda n: f"Department {n}")


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"person-{n}@people.example")
    created_at = NOON
    password = "!"  # nobody signs in with it; hashing a real one would cost more than the test

    class Params:
        # Signs in with PASSWORD.
        can_sign_in = factory.Trait(password=factory.LazyFunction(lambda: make_password(PASSWORD)))


class OperatorFactory(UserFactory):
    is_operator = True


class MembershipFactory(DjangoModelFactory):
    """A member; `roles=["billing_admin"]` gives roles."""

    class Meta:
        model = Membership
        skip_postgeneration_save = True

    tenant = factory.SubFactory(TenantFactory)
    user = factory.SubFactory(UserFactory)
    created_at = NOON

    @factory.post_generation
    def roles(self, create, extracted, **kwargs):
        for role in extracted or ():
            RoleGrantFactory(membership=self, role=role)


class GuestFactory(MembershipFactory):
    kind = MemberKind.GUEST


class RoleGrantFactory(DjangoModelFactory):
    class Meta:
        model = RoleGrant

    membership = factory.SubFactory(MembershipFactory)
    tenant = factory.SelfAttribute("membership.tenant")
    role = "global_admin"
    granted_at = NOON


def acting(member: Membership) -> Actor:
    """The actor behind a member, with the roles it holds now."""
    return actor_of(member)


def admin_of(tenant: Tenant, role: str = "global_admin") -> Actor:
    """Somebody new in a tenant who holds a role there."""
    return acting(RoleGrantFactory(membership__tenant=tenant, role=role).membership)


# --- Catalogue, markets, policies


class FamilyFactory(DjangoModelFactory):
    class Meta:
        model = Family

    slug = factory.Sequence(lambda n: f"family-{n}")
    name = factory.LazyAttribute(lambda family: family.slug.title())


class ProductFactory(DjangoModelFactory):
    class Meta:
        model = Product

    id = factory.Sequence(lambda n: f"PRODUCT{n}")
    name = factory.Sequence(lambda n: f"Product {n}")
    slug = factory.LazyAttribute(lambda product: slugify(product.name))
    family = factory.SubFactory(FamilyFactory)
    self_service = True
    created_at = NOON


class PlanFactory(DjangoModelFactory):
    class Meta:
        model = Plan

    id = factory.LazyAttribute(lambda plan: f"{plan.product.slug}-{'monthly' if plan.term == Term.MONTH else 'annual'}")
    product = factory.SubFactory(ProductFactory)
    term = Term.MONTH


class PriceFactory(DjangoModelFactory):
    class Meta:
        model = Price

    plan = factory.SubFactory(PlanFactory)
    channel = Channel.SELF_SERVICE
    currency = "USD"
    amount = Decimal("9.99")
    valid_from = date(2020, 1, 14)


class TaxRateFactory(DjangoModelFactory):
    class Meta:
        model = TaxRate

    country = "DE"
    name = "VAT"
    rate = Decimal("0.19")
    valid_from = date(2020, 1, 1)


class MarketFactory(DjangoModelFactory):
    class Meta:
        model = Market

    country = "US"
    name = factory.LazyAttribute(lambda market: f"Country {market.country}")


class ExclusionFactory(DjangoModelFactory):
    class Meta:
        model = Exclusion

    created_at = NOON


class PolicyFactory(DjangoModelFactory):
    class Meta:
        model = Policy

    tenant = factory.SubFactory(TenantFactory)
    value = "disabled"
    set_at = NOON


class GovernancePolicyFactory(DjangoModelFactory):
    """What a tenant says about the data of all products."""

    class Meta:
        model = GovernancePolicy

    tenant = factory.SubFactory(TenantFactory)
    name = factory.Sequence(lambda n: f"Policy {n}")
    kind = "residency"
    set_at = NOON
    created_at = NOON


class ApproverFactory(DjangoModelFactory):
    class Meta:
        model = Approver

    member = factory.SubFactory(MembershipFactory)
    tenant = factory.SelfAttribute("member.tenant")
    department = factory.SubFactory(DepartmentFactory, tenant=factory.SelfAttribute("..tenant"))
    created_at = NOON


class ApprovalFactory(DjangoModelFactory):
    """A wish to buy that waits, of no checkout that there is."""

    class Meta:
        model = Approval

    requester = factory.SubFactory(MembershipFactory)
    tenant = factory.SelfAttribute("requester.tenant")
    plan = factory.SubFactory(PlanFactory)
    quantity = 2
    amount = Decimal("19.98")
    currency = "USD"
    subject = factory.LazyFunction(lambda: str(uuid4()))
    codes = factory.LazyFunction(lambda: ["approval_required"])
    created_at = NOON
    lapses_at = NOON + timedelta(days=14)


def plan_on_sale(amount: str = "9.99", currency: str = "USD", country: str = "US", **plan: object) -> Plan:
    """A plan that has a price, in a market that is open."""
    Market.objects.get_or_create(country=country, family=None, defaults={"name": country})
    return PriceFactory(plan=PlanFactory(**plan), amount=Decimal(amount), currency=currency).plan


# --- Purchases


def open_checkout(buyer: Membership, plan: Plan, quantity: int = 2, at: datetime = NOON, **options: object):
    return checkouts.open_checkout(plan=plan, quantity=quantity, by=acting(buyer), at=at, **options)


def pay(checkout, card: str = "pm_card_visa", at: datetime = NOON):
    """Try a card as the checkout's buyer."""
    return payments.pay_checkout(
        checkout=checkout, payment_method=card, return_url=RETURN_URL, by=acting(checkout.buyer), at=at
    )


def confirm(checkout, at: datetime = NOON):
    """The cardholder comes back from the bank's step."""
    return payments.confirm_checkout(checkout=checkout, by=acting(checkout.buyer), at=at)


def buy(buyer: Membership, plan: Plan, quantity: int = 2, at: datetime = NOON, **options: object) -> Subscription:
    """The whole purchase: quote, card, subscription."""
    checkout = open_checkout(buyer, plan, quantity, at, **options)
    pay(checkout, at=at)
    return Subscription.objects.get(orders__checkout=checkout)


# --- What a tenant buys itself


def agree(
    tenant: Tenant, at: datetime = NOON, name: str = "Volume 2026", prices=(), currency: str = "", **terms: object
) -> Agreement:
    """An agreement that is paid by invoice, as the operator makes it; `prices` are pairs of a plan and an amount."""
    agreed = {"valid_from": date(2026, 1, 1), "pay_by_invoice": True, **terms}
    wanted = {plan.pk: Decimal(amount) for plan, amount in prices}
    written = agreements.Terms(prices=wanted, **agreed)
    return agreements.add(tenant=tenant, name=name, currency=currency, terms=written, by=SYSTEM, at=at)


def price_centrally(plan: Plan, amount: str = "8.99", currency: str = "USD") -> Plan:
    return PriceFactory(plan=plan, channel=Channel.CENTRAL, amount=Decimal(amount), currency=currency).plan


def order_centrally(buyer: Membership, plan: Plan, quantity: int = 2, at: datetime = NOON, **means: object) -> Order:
    """Order as somebody who may, by an agreement or with a card."""
    return central.order(plan=plan, quantity=quantity, return_url=RETURN_URL, by=acting(buyer), at=at, **means)


def buy_centrally(buyer: Membership, plan: Plan, quantity: int = 2, at: datetime = NOON) -> Subscription:
    """The whole purchase, on an agreement of its own with a price of USD 8.99, paid by invoice."""
    found = Agreement.objects.of(buyer.tenant).filter(name=f"For {plan.pk}").first()
    agreement = found or agree(buyer.tenant, at, name=f"For {plan.pk}", prices=[(plan, "8.99")])
    return order_centrally(buyer, plan, quantity, at, agreement=agreement).subscription


def add_card(who: Membership, card: str = "pm_card_visa", at: datetime = NOON, **options: object) -> CardSetup:
    """Keep a card without a charge."""
    return card_setups.add(token=card, return_to=lambda pk: RETURN_URL, by=acting(who), at=at, **options)
