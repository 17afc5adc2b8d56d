"""What a list of purchases can show of each."""

from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# In the order in which they stand: what people look for first, and what only some of them need last.
COLUMNS: dict[str, str | Promise] = {
    "product": _("Product"),
    "buyer": _("Purchaser"),
    "in_state": _("State"),
    "quantity": _("Quantity"),
    "used": _("Used"),
    "price_paid": _("Price paid"),
    "next_charge": _("Next charge"),
    "expires": _("Expires"),
    "unit_price": _("Unit price"),
    "department": _("Department"),
    "channel": _("Channel"),
    "renewal": _("Renewal"),
    "policy_result": _("Policy"),
}
# What only those are shown who are told prices, or who may read policies.
OF_PRICES = frozenset({"unit_price", "price_paid", "next_charge"})
OF_POLICY = frozenset({"policy_result"})
# A row without it would lead nowhere.
ALWAYS = "product"


def chosen(names: Iterable[str]) -> list[str]:
    """Those that are named, in their order; all where none is."""
    named = set(names)
    wanted = [column for column in COLUMNS if column in named]
    return [column for column in COLUMNS if column in {ALWAYS, *wanted}] if wanted else list(COLUMNS)
