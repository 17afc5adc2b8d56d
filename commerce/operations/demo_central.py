"""What contoso has bought centrally in the demo: an agreement, and purchases by it, each where it is missing."""

from datetime import datetime

from commerce.demo_data import AGREEMENT, CENTRAL_PURCHASES, CONTOSO, DemoCentralPurchase
from commerce.models import Agreement
from commerce.operations.buying import agreements, central
from commerce.operations.buying.agreements import Terms
from commerce.operations.buying.central import AgreementNotInForce, NotPaidByInvoice
from commerce.operations.pricing.prices import NotPriced
from licensing.files import Change, Effect
from licensing.models import Channel, Plan, Seat, Subscription
from licensing.operations import seats
from policies.models import TenantSettings
from policies.operations import settings
from tenants.access import Actor, actor_of
from tenants.directory.models import Membership, Tenant
from tenants.refusal import BadInput, NotAllowed, Refused

# What the people of the demo may have decided or done since an earlier run that was cut off.
MEANWHILE = (NotAllowed, NotPriced, AgreementNotInForce, NotPaidByInvoice, BadInput)


def set_up(*, by: Actor, at: datetime) -> list[Change]:
    """The agreement, whether members take free seats, and the purchases with those who have a seat."""
    tenant = Tenant.objects.get(slug=CONTOSO.slug)
    agreement, added = _agreement(tenant, by=by, at=at)
    if not TenantSettings.objects.filter(tenant=tenant).exists():
        settings.let_members_claim_seats(tenant=tenant, allowed=True, by=by, at=at)
    people = {
        member.user.email.partition("@")[0]: member
        for member in Membership.objects.of(tenant).members().select_related("user", "tenant")
    }
    return [added, *(_purchase(wanted, agreement, people, at=at) for wanted in CENTRAL_PURCHASES)]


def _agreement(tenant: Tenant, *, by: Actor, at: datetime) -> tuple[Agreement, Change]:
    found = Agreement.objects.of(tenant).filter(name=AGREEMENT.name).first()
    if found is not None:
        return found, Change("agreement", AGREEMENT.name, Effect.UNCHANGED)
    sold = Plan.objects.filter(pk__in=AGREEMENT.prices).values_list("pk", flat=True)
    terms = Terms(
        valid_from=tenant.today(at),
        pay_by_invoice=True,
        payment_days=AGREEMENT.payment_days,
        prices={plan: AGREEMENT.prices[plan] for plan in sold},
    )
    added = agreements.add(tenant=tenant, name=AGREEMENT.name, terms=terms, by=by, at=at)
    return added, Change("agreement", AGREEMENT.name, Effect.ADDED)


def _purchase(
    wanted: DemoCentralPurchase, agreement: Agreement, people: dict[str, Membership], *, at: datetime
) -> Change:
    buyer = people[wanted.buyer]
    name = f"{buyer.user.email} {wanted.plan}"
    bought = Subscription.objects.of(buyer.tenant).filter(channel=Channel.CENTRAL, plan=wanted.plan)
    effect = Effect.UNCHANGED
    try:
        if not bought.exists():
            central.order(
                plan=Plan.objects.select_related("product").get(pk=wanted.plan),
                quantity=wanted.quantity,
                agreement=agreement,
                return_url="",
                by=actor_of(buyer),
                at=at,
            )
            effect = Effect.ADDED
    except MEANWHILE:
        return Change("purchase", name, Effect.UNCHANGED)
    _assign(wanted, bought.first(), people, at=at)
    return Change("purchase", name, effect)


def _assign(
    wanted: DemoCentralPurchase, bought: Subscription | None, people: dict[str, Membership], *, at: datetime
) -> None:
    """To those who are to have a seat, where nobody ever had one."""
    if bought is None or Seat.objects.filter(subscription=bought).exists():
        return
    try:
        seats.assign(
            subscription=bought,
            members=[people[local] for local in wanted.assign_to],
            by=actor_of(people[wanted.assigned_by]),
            at=at,
        )
    except Refused:
        return  # Theirs to decide by now.
