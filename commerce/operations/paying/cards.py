"""Which card is meant, whether it may pay here, and keeping it for the charges that follow."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_lazy as _

from commerce import gateways
from commerce.gateways.protocol import CardDetails, Funding, GatewayUnavailable, UnknownPaymentMethod
from commerce.models import Payment, PaymentMethod
from commerce.models.order import UNASKED
from licensing.models import Channel
from tenants.access import SYSTEM, Actor
from tenants.directory.models import Membership, Tenant
from tenants.journal import events
from tenants.refusal import Refused

LOCK = 7_303


class PaymentMethodNotAccepted(Refused):
    http_status = 400
    message = _("This is no credit card that can be charged. Self-service is paid by credit card only.")


class ProviderUnavailable(Refused):
    http_status = 503
    message = _("The payment provider does not answer now. Nothing was charged; try again in a minute.")


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a charge goes to: the provider's token, and the kept card where it is one."""

    token: str
    card: PaymentMethod | None = None


def means(*, payment_method: str, by: Actor, field: str = "payment_method") -> Means:
    """
    The card behind a provider's token or a kept card's id. Asks the provider: outside any transaction. `field` is what
    the caller named it by.

    :raises PaymentMethodNotAccepted: neither; or prepaid; or of another country than the tenant's
    :raises ProviderUnavailable: the provider does not answer
    """
    card = _kept(payment_method, by, field)
    if card is not None:
        _require_accepted(Funding(card.funding), card.country, by.organisation, field)
        return Means(token=card.reference, card=card)
    details = described(payment_method, field=field)
    _require_accepted(details.funding, details.country, by.organisation, field)
    return Means(token=payment_method)


def offered(*, by: Actor, at: datetime, for_organisation: bool = False) -> list[PaymentMethod]:
    """The kept cards that can pay now, the default first: one's own, or the organisation's for whoever buys for it."""
    today = at.astimezone(by.organisation.zone).date()
    mine = PaymentMethod.objects.usable_by(by).filter(member__isnull=for_organisation)
    return list(mine.filter(gateway=gateways.current().name).good_on(today).default_first())


def described(token: str, *, field: str = "payment_method") -> CardDetails:
    """:raises PaymentMethodNotAccepted: no card. :raises ProviderUnavailable: the provider does not answer"""
    gateway = gateways.current()
    try:
        gateway.check(token)
        return gateway.describe(token)
    except UnknownPaymentMethod:
        raise PaymentMethodNotAccepted(field=field) from None
    except GatewayUnavailable:
        raise ProviderUnavailable from None


def keep(
    *, details: CardDetails, tenant: Tenant, member: Membership | None, gateway: str, at: datetime
) -> PaymentMethod:
    """
    The row of a card that the provider keeps: one for each card of a holder, however often it is used. The first one
    is the default. In the caller's transaction. `member` none: the organisation's own.
    """
    hold(tenant, member)
    # A provider that tells no fingerprint gives each of its references a card of its own.
    fingerprint = details.fingerprint or details.reference
    mine = list(PaymentMethod.objects.of(tenant).filter(member=member).kept())
    card = next((kept for kept in mine if (kept.gateway, kept.fingerprint) == (gateway, fingerprint)), None)
    told = {
        "reference": details.reference,
        "brand": details.brand,
        "last4": details.last4,
        "exp_month": details.exp_month,
        "exp_year": details.exp_year,
        "funding": details.funding,
        "country": details.country,
    }
    if card is not None:
        if (card.exp_year, card.exp_month) != (details.exp_year, details.exp_month):
            told["expiry_told_at"] = None
        PaymentMethod.objects.filter(pk=card.pk).update(**told)
        card.refresh_from_db()
        return card
    default = next((kept for kept in mine if kept.is_default), None)
    if default and default.gateway != gateway:
        # Of a provider that is no longer in use: it can pay for nothing.
        PaymentMethod.objects.filter(pk=default.pk).update(is_default=False)
        default = None
    card = PaymentMethod.objects.create(
        tenant=tenant,
        member=member,
        gateway=gateway,
        fingerprint=fingerprint,
        is_default=default is None,
        created_at=at,
        **told,
    )
    events.record("payment_method.added", tenant=tenant, by=SYSTEM, at=at, subject=card.pk)
    return card


def is_known(details: CardDetails, card: PaymentMethod | None) -> bool:
    """Whether the provider tells nothing of a kept card that is not written down here."""
    if card is None or card.removed_at is not None:
        return False
    told = (details.reference, details.fingerprint or details.reference, details.exp_month, details.exp_year)
    return told == (card.reference, card.fingerprint, card.exp_month, card.exp_year)


def hold(tenant: Tenant, member: Membership | None) -> None:
    """The lock of a holder's cards, to the end of the transaction: which one is the default changes only under it."""
    holder = member.pk if member else tenant.pk
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK, str(holder)])


def require_kept(payment: Payment) -> None:
    """
    Keep the card of a try from being removed until the caller's transaction, which commits the try, has ended.

    :raises PaymentMethodNotAccepted: it was removed meanwhile, or it is not the payer's
    """
    if payment.card is None:
        return
    member = holder(payment)
    hold(payment.tenant, member)
    if not PaymentMethod.objects.of(payment.tenant).filter(pk=payment.card.pk, member=member).kept().exists():
        raise PaymentMethodNotAccepted(_("This card cannot pay here. Choose another one."), field="payment_method")


def require_held(card: PaymentMethod, tenant: Tenant, member: Membership) -> None:
    """As `require_kept`, for what a card is to pay later on."""
    hold(tenant, member)
    if not PaymentMethod.objects.of(tenant).filter(pk=card.pk, member=member).kept().exists():
        raise PaymentMethodNotAccepted(_("This card cannot pay here. Choose another one."), field="payment_method")


def customer(payment: Payment) -> str:
    """Whom the provider keeps the card for: the payer, or the organisation for what it buys itself."""
    if payment.order.kind in UNASKED and payment.card:
        return str(payment.card.member_id or payment.tenant_id)
    return str(payment.tenant_id if payment.order.channel == Channel.CENTRAL else payment.payer_id)


def holder(payment: Payment) -> Membership | None:
    """Whose card it becomes, or is; none: the organisation's."""
    if payment.order.kind in UNASKED and payment.card:
        return payment.card.member  # also of what the organisation took over, whoever bought it
    return None if payment.order.channel == Channel.CENTRAL else payment.payer


def _kept(payment_method: str, by: Actor, field: str) -> PaymentMethod | None:
    """One's own card, by its id or by the provider's reference. None: a token that no card is known by."""
    try:
        lookup: dict[str, object] = {"pk": UUID(payment_method)}
    except ValueError:
        lookup = {"reference": payment_method}
    known = PaymentMethod.objects.filter(gateway=gateways.current().name, **lookup)
    card = known.usable_by(by).first()
    if card is None and ("pk" in lookup or known.exists()):
        raise PaymentMethodNotAccepted(field=field)
    return card


def _require_accepted(funding: Funding, country: str, tenant: Tenant, field: str) -> None:
    if funding == Funding.PREPAID:
        raise PaymentMethodNotAccepted(_("Prepaid cards are not accepted. Use a credit card."), field=field)
    if country and country != tenant.country:
        raise PaymentMethodNotAccepted(
            _("This card was issued in another country than your organisation's. Use one from its own country."),
            field=field,
        )
