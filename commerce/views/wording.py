"""How the buyer's pages say what the models hold: states, terms, links, lines."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from commerce import amounts
from commerce.models import Checkout, Order, OrderState, PaymentState, RefundState
from commerce.operations.changes.cancellations import Cancellation
from commerce.operations.changes.quotes import Position, Quote, Why
from commerce.operations.renewing.decision import Decision
from commerce.tax import as_seen
from licensing.models import Plan, Product, Term
from tenants.dates import minute

_RESOURCES: dict[str, str | Promise] = {
    "learning": gettext_lazy("Guided learning"),
    "documentation": gettext_lazy("Documentation"),
    "samples": gettext_lazy("Samples"),
    "community": gettext_lazy("Community"),
}
_PER: dict[str, str | Promise] = {
    Term.MONTH: gettext_lazy("per seat a month"),
    Term.YEAR: gettext_lazy("per seat a year"),
}
_BUY: dict[str, str | Promise] = {Term.MONTH: gettext_lazy("Buy monthly"), Term.YEAR: gettext_lazy("Buy annually")}
_DECLINES: dict[str, str | Promise] = {
    "insufficient_funds": gettext_lazy(
        "Your card was declined: there is not enough money on it. Nothing was charged. Try another card."
    ),
    "expired_card": gettext_lazy("Your card has expired. Nothing was charged. Try another card."),
    "incorrect_cvc": gettext_lazy("The card's security code is wrong. Nothing was charged. Type the card again."),
    "currency_not_supported": gettext_lazy(
        "Your card does not pay in this currency. Nothing was charged. Try another card."
    ),
    "processing_error": gettext_lazy(
        "Your bank could not process the payment. Nothing was charged. Try again in a minute or use another card."
    ),
    "unknown_card": gettext_lazy("This card cannot be used here. Nothing was charged. Try another card."),
    "amount_not_supported": gettext_lazy(
        "The payment provider cannot charge this amount in this currency, whatever the card. Nothing was charged."
    ),
    "authentication_failed": gettext_lazy(
        "Your card was declined: the payment was not confirmed with your bank. Nothing was charged. "
        "Try again or use another card."
    ),
}


@dataclass(frozen=True, kw_only=True)
class Link:
    """Where to learn more about a product."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """A position with its price: `unit` times `quantity` is `amount`, or `note` says of which part, and why."""

    text: str
    unit: Decimal
    quantity: int
    amount: Decimal
    note: str = ""


def links_of(product: Product) -> list[Link]:
    """Only web addresses: what a catalogue file says is not trusted to be one."""
    found = ((label, str(product.resources.get(kind, ""))) for kind, label in _RESOURCES.items())
    return [Link(label=str(label), url=url) for label, url in found if url.startswith(("https://", "http://"))]


def per_term(plan: Plan) -> str:
    return str(_PER[plan.term])


def buy_term(plan: Plan) -> str:
    return str(_BUY[plan.term])


def checkout_lines(checkout: Checkout) -> list[Line]:
    return [
        Line(
            text=str(checkout.plan),
            unit=checkout.unit_price,
            quantity=checkout.quantity,
            amount=checkout.total if checkout.tax_inclusive else checkout.subtotal,
        )
    ]


def order_lines(order: Order) -> list[Line]:
    return [
        Line(
            text=str(line.plan),
            unit=line.unit_price,
            quantity=line.quantity,
            amount=as_seen(line),
            note=_part_of(line.part_seconds, line.term_seconds),
        )
        for line in order.lines.all()
    ]


def quote_lines(quote: Quote | Cancellation) -> list[Line]:
    """What is charged or goes back, each with its part of the term, its time, and why."""
    return position_lines(quote.lines, quote.subscription.zone)


def position_lines(positions: Iterable[Position], zone: ZoneInfo) -> list[Line]:
    return [
        Line(
            text=str(line.plan), unit=line.unit_price, quantity=line.quantity, amount=line.seen, note=_note(line, zone)
        )
        for line in positions
    ]


def renewal_line(found: Decision) -> Line:
    """What the next term costs."""
    return Line(
        text=str(found.subscription.plan),
        unit=found.charge.unit_price,
        quantity=found.charge.quantity,
        amount=found.charge.amount,
    )


def look_then_pay(count: int) -> str:
    """To somebody who typed another number than the one whose total they saw."""
    text = ngettext(
        "The total is for %(count)s seat now. Look at it, then pay.",
        "The total is for %(count)s seats now. Look at it, then pay.",
        count,
    )
    return text % {"count": count}


def charged(order: Order) -> str:
    amount = {"amount": amounts.money(order.total, order.currency)}
    by_invoice = order.state == OrderState.INVOICED
    return (_("%(amount)s was billed.") if by_invoice else _("%(amount)s was charged.")) % amount


def goes_back(quote: Quote | Cancellation) -> str:
    amount = {"amount": amounts.money(quote.total, quote.currency)}
    if quote.subscription.payer_id is not None:
        return _("%(amount)s goes back to your card.") % amount
    if all(line.payment is None for line in _given_back(quote)):
        return _("%(amount)s comes off the invoice.") % amount
    if all(line.payment is not None for line in _given_back(quote)):
        return _("%(amount)s goes back to the card that paid.") % amount
    return _("%(amount)s goes back to the card that paid, or comes off the invoice.") % amount


def _given_back(quote: Quote | Cancellation) -> list[Position]:
    return [line for line in quote.lines if line.why == Why.INSIDE_WINDOW]


def _note(line: Position, zone: ZoneInfo) -> str:
    told = {
        "part": _days(line.part.seconds, line.part.of),
        "charged": amounts.money(
            line.charged if line.tax_inclusive else line.charged - line.charged_tax, line.currency
        ),
        "start": minute(line.starts_at, zone),
        "end": minute(line.ends_at, zone),
    }
    if line.why == Why.REST_OF_TERM:
        return _("For %(part)s: %(start)s to %(end)s.") % told
    if line.why == Why.INSIDE_WINDOW:
        return _("Of %(charged)s, for %(part)s not used yet: %(start)s to %(end)s.") % told
    return f"{line.why.label} {_('%(start)s to %(end)s.') % told}"


def _part_of(seconds: int | None, term: int | None) -> str:
    """Nothing for the whole of a term."""
    if seconds is None or not term or seconds == term:
        return ""
    return _("For %(part)s.") % {"part": _days(seconds, term)}


def _days(seconds: int, of: int) -> str:
    """16.25 of 31 days."""
    part, term = (amounts.days(timedelta(seconds=each)) for each in (seconds, of))
    return _("%(part)s of %(term)s days") % {"part": part, "term": term}


def refunded_of(order: Order) -> Decimal:
    """What went back of what the order itself cost."""
    return sum((p.refunded for p in order.payments.all() if p.state == PaymentState.SUCCEEDED), Decimal(0))


def not_back_of(order: Order) -> Decimal:
    """What was promised to a card whose bank refused it, and has not gone back another way since."""
    refunds = [each for payment in order.payments.all() if not payment.disputed for each in payment.refunds.all()]
    made_good = {each.replaces_id for each in refunds if each.state == RefundState.SUCCEEDED}
    failed = (each for each in refunds if each.state == RefundState.FAILED and each.replaces_id is None)
    return sum((each.amount for each in failed if each.pk not in made_good), Decimal(0))


def surplus_of(order: Order) -> Decimal:
    """What cards were charged without need; all of it goes back."""
    return sum((p.captured for p in order.payments.all() if p.state == PaymentState.SURPLUS), Decimal(0))


def is_set_aside(order: Order) -> bool:
    """A card was charged, but not what the order costs: somebody has to look into it."""
    return any(payment.state == PaymentState.SET_ASIDE for payment in order.payments.all())


def decline(code: str) -> str:
    """Why the bank said no, and what happened to the money: nothing."""
    return str(
        _DECLINES.get(code)
        or _("Your card was declined, and your bank gave no reason. Nothing was charged. Try another card.")
    )


def with_lines(orders: Iterable[Order]) -> list[dict[str, object]]:
    """Orders as the subscription's page shows them."""
    return [
        {
            "id": order.pk,
            "paid_at": order.paid_at,
            "lines": order_lines(order),
            "charge": order,
            "refunded": refunded_of(order),
            "not_back": not_back_of(order),
            "credited": order.credited,
            "surplus": surplus_of(order),
            "set_aside": is_set_aside(order),
        }
        for order in orders
    ]
