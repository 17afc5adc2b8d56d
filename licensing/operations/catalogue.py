"""Families, products and plans, as an operator's file has them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from licensing.entries import FamilyEntry, PlanEntry, ProductEntry
from licensing.files import Change, Problems, once
from licensing.models import Family, Plan, Product
from licensing.operations.loading import upsert
from tenants.access import Actor

# The first key of the advisory locks of this app; the catalogue is one thing and has one lock.
CATALOGUE_LOCK = 7_310


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
    by: Actor,
    at: datetime,
) -> list[Change]:
    """
    Add and change families, products and plans; what the file leaves out stays. The caller holds the lock, and
    records the event of the whole file.

    Nothing is written when the entries contradict each other or what stands in the database: that is added to
    `problems`, and the caller refuses the file.
    """
    by.require_operator()
    _check_families(families, products, problems)
    _check_slugs(products, problems)
    _check_plans(plans, problems)
    if problems.found:
        return []
    return [
        *upsert(Family, "family", {(e.slug,): {"name": e.name} for e in families}, key=("slug",)),
        *upsert(
            Product, "product", {(e.id,): _product_values(e) for e in products}, key=("id",), of_new={"created_at": at}
        ),
        *upsert(Plan, "plan", {(e.id,): _plan_values(e) for e in plans}, key=("id",)),
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
        "trial_disabled_days": entry.trial_disabled_days,
    }


def _plan_values(entry: PlanEntry) -> dict[str, Any]:
    return {
        "product_id": entry.product,
        "term": entry.term,
        "min_quantity": entry.min_quantity,
        "max_quantity": entry.max_quantity,
        "renewable": entry.renewable,
    }
