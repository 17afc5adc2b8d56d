"""The catalogue as an operator writes it: YAML into entries that know their lines."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache

from babel.numbers import list_currencies
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _

from commerce import money
from licensing import yaml_nodes
from licensing.entries import FamilyEntry, PlanEntry, ProductEntry
from licensing.files import Problems
from licensing.models import Channel, Term
from licensing.operations import capacity

SLUG = r"[a-z0-9]+(-[a-z0-9]+)*"
PRODUCT_ID = r"[A-Za-z0-9][A-Za-z0-9._-]*"
RESOURCES = ("learning", "documentation", "samples", "community")
PRODUCT_KEYS = (
    "id", "slug", "name", "family", "self_service", "summary", "resources", "capacity", "trial", "plans",
)  # fmt: skip
PLAN_KEYS = ("id", "term", "min_quantity", "max_quantity", "renewable", "prices")
PRICE_KEYS = ("channel", "currency", "amount", "valid_from")
MOST_EXPENSIVE = Decimal(999_999_999)
MOST_SEATS = 10_000
LARGEST_CAPACITY = 10**15
# A version of the file without `valid_from`: it holds until another one begins.
FROM_THE_START = date(1970, 1, 1)

_https = URLValidator(schemes=["https"])


@dataclass(frozen=True, kw_only=True)
class PriceEntry:
    """A price version of the file and the line it stands at."""

    line: int
    plan: str
    channel: str
    currency: str
    amount: Decimal
    valid_from: date

    @property
    def key(self) -> tuple[str, str, str, date]:
        return self.plan, self.channel, self.currency, self.valid_from

    @property
    def name(self) -> str:
        return " ".join(map(str, self.key))


@dataclass
class CatalogueFile:
    """What stands in a catalogue file, and what is wrong with it."""

    problems: Problems
    families: list[FamilyEntry] = field(default_factory=list)
    products: list[ProductEntry] = field(default_factory=list)
    plans: list[PlanEntry] = field(default_factory=list)
    prices: list[PriceEntry] = field(default_factory=list)


def parse(text: str, name: str) -> CatalogueFile:
    """
    The entries of a catalogue file. What is wrong inside the document is collected in `problems`.

    :raises FileRefused: it is no YAML document
    """
    root = yaml_nodes.compose(text, name)
    file = CatalogueFile(Problems(name))
    top = yaml_nodes.Entry.of(root, file.problems, known=("families", "products"), what=_("The file"))
    if not (top.nodes or file.problems.found):
        file.problems.add(1, _("The file has neither “families” nor “products”."))
    for node in top.entries("families", known=("slug", "name"), what=_("A family"), required=False):
        file.families.append(FamilyEntry(line=node.line, slug=_slug(node, "slug"), name=node.text("name", longest=200)))
    for node in top.entries("products", known=PRODUCT_KEYS, what=_("A product"), required=False):
        _product(node, file)
    return file


def _slug(node: yaml_nodes.Entry, key: str, longest: int = 63) -> str:
    return node.text(key, longest=longest, like=SLUG, hint=_("use a–z, 0–9 and single hyphens"))


def _product(node: yaml_nodes.Entry, file: CatalogueFile) -> None:
    trial = node.mapping("trial", known=("days", "seats", "disabled_days"))
    in_trial, kept = node.has("trial"), trial.has("disabled_days")
    product = ProductEntry(
        line=node.line,
        id=node.text("id", longest=40, like=PRODUCT_ID, hint=_("use A–Z, a–z, 0–9, dots, hyphens, underscores")),
        slug=_slug(node, "slug"),
        name=node.text("name", longest=200),
        family=_slug(node, "family"),
        self_service=node.boolean("self_service", default=False),
        summary=node.text("summary", longest=500, required=False),
        resources=dict(_resources(node.mapping("resources", known=RESOURCES))),
        capacity=_capacity(node.mapping("capacity", known=capacity.KINDS)),
        trial_days=trial.integer("days", smallest=1, largest=3650) if in_trial else None,
        trial_seats=trial.integer("seats", smallest=1, largest=MOST_SEATS) if in_trial else None,
        trial_disabled_days=trial.integer("disabled_days", smallest=0, largest=3650) if kept else None,
    )
    file.products.append(product)
    for plan in node.entries("plans", known=PLAN_KEYS, what=_("A plan")):
        _plan(plan, product, file)


def _resources(node: yaml_nodes.Entry) -> Iterator[tuple[str, str]]:
    for key in node.nodes:
        url = node.text(key, longest=500)
        try:
            _https(url)
        except ValidationError:
            if url:
                node.wrong(key, _("must be a web address that begins with https://."))
        else:
            yield key, url


def _capacity(node: yaml_nodes.Entry) -> Mapping[str, int]:
    return {key: node.integer(key, smallest=0, largest=LARGEST_CAPACITY, default=0) or 0 for key in node.nodes}


def _plan(node: yaml_nodes.Entry, product: ProductEntry, file: CatalogueFile) -> None:
    plan = PlanEntry(
        line=node.line,
        id=_slug(node, "id", longest=80),
        product=product.id,
        term=node.choice("term", Term.values),
        min_quantity=_seats(node, "min_quantity", default=1),
        max_quantity=_seats(node, "max_quantity", default=MOST_SEATS),
        renewable=node.boolean("renewable", default=True),
    )
    if plan.min_quantity > plan.max_quantity:
        node.wrong("min_quantity", _("is larger than max_quantity."))
    if plan.id and plan.product and plan.term:
        file.plans.append(plan)
    for price in node.entries("prices", known=PRICE_KEYS, what=_("A price")):
        _price(price, plan.id, file)


def _seats(node: yaml_nodes.Entry, key: str, *, default: int) -> int:
    return node.integer(key, smallest=1, largest=MOST_SEATS, default=default) or default


def _price(node: yaml_nodes.Entry, plan: str, file: CatalogueFile) -> None:
    channel = node.choice("channel", Channel.values)
    currency = _currency(node)
    amount = _amount(node, currency)
    valid_from = node.day("valid_from", default=FROM_THE_START)
    if plan and channel and currency and amount:
        file.prices.append(
            PriceEntry(
                line=node.line, plan=plan, channel=channel, currency=currency, amount=amount, valid_from=valid_from
            )
        )


def _currency(node: yaml_nodes.Entry) -> str:
    code = node.text("currency", longest=3, like="[A-Z]{3}", hint=_("use three capital letters, such as USD"))
    if code and code not in _currencies():
        node.wrong("currency", _("%(code)s is no currency of ISO 4217.") % {"code": code})
        return ""
    return code


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies("en"))


def _amount(node: yaml_nodes.Entry, currency: str) -> Decimal | None:
    amount = node.decimal("amount")
    if amount is None:
        return None
    if not 0 < amount <= MOST_EXPENSIVE:
        node.wrong("amount", _("must be more than 0 and at most %(most)s.") % {"most": MOST_EXPENSIVE})
    elif currency and not money.is_exact(amount, currency):
        digits = {"currency": currency, "digits": money.minor_digits(currency)}
        node.wrong("amount", _("%(currency)s has %(digits)s digits after the point, no more.") % digits)
    else:
        return amount
    return None
