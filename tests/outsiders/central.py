"""What the victim's organisation has bought itself."""

from dataclasses import dataclass
from datetime import datetime

from commerce.models import Agreement, Checkout, Invoice
from commerce.operations.billing import invoice_payments
from licensing.models import Seat, Subscription
from licensing.operations import seats
from policies.operations import settings
from tenants.access import SYSTEM
from tenants.directory.models import Membership
from tests import factories


@dataclass
class Central:
    """By an agreement: one purchase with free seats and an open invoice, and one whose invoice is being paid."""

    agreement: Agreement
    subscription: Subscription
    # The admin's own.
    seat: Seat
    invoice: Invoice
    waiting: Invoice
    # Of the owner, who may take a free seat instead.
    claimable: Checkout


def build(*, owner: Membership, admin: Membership, word: str, at: datetime) -> Central:
    plan = factories.plan_on_sale()
    agreement = factories.agree(admin.tenant, at, name=f"{word} agreement", prices=[(plan, "8.99")])
    bought, waiting = (factories.order_centrally(admin, plan, quantity, at, agreement=agreement) for quantity in (5, 1))
    invoice, paying = bought.invoices.get(), waiting.invoices.get()
    by = factories.acting(admin)
    invoice_payments.pay_invoice(
        invoice=paying,
        payment_method="pm_card_authenticationRequired",
        return_url=factories.RETURN_URL,
        by=by,
        at=at,
    )
    [seat] = seats.assign(subscription=bought.subscription, members=[admin], by=by, at=at)
    settings.let_members_claim_seats(tenant=admin.tenant, allowed=True, by=SYSTEM, at=at)
    return Central(
        agreement=agreement,
        subscription=bought.subscription,
        seat=seat,
        invoice=invoice,
        waiting=paying,
        claimable=factories.open_checkout(owner, plan, at=at),
    )
