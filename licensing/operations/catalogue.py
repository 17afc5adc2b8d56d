"""Families, products and plans, as an operator's file has them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import connection, models
from django.utils.translation import gettext as _

from licensing.files import Change, Effect, Problems
from licensing.models import Family, Plan, Product

# The first key of the advisory locks of this app; the catalogue is one thing and has one lock.
CATALOGUE_LOCK = 7_310


@dataclass(frozen=True, kw_only=True)
class FamilyEntry:
    """A family of the file and the line it stands at."""

    line: int
    slug: str
    name: str


@dataclass(frozen=True, kw_only=True)
class ProductEntry:
    """A product of the file and the line it stands at."""

    line: int
    id: str
    slug: str
    name: str
    family: str
    self_service: bool
    summary: str = ""
    resources: Mapping[str, str] = field(default_factory=dict)
    capacity: Mapping[str, int] = field(default_factory=dict)
    trial_days: int | None = None
    trial_seats: int | None = None


@dataclass(frozen=True, kw_only=True)
class PlanEntry:
    """A plan of the file and the line it stands at."""

    line: int
    id: str
    product: str
    term: str
    min_quantity: int
    max_quantity: int


class Entry(Protocol):
    """Whatever stands at a line of the file."""

    @property
    def line(self) -> int: ...


def lock() -> None:
    """Until the end of the transaction nobody else loads a catalogue: two loads would each miss what the other adds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [CATALOGUE_LOCK])


def apply(
    *,
    families: Sequence[FamilyEntry],
    products: Sequence[ProductEntry],
    plans: Sequence[PlanEntry],
    problems: Problems,
) -> list[Change]:
    """
    Add and change families, products and plans; what the file leaves out stays. The caller holds the lock.

    Nothing is written when the entries contradict each other or what stands in the database: that is added to
    `problems`, and the caller refuses the file.
    """
    _check_families(families, products, problems)
    _check_slugs(products, problems)
    _check_plans(plans, problems)
    if problems.found:
        return []
    return [
        *_write(Family, "family", {e.slug: {"name": e.name} for e in families}),
        *_write(Product, "product", {e.id: _product_values(e) for e in products}),
        *_write(Plan, "plan", {e.id: _plan_values(e) for e in plans}),
    ]


def _check_families(families: Sequence[FamilyEntry], products: Sequence[ProductEntry], problems: Problems) -> None:
    once(((e.slug, e) for e in families), _("family %(name)r"), problems)
    known = {e.slug for e in families} | set(Family.objects.values_list("slug", flat=True))
    for entry in products:
        if entry.family and entry.family not in known:
            problems.add(
                entry.line, _("The family %(name)r is missing. Add it to “families”.") % {"name": entry.family}
            )


def _check_slugs(products: Sequence[ProductEntry], problems: Problems) -> None:
    once(((e.id, e) for e in products), _("product %(name)r"), problems)
    once(((e.slug, e) for e in products), _("product slug %(name)r"), problems)
    taken = dict(Product.objects.values_list("slug", "pk"))
    for entry in products:
        holder = taken.get(entry.slug, entry.id)
        if holder != entry.id:
            told = {"slug": entry.slug, "holder": holder}
            problems.add(entry.line, _("The slug %(slug)r is that of product %(holder)s. Choose another.") % told)


def _check_plans(plans: Sequence[PlanEntry], problems: Problems) -> None:
    once(((e.id, e) for e in plans), _("plan %(name)r"), problems)
    existing = {plan.pk: plan for plan in Plan.objects.all()}
    terms = {(plan.product_id, plan.term): plan.pk for plan in existing.values()}
    for entry in plans:
        plan = existing.get(entry.id)
        if plan and (plan.product_id, plan.term) != (entry.product, entry.term):
            told = {"plan": plan.pk, "product": plan.product_id, "term": plan.term}
            message = _("Plan %(plan)s is %(product)s for %(term)s, for ever. Add a plan with another id.") % told
            problems.add(entry.line, message)
        other = terms.setdefault((entry.product, entry.term), entry.id)
        if other != entry.id:
            told = {"product": entry.product, "term": entry.term, "other": other}
            problems.add(entry.line, _("%(product)s has a plan for %(term)s already: %(other)s.") % told)


def once(named: Iterable[tuple[str, Entry]], what: str, problems: Problems) -> None:
    """Tell of each name that stands at a second line. `what` is a sentence's subject with %(name)r."""
    first: dict[str, int] = {}
    for name, entry in named:
        line = first.setdefault(name, entry.line)
        if name and line != entry.line:
            told = {"what": what % {"name": name}, "line": line}
            problems.add(entry.line, _("The %(what)s stands at line %(line)s already. Remove one.") % told)


def _product_values(entry: ProductEntry) -> dict[str, Any]:
    return {
        "slug": entry.slug,
        "name": entry.name,
        "family_id": entry.family,
        "self_service": entry.self_service,
        "summary": entry.summary,
        "resources": dict(entry.resources),
        "capacity": dict(entry.capacity),
        "trial_days": entry.trial_days,
        "trial_seats": entry.trial_seats,
    }


def _plan_values(entry: PlanEntry) -> dict[str, Any]:
    return {
        "product_id": entry.product,
        "term": entry.term,
        "min_quantity": entry.min_quantity,
        "max_quantity": entry.max_quantity,
    }


def _write(model: type[models.Model], kind: str, wanted: Mapping[str, Mapping[str, Any]]) -> list[Change]:
    existing = model._default_manager.in_bulk(list(wanted))
    changes, added, changed = [], [], []
    for key, values in wanted.items():
        row = existing.get(key)
        if row is None:
            added.append(model(pk=key, **values))
            effect = Effect.ADDED
        elif any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row, name, value)
            changed.append(row)
            effect = Effect.CHANGED
        else:
            effect = Effect.UNCHANGED
        changes.append(Change(kind, key, effect))
    model._default_manager.bulk_create(added)
    if changed:
        fields = [name.removesuffix("_id") for name in next(iter(wanted.values()))]
        model._default_manager.bulk_update(changed, fields)
    return changes
