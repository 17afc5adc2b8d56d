"""
Purchases by what people type: names and addresses. Who and which products that are is found first, within the
organisation; its purchases are then read by their ids, along indexes, however many there are.
"""

from collections.abc import Collection, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Cast

from licensing.models import Plan, Seat
from licensing.models.subscription import SubscriptionQuerySet
from tenants.directory.models import Department, Membership, MembershipQuerySet, User
from tenants.directory.tree import and_below

Rows = TypeVar("Rows", bound=SubscriptionQuerySet)

# So many people are named one by one. What more of them bought is everywhere among the newest purchases.
NAMED = 500
PLAN, PERSON = "plan", "person"


def matching(rows: Rows, text: str, *, among: Collection[UUID] | None) -> Rows:
    """Those whose product, or whose purchaser's name or address, has the text in it; `among` None: of all tenants."""
    plans = _keys(Plan.objects.filter(product__name__icontains=text), PLAN)
    by_name = _members(among).filter(name__icontains=text)
    # Addresses are kept in lower case, and their index is of what is kept.
    by_address = _members(among).filter(user__in=User.objects.filter(email__contains=text.lower()))
    # Whoever is found by both counts twice: to tell them apart, everybody would be found before the first is known.
    found = list(_keys(by_name, PERSON).union(_keys(by_address, PERSON), plans, all=True)[: NAMED + 1])
    if len(found) <= NAMED:
        named = {kind: [key for of, key in found if of == kind] for kind in (PLAN, PERSON)}
        return rows.filter(Q(plan__in=named[PLAN]) | Q(purchaser__in=named[PERSON]))
    # Asked of each purchase on the way through the newest: a page is full long before everybody has been found.
    return rows.filter(
        Q(plan__product__name__icontains=text)
        | Q(purchaser__name__icontains=text)
        | Q(purchaser__user__email__contains=text.lower())
    )


def held_by(rows: Rows, email: str, *, among: Collection[UUID] | None) -> Rows:
    """Those of which somebody holds a seat now."""
    return in_hands_of(rows, members_at(email, among=among))


def in_hands_of(rows: Rows, members: Sequence[UUID]) -> Rows:
    """
    As `held_by`, of people who are found already. Their few seats are read first, along an index: beside a page's order
    and limit the database would rather look at every purchase.
    """
    held = Seat.objects.open().filter(member__in=members)
    return rows.filter(pk__in=list(held.values_list("subscription", flat=True)))


def members_at(email: str, *, among: Collection[UUID] | None) -> list[UUID]:
    """Whose address it is: one in each tenant."""
    return list(_members(among).by_email([email]).values_list("pk", flat=True))


def departments_like(value: str, *, among: Collection[UUID] | None) -> Sequence[UUID]:
    """The departments of this id or name with all below them; none: there is no such department."""
    rows = Department.objects.all() if among is None else Department.objects.filter(tenant__in=among)
    departments = list(rows.values_list("pk", "name", "parent"))
    named = {pk for pk, name, _parent in departments if value == str(pk) or value.lower() == name.lower()}
    return sorted(and_below(named, {pk: parent for pk, _name, parent in departments}))


def _keys(rows: QuerySet[Any], kind: str) -> QuerySet[Any, tuple[str, str]]:
    """What is found of a kind, to be read together with what is found of another."""
    return (
        rows.order_by().annotate(of_kind=Value(kind), as_text=Cast("pk", CharField())).values_list("of_kind", "as_text")
    )


def _members(among: Collection[UUID] | None) -> MembershipQuerySet:
    return Membership.objects.all() if among is None else Membership.objects.filter(tenant__in=among)
