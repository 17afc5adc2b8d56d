"""Two organisations side by side: one with everything in it, and the people who must not get at it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from commerce.deeds.purchases import STOP_RENEWAL
from commerce.models import (
    CardSetup,
    Checkout,
    Difference,
    Dispute,
    IncomingEvent,
    Invoice,
    LeaverTask,
    Order,
    Payment,
    PaymentMethod,
    Renewal,
    SupportCase,
    TransferOffer,
)
from commerce.models.renewal import FAULTS
from commerce.models.support import CaseKind
from commerce.operations import support
from commerce.operations.buying.trials import start_trial
from commerce.operations.handover import offers
from commerce.operations.leaving import noticing
from licensing.models import Plan, Seat, Subscription
from policies.models import Approval, Approver, GovernancePolicy, LicenseRequest, Policy, SpendLimit
from policies.operations import spend_limits
from policies.operations.approvals import LASTS
from policies.operations.policies import set_product_policy
from policies.operations.spend_limits import Terms
from tenants.directory.delegations import Delegation
from tenants.directory.models import Membership, Tenant, User
from tenants.directory.operations import delegations
from tenants.journal import events
from tenants.runs.models import Run
from tests import factories
from tests.commerce.licenses import ask
from tests.commerce.provider import contested
from tests.outsiders import central, centralised, changed, notified
from tests.tenants.hooks import given_up

# Words that stand in the victim's rows alone: whoever reads one of them has seen what is not theirs. The first is of
# the organisation, which its own people may know; the second of its purchases, people and policies.
TENANT_WORD = "quuxtenant"
PRIVATE_WORD = "xyzzyowner"


@dataclass
class World:
    """The victim's rows, by what a route or a field may ask for, and the visitors."""

    tenant: Tenant
    plan: Plan
    owner: Membership
    admin: Membership
    subscription: Subscription
    trial: Subscription
    seat: Seat
    open_checkout: Checkout
    waiting: Payment
    order: Order
    changed: changed.Changed
    invoice: Invoice
    # One that pays for the subscription, one that pays for nothing, and one that its holder has not confirmed yet.
    card: PaymentMethod
    spare_card: PaymentMethod
    card_setup: CardSetup
    policy: Policy
    approval: Approval
    approver: Approver
    license_request: LicenseRequest
    spend_limit: SpendLimit
    governance: GovernancePolicy
    case: SupportCase
    central: central.Central
    centralised: centralised.Centralised
    dispute: Dispute
    incoming: IncomingEvent
    difference: Difference
    # Set aside, of a term that nobody waits for any more.
    renewal: Renewal
    # Offered to the owner; and what somebody has left behind.
    transfer: TransferOffer
    leaver_task: LeaverTask
    # Of the admin, with the subscription, and not begun yet.
    run: Run
    # Offered to a partner, whose global admin may accept.
    delegation: Delegation
    partner: Membership
    # Of the same tenant, without any role; and an admin of another tenant.
    colleague: Membership
    outsider: Membership

    @property
    def giver(self) -> Membership:
        """Who offers what is offered to the owner."""
        return self.transfer.offered_by

    @property
    def operator(self) -> User:
        """Whose the service's own rows are."""
        return factories.OperatorFactory()


def build() -> World:
    tenant = factories.TenantFactory(slug=TENANT_WORD, name=f"{TENANT_WORD} corp")
    factories.DomainFactory(tenant=tenant)
    factories.DepartmentFactory(tenant=tenant)
    owner = member(tenant, "owner")
    # Named openly: whoever is refused by a policy is told who set it.
    admin = factories.RoleGrantFactory(membership__tenant=tenant).membership
    plan = factories.plan_on_sale()
    factories.TaxRateFactory(country="FR")  # of nobody here: amounts stay those of the price list
    now = timezone.now()  # the edges have the real clock, and a quote holds for a day
    # Before the others: a purchase is known as the last one.
    being_changed = changed.build(owner=owner, plan=plan, at=now)
    subscription = factories.buy(owner, plan, at=now)
    tried = factories.plan_on_sale(product__trial_days=30, product__trial_seats=2)
    waiting = factories.open_checkout(owner, plan, at=now)
    factories.pay(waiting, "pm_card_authenticationRequired", at=now)
    set_product_policy(
        tenant=tenant,
        product=plan.product,
        value="enabled",
        reason=f"{PRIVATE_WORD} reason",
        by=factories.acting(admin),
        at=now,
    )
    elsewhere = factories.DomainFactory().tenant
    outsider = factories.RoleGrantFactory(membership__tenant=elsewhere).membership
    partner = factories.RoleGrantFactory().membership
    delegation = delegations.grant(
        tenant=tenant,
        partner=partner.tenant,
        roles=["global_reader"],
        ends_at=now + timedelta(days=30),
        by=factories.acting(admin),
        at=now,
    )
    world = World(
        tenant=tenant,
        plan=plan,
        owner=owner,
        admin=admin,
        subscription=subscription,
        trial=start_trial(plan=tried, quantity=1, assign_to=[], by=factories.acting(owner), at=now).trial,
        seat=Seat.objects.get(subscription=subscription),
        open_checkout=factories.open_checkout(owner, plan, at=now),
        waiting=Payment.objects.get(order__checkout=waiting),
        order=Order.objects.get(subscription=subscription),
        changed=being_changed,
        invoice=Invoice.objects.get(order__subscription=subscription),
        card=PaymentMethod.objects.get(member=owner),
        spare_card=factories.add_card(owner, "pm_card_refundFail", now).payment_method,
        card_setup=factories.add_card(owner, "pm_card_authenticationRequired", now),
        policy=Policy.objects.get(tenant=tenant),
        approval=awaiting_approval(owner, plan, now),
        license_request=ask(owner, factories.ProductFactory(), at=now, reason=f"{PRIVATE_WORD} wish"),
        approver=factories.ApproverFactory(member=admin, department=tenant.departments.get()),
        # Of the owner, so that its page names them; and with room for all that the walk buys.
        spend_limit=spend_limits.add(
            tenant=tenant,
            level="member",
            scope_id=str(owner.pk),
            terms=Terms(period="year", amount=Decimal(1_000_000), currency="USD"),
            reason=f"{PRIVATE_WORD} limit",
            by=factories.acting(admin),
            at=now,
        ),
        # Its own people read the name on what they buy.
        governance=factories.GovernancePolicyFactory(
            tenant=tenant, name=f"{TENANT_WORD} data", reason=f"{PRIVATE_WORD} reason"
        ),
        case=support.open_case(
            kind=CaseKind.QUESTION,
            subject=f"{PRIVATE_WORD} case",
            body=f"{PRIVATE_WORD} question",
            subscription=subscription,
            by=factories.acting(owner),
            at=now,
        ),
        dispute=won_dispute(subscription, now),
        incoming=IncomingEvent.objects.create(
            gateway="sandbox", reference="evt_1", type="dispute.closed", kind="dispute", subject="dp_1", received_at=now
        ),
        difference=Difference.objects.create(
            tenant=tenant,
            gateway="sandbox",
            kind="not_captured",
            reference=f"pi_{PRIVATE_WORD}",
            payment=Payment.objects.filter(order__subscription=subscription).first(),
            currency="USD",
            found_at=now,
            seen_at=now,
        ),
        renewal=Renewal.objects.create(
            tenant=tenant,
            subscription=subscription,
            starts_at=subscription.term_start,
            next_try_at=now,
            faults=FAULTS,
            created_at=now,
        ),
        transfer=offered(member(tenant, "giver"), owner, plan, now, f"{PRIVATE_WORD} message"),
        run=asked_for(admin, subscription, now),
        leaver_task=left_behind(member(tenant, "leaver"), plan, now),
        central=central.build(owner=owner, admin=admin, word=PRIVATE_WORD, at=now),
        centralised=centralised.build(owner=owner, admin=admin, word=PRIVATE_WORD, at=now),
        delegation=delegation,
        partner=partner,
        colleague=factories.MembershipFactory(tenant=tenant),
        outsider=outsider,
    )
    given_up(admin, f"https://hooks.{PRIVATE_WORD}.example/news", at=now)
    events.sequence(tenant.pk)
    notified.build(admin=admin, word=PRIVATE_WORD, at=now)
    return world


def offered(giver: Membership, to: Membership, plan: Plan, at: datetime, message: str = "") -> TransferOffer:
    return offers.offer(
        subscription=factories.buy(giver, plan, 1, at),
        to=to,
        message=message,
        by=factories.acting(giver),
        at=at,
    )


def asked_for(admin: Membership, subscription: Subscription, at: datetime) -> Run:
    told = {"deed": STOP_RENEWAL, "given": {"reason": PRIVATE_WORD}, "started_by": admin.user, "size": 1}
    run = Run.objects.create(tenant=admin.tenant, created_at=at, **told)
    run.rows.create(tenant=admin.tenant, position=0, subject=str(subscription.pk))
    return run


def left_behind(leaver: Membership, plan: Plan, at: datetime) -> LeaverTask:
    factories.buy(leaver, plan, 1, at)
    Membership.objects.filter(pk=leaver.pk).update(state="left")
    noticing.look_at(member_id=leaver.pk, at=at)
    return LeaverTask.objects.get(member=leaver)


def awaiting_approval(owner: Membership, plan: Plan, at: datetime) -> Approval:
    """As if a policy had asked for it when it was paid."""
    checkout = factories.open_checkout(owner, plan, at=at)
    Checkout.objects.filter(pk=checkout.pk).update(state="awaiting_approval", expires_at=at + LASTS)
    return factories.ApprovalFactory(
        requester=owner, plan=plan, subject=str(checkout.pk), created_at=at, lapses_at=at + LASTS
    )


def won_dispute(subscription: Subscription, at: datetime) -> Dispute:
    """All is as it was before, but for the row."""
    payment = Payment.objects.get(order__subscription=subscription)
    for outcome in ("open", "won"):
        dispute = contested(payment, outcome, reference=f"{PRIVATE_WORD}_1", at=at)
    return dispute


def member(tenant: Tenant, name: str) -> Membership:
    user = factories.UserFactory(email=f"{name}.{PRIVATE_WORD}@{TENANT_WORD}.example", name=f"{PRIVATE_WORD} {name}")
    return factories.MembershipFactory(tenant=tenant, user=user, name=f"{PRIVATE_WORD} {name}")
