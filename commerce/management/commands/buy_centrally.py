import argparse
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.urls import reverse

from commerce import money
from commerce.models import Agreement
from commerce.operations.buying import central
from commerce.operations.paying import cards
from licensing.models import Plan
from tenants.access import RIGHTS, SYSTEM, Right, actor_of
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.management.operator_command import OperatorCommand, Output, Stop, tenant_called


class Command(OperatorCommand):
    help = "Buys for a tenant: by an agreement that is paid by invoice, or with the tenant's default card."
    takes_at = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("tenant", metavar="TENANT", help="the tenant's slug")
        parser.add_argument("plan", metavar="PLAN", help="the plan's id")
        parser.add_argument("quantity", metavar="QUANTITY", type=int, help="how many seats")
        parser.add_argument("--agreement", metavar="NAME", help="at its prices, paid by invoice if it says so")
        parser.add_argument(
            "--by", metavar="EMAIL", help="who buys; default: who has been allowed to buy for the tenant longest"
        )

    def perform(
        self, *, tenant: str, plan: str, quantity: int, agreement: str | None, by: str | None, at: datetime,
        **options: Any,
    ) -> Output:  # fmt: skip
        owner = tenant_called(tenant)
        terms = agreement_called(agreement, owner) if agreement else None
        buyer = buyer_called(by, owner)
        card = "" if terms and terms.pay_by_invoice else default_card(buyer, at=at)
        order_id = new_id()
        order = central.order(
            plan=plan_called(plan),
            quantity=quantity,
            agreement=terms,
            payment_method=card,
            return_url=urljoin(settings.BASE_URL, reverse("admin:commerce_purchase_ordered", args=[order_id])),
            buyer=buyer,
            order_id=order_id,
            by=SYSTEM,
            at=at,
        )
        return {
            "order": order.pk,
            "state": order.state,
            "subscription": order.subscription_id,
            "purchaser": buyer.user.email,
            "total": money.text(order.total, order.currency),
            "currency": order.currency,
            "due_at": order.due_at,
        }


def plan_called(name: str) -> Plan:
    """:raises Stop: there is no such plan"""
    found = Plan.objects.select_related("product").filter(pk=name).first()
    if found is None:
        raise Stop(f"There is no plan {name!r}.")
    return found


def agreement_called(name: str, tenant: Tenant) -> Agreement:
    """:raises Stop: the tenant has no agreement of that name"""
    found = Agreement.objects.of(tenant).filter(name=name).first()
    if found is None:
        raise Stop(f"{tenant.slug} has no agreement {name!r}.")
    return found


def buyer_called(email: str | None, tenant: Tenant) -> Membership:
    """:raises Stop: nobody of that address, or nobody at all who may buy for the tenant"""
    members = Membership.objects.of(tenant).active().select_related("user", "tenant")
    if email is not None:
        found = members.by_email([email.strip().lower()]).first()
        if found is None:
            raise Stop(f"{tenant.slug} has no active member {email!r}.")
        return found
    roles = [role for role, rights in RIGHTS.items() if Right.BUY_CENTRALLY in rights]
    longest = members.filter(role_grants__role__in=roles).order_by("role_grants__granted_at", "pk").first()
    if longest is None:
        raise Stop(f"Nobody may buy for {tenant.slug}.")
    return longest


def default_card(buyer: Membership, *, at: datetime) -> str:
    """:raises Stop: the tenant keeps no card that can pay now"""
    kept = cards.offered(by=actor_of(buyer), at=at, for_organisation=True)
    if not kept:
        raise Stop(f"{buyer.tenant.slug} has no card that can pay. Name an agreement that is paid by invoice.")
    return str(kept[0].pk)
