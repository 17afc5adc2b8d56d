"""
What lists and files of purchases say of each: every column once, with its head, how it is written, and for whom. A list
shows several of them as one, by names of its own (`LISTED`); how it does stands in `commerce.admin.purchase_list`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from commerce.models import Purchase
from commerce.operations.pricing.next_charge import NextCharge
from tenants.questions import shortened
from tenants.refusal import BadInput
from tenants.spreadsheets import Cell


@dataclass(frozen=True, kw_only=True)
class Line:
    """A purchase with what is fetched for many at once."""

    purchase: Purchase
    charge: NextCharge | None
    policy: str


@dataclass(frozen=True, kw_only=True)
class Column:
    label: str | Promise
    value: Callable[[Line], Cell]
    # Only for those who are told prices, or who may read policies.
    of_money: bool = False
    of_policy: bool = False


def _renews(line: Line) -> str:
    return "on" if line.purchase.auto_renew and line.purchase.gives_access else "off"


# In the order of a file, by the names that JSON has; contract.md's for what the API also tells.
COLUMNS: dict[str, Column] = {
    "id": Column(label=_("Id"), value=lambda line: str(line.purchase.pk)),
    "tenant": Column(label=_("Organisation"), value=lambda line: line.purchase.tenant.slug),
    "product": Column(label=_("Product"), value=lambda line: line.purchase.plan.product.name),
    "plan": Column(label=_("Plan"), value=lambda line: line.purchase.plan_id),
    "channel": Column(label=_("Channel"), value=lambda line: line.purchase.channel),
    "purchaser": Column(label=_("Purchaser"), value=lambda line: str(line.purchase.purchaser)),
    "purchaser_email": Column(label=_("Purchaser’s e-mail"), value=lambda line: line.purchase.purchaser.user.email),
    "department": Column(label=_("Department"), value=lambda line: str(line.purchase.purchaser.department or "")),
    "quantity": Column(label=_("Quantity"), value=lambda line: line.purchase.quantity),
    "seats_assigned": Column(label=_("Used"), value=lambda line: line.purchase.seats_assigned),
    "currency": Column(label=_("Currency"), value=lambda line: line.purchase.currency, of_money=True),
    "unit_price": Column(label=_("Unit price"), value=lambda line: line.purchase.unit_price, of_money=True),
    "paid": Column(label=_("Price paid"), value=lambda line: line.purchase.paid, of_money=True),
    "refunded": Column(label=_("Refunded"), value=lambda line: line.purchase.refunded, of_money=True),
    "next_charge": Column(
        label=_("Next charge"), value=lambda line: line.charge.total if line.charge else None, of_money=True
    ),
    "next_charge_at": Column(
        label=_("Next charge on"), value=lambda line: line.charge.at if line.charge else None, of_money=True
    ),
    "term_start": Column(label=_("Term begins"), value=lambda line: line.purchase.term_start),
    "term_end": Column(label=_("Expires"), value=lambda line: line.purchase.term_end),
    "ended_at": Column(label=_("Ended on"), value=lambda line: line.purchase.ended_at),
    "auto_renew": Column(label=_("Renewal"), value=_renews),
    "state": Column(label=_("State"), value=lambda line: line.purchase.state),
    "policy": Column(label=_("Policy"), value=lambda line: line.policy, of_policy=True),
    "created_at": Column(label=_("Bought"), value=lambda line: line.purchase.created_at),
}


# In the order in which they stand in a list: what people look for first, and what only some of them need last. The
# first of each gives it its head and says for whom it is. Both kinds of names stand in links, in what people keep and
# in scripts: never renamed.
LISTED: dict[str, tuple[str, ...]] = {
    "product": ("product", "plan"),
    "buyer": ("purchaser", "purchaser_email"),
    "in_state": ("state",),
    "quantity": ("quantity",),
    "used": ("seats_assigned",),
    "price_paid": ("paid", "refunded", "currency"),
    "next_charge": ("next_charge", "next_charge_at", "currency"),
    "expires": ("term_end", "ended_at"),
    "unit_price": ("unit_price", "currency"),
    "department": ("department",),
    "channel": ("channel",),
    "renewal": ("auto_renew",),
    "policy_result": ("policy",),
}
LABELS: dict[str, str | Promise] = {name: COLUMNS[shown[0]].label for name, shown in LISTED.items()}
# What only those are shown who are told prices, or who may read policies.
OF_PRICES = frozenset(name for name, shown in LISTED.items() if COLUMNS[shown[0]].of_money)
OF_POLICY = frozenset(name for name, shown in LISTED.items() if COLUMNS[shown[0]].of_policy)
# Until somebody chooses: what fits beside the navigation at 1280 px.
FIRST_SHOWN = ("product", "buyer", "in_state", "quantity", "used", "price_paid", "next_charge", "expires")
# A row without it would lead nowhere.
ALWAYS = "product"


def chosen(names: Iterable[str]) -> list[str]:
    """Those of a list that are named, in their order; the first ones where none is."""
    named = {*names} & LISTED.keys() or {*FIRST_SHOWN}
    return [column for column in LISTED if column in named | {ALWAYS}]


def unknown(names: Iterable[str]) -> list[BadInput]:
    """What is named of a list that has no such column; what is empty names none."""
    return [_no_column(name, LISTED) for name in dict.fromkeys(names) if name.strip() and name not in LISTED]


def require_listed(names: Iterable[str]) -> None:
    """:raises BadInput: a list has no such column"""
    for wrong in unknown(names):
        raise wrong


def narrowed(names: Iterable[str], *, among: Iterable[str] = LISTED) -> list[str]:
    """
    As they are kept: those that are chosen of what somebody could choose, or none where these are the first ones
    anyway. Then a list goes on to show those, and a file has all.
    """
    wanted, could = chosen(names), {*among}
    return [] if could.intersection(wanted) == could.intersection(FIRST_SHOWN) else wanted


def said(names: Iterable[str]) -> str:
    """Of a list, by their heads: "Product, State"; nothing where none is chosen. What is known no more is left out."""
    return ", ".join(str(LABELS[name]) for name in names if name in LABELS)


def written(names: Iterable[str]) -> list[str]:
    """What a file says of a list's columns, in the order of the file; none of none, which is a file with all."""
    parts = {part for name in names for part in LISTED.get(name, ())}
    return [column for column in COLUMNS if column in parts]


def known(names: Sequence[str]) -> list[str]:
    """
    Columns of a file by their own names, each once and in this order.

    :raises BadInput: there is no such column
    """
    for name in names:
        if name not in COLUMNS:
            raise _no_column(name, COLUMNS)
    return list(dict.fromkeys(names))


def _no_column(name: str, known: Iterable[str]) -> BadInput:
    told = {"name": shortened(name), "known": ", ".join(known)}
    said = _("There is no column “%(name)s”. There are: %(known)s.") % told
    return BadInput(said, field="columns", code="invalid_choice")
