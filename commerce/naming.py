"""How the journal reads the ids of purchases, checkouts, orders and invoices."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from django.urls import reverse
from django.utils.translation import gettext as _

from commerce.models import (
    Agreement,
    CardSetup,
    Centralisation,
    Checkout,
    Difference,
    Dispute,
    IncomingEvent,
    Invoice,
    OrderLine,
    PaymentMethod,
    Purchase,
    SupportCase,
    TakeOver,
)
from policies.models import Approval
from tenants.directory.models import Membership, Tenant
from tenants.journal.naming import SUBJECT, Named, Names, uuids


def approvals(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = Approval.objects.filter(pk__in=uuids(ids)).select_related("plan__product")
    found = found if tenant is None else found.of(tenant)
    return {
        str(approval.pk): Named(str(approval), reverse("admin:policies_approval_change", args=[approval.pk]))
        for approval in found
    }


def purchases(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = Purchase.objects.filter(pk__in=uuids(ids)).select_related("plan__product")
    found = found if tenant is None else found.of(tenant)
    return {
        str(purchase.pk): Named(str(purchase), reverse("admin:commerce_purchase_change", args=[purchase.pk]))
        for purchase in found
    }


def checkouts(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = Checkout.objects.filter(pk__in=uuids(ids)).select_related("plan__product")
    found = found if tenant is None else found.of(tenant)
    return {str(checkout.pk): Named(str(checkout)) for checkout in found}


def orders(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    """By their lines."""
    lines = OrderLine.objects.filter(order__in=uuids(ids)).order_by("pk").select_related("plan__product")
    lines = lines if tenant is None else lines.filter(tenant=tenant)
    named: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        named[str(line.order_id)].append(str(line))
    return {order: Named(", ".join(texts)) for order, texts in named.items()}


def agreements(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = Agreement.objects.filter(pk__in=uuids(ids))
    found = found if tenant is None else found.of(tenant)
    return {
        str(agreement.pk): Named(agreement.name, reverse("admin:commerce_agreement_change", args=[agreement.pk]))
        for agreement in found
    }


def invoices(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = Invoice.objects.filter(pk__in=uuids(ids))
    found = found if tenant is None else found.of(tenant)
    return {str(invoice.pk): Named(invoice.number) for invoice in found}


def support_cases(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = SupportCase.objects.filter(pk__in=uuids(ids))
    found = found if tenant is None else found.of(tenant)
    return {str(case.pk): Named(_("Support case: %(kind)s") % {"kind": case.get_kind_display()}) for case in found}


def cards(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    """By whose they are: what is printed on somebody's card is nobody else's business."""
    found = PaymentMethod.objects.filter(pk__in=uuids(ids)).select_related("member__user")
    found = found if tenant is None else found.of(tenant)
    return {str(card.pk): _card_of(card.member) for card in found}


def card_setups(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = CardSetup.objects.filter(pk__in=uuids(ids)).select_related("member__user")
    found = found if tenant is None else found.filter(tenant=tenant)
    return {str(setup.pk): _card_of(None if setup.for_tenant else setup.member) for setup in found}


def disputes(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = Dispute.objects.filter(pk__in=uuids(ids))
    found = found if tenant is None else found.of(tenant)
    return {
        str(dispute.pk): Named(dispute.gateway_ref, reverse("admin:commerce_dispute_change", args=[dispute.pk]))
        for dispute in found
    }


def incoming_events(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    """The operator's alone."""
    if tenant is not None:
        return {}
    return {
        str(event.pk): Named(str(event), reverse("admin:commerce_incomingevent_change", args=[event.pk]))
        for event in IncomingEvent.objects.filter(pk__in=uuids(ids))
    }


def _card_of(member: Membership | None) -> Named:
    return Named(_("Card of %(name)s") % {"name": member} if member else _("Card of the organisation"))


def centralisations(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    found = Centralisation.objects.filter(pk__in=uuids(ids)).select_related("product")
    found = found if tenant is None else found.of(tenant)
    return {
        str(row.pk): Named(
            _("Centralising %(product)s") % {"product": row.product},
            reverse("admin:commerce_centralisation_change", args=[row.pk]),
        )
        for row in found
    }


def take_overs(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    """Also by their purchasers: many of one plan are settled at once."""
    found = TakeOver.objects.filter(pk__in=uuids(ids))
    found = found.select_related("subscription__plan__product", "subscription__purchaser__user")
    found = found if tenant is None else found.of(tenant)
    return {
        str(row.pk): Named(
            f"{row.subscription}, {row.subscription.purchaser}",
            reverse("admin:commerce_takeover_change", args=[row.pk]),
        )
        for row in found
    }


def differences(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    """Their pages are the operator's alone."""
    found = Difference.objects.filter(pk__in=uuids(ids))
    found = found if tenant is None else found.of(tenant)
    return {
        str(row.pk): Named(
            row.get_kind_display(), "" if tenant else reverse("admin:commerce_difference_change", args=[row.pk])
        )
        for row in found
    }


NAMES: Names = {
    SUBJECT: (
        approvals,
        purchases,
        checkouts,
        orders,
        agreements,
        support_cases,
        cards,
        card_setups,
        differences,
        centralisations,
        take_overs,
    ),
    "agreement": (agreements,),
    "checkout": (checkouts,),
    "payment_method": (cards,),
    "subscriptions": (purchases,),
    "subscription": (purchases,),
    "order": (orders,),
    "invoice": (invoices,),
    "difference": (differences,),
    "dispute": (disputes,),
    "incoming_event": (incoming_events,),
}
