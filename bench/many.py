"""
A database as large as wanted: one purchase made by the operations themselves, then copied in SQL.

A copy has an id that rises with its number, as those of real rows do; what hangs on it is found by that number.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, models, transaction

from commerce.models import (
    BillingPeriod,
    Movement,
    MovementKind,
    Order,
    OrderLine,
    Payment,
    PaymentMethod,
    PaymentSource,
)
from licensing.models import Seat, Subscription
from policies.models import Decision
from tests.factories import MembershipFactory, buy, plan_on_sale


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Tenants and their people, each with a card, and the purchase that the copies are like."""

    bought: Subscription
    tenants: int
    people: int
    # Every tenth person is of one and the same tenant.
    skewed: bool = False

    @property
    def member(self) -> str:
        return id_of("member", self._person)

    @property
    def card(self) -> str:
        return id_of("card", self._person)

    @property
    def tenant(self) -> str:
        """Of the person who bought the nth subscription."""
        return self.tenant_of(self._person)

    def tenant_of(self, person: str) -> str:
        own = f"{person} % {self.tenants}"
        return id_of("tenant", f"(CASE WHEN {person} % 10 = 0 THEN 0 ELSE {own} END)" if self.skewed else own)

    def colleague(self, number: int) -> str:
        """Somebody of the same tenant, for each number somebody else; there are multiples of ten tenants."""
        return id_of("member", f"(1 + (n + {number * self.tenants}) % {self.people})")

    @property
    def _person(self) -> str:
        return f"(1 + n % {self.people})"


def id_of(kind: str, number: str) -> str:
    """SQL for the id of a copy: a UUIDv7 whose moment is its number, so that an index grows at its end."""
    return f"(lpad(to_hex(1700000000000 + ({number})), 12, '0') || '70008' || substr(md5('{kind}'), 1, 15))::uuid"


def crowd(*, tenants: int, people: int, seats: int, at: datetime, skewed: bool = False) -> Crowd:
    """So many tenants with so many people altogether; one more of them buys `seats` seats at a moment."""
    buyer = MembershipFactory()
    bought = buy(buyer, plan_on_sale(), seats, at)
    made = Crowd(bought=bought, tenants=tenants, people=people, skewed=skewed)
    tenant = made.tenant_of("n")
    with _unchecked():
        copy(buyer.tenant, 1, tenants, id=id_of("tenant", f"n % {tenants}"), slug="'copy-' || n")
        copy(buyer.user, 1, people, id=id_of("user", "n"), email="'copy-' || n || '@copies.example'")
        copy(buyer, 1, people, id=id_of("member", "n"), user_id=id_of("user", "n"), tenant_id=tenant)
        card = PaymentMethod.objects.get(member=buyer)
        copy(card, 1, people, id=id_of("card", "n"), tenant_id=tenant, member_id=id_of("member", "n"))
    return made


def subscriptions(
    crowd: Crowd, first: int, last: int, *, due: int, seats: int | None = None, told_apart: dict[str, str] | None = None
) -> None:
    """
    The subscriptions of these numbers, with their orders, charges and seats: as many as the original has, or `seats` of
    colleagues. The terms of `due` of them end when the original was bought, the others later in the month. `told_apart`
    is SQL over `n` for what else differs.
    """
    bought = crowd.bought
    order = Order.objects.get(subscription=bought)
    # Those that are due lie evenly among the others.
    later = f"(CASE WHEN n % {max((last - first + 1) // due, 1)} = 0 THEN 0 ELSE 2 + n % 26 END) * interval '1 day'"
    of_it = {"tenant_id": crowd.tenant, "subscription_id": id_of("subscription", "n")}
    order_id, line_id = id_of("order", "n"), id_of("line", "n")
    period = _moved(later, "starts_at", "ends_at")
    rows: list[tuple[models.Model, dict[str, str]]] = [
        (bought, {
            "id": of_it["subscription_id"], "tenant_id": crowd.tenant, "order_ref": "'copy-' || n",
            "purchaser_id": crowd.member, "owner_id": crowd.member, "payer_id": crowd.member,
            **_moved(later, "term_start", "term_end", "state_ends_at", "anchor_at", "created_at"), **(told_apart or {}),
        }),
        (order, {
            **of_it, "id": order_id, "buyer_id": crowd.member, "checkout_id": "NULL",
            **_moved(later, "created_at", "granted_at", "paid_at"),
        }),
        (OrderLine.objects.get(order=order), {
            "id": line_id, "tenant_id": crowd.tenant, "order_id": order_id, **period,
        }),
        (BillingPeriod.objects.get(subscription=bought), {
            **of_it, "id": id_of("period", "n"), "line_id": line_id, **period,
        }),
        (Payment.objects.get(order=order), {
            "id": id_of("payment", "n"), "tenant_id": crowd.tenant, "order_id": order_id, "payer_id": crowd.member,
            "card_id": crowd.card, "gateway_ref": "'copy-' || n", **_moved(later, "started_at", "settled_at"),
        }),
        (PaymentSource.objects.get(subscription=bought), {
            **of_it, "id": id_of("source", "n"), "payment_method_id": crowd.card,
        }),
        *(
            (seat, {**of_it, "id": id_of(f"seat-{number}", "n"), "member_id": crowd.colleague(number)})
            for number, seat in enumerate(_seats_like(bought, seats))
        ),
    ]  # fmt: skip
    with _unchecked():
        for row, columns in rows:
            copy(row, first, last, **columns)


def _seats_like(bought: Subscription, seats: int | None) -> list[Seat]:
    there = list(Seat.objects.filter(subscription=bought))
    return there if seats is None else there[:1] * seats


def spending(crowd: Crowd, first: int, last: int) -> None:
    """What the ledger says of the orders of these numbers, billed when they were granted, and what months are of it."""
    order = Order.objects.get(subscription=crowd.bought)
    billed = Movement.objects.get(order=order, kind=MovementKind.ORDER_BILLED)
    months = """
        INSERT INTO commerce_monthlyspend (tenant_id, month, channel, currency, amount, folded)
        SELECT o.tenant_id, date_trunc('month', o.granted_at AT TIME ZONE t.time_zone)::date, o.channel, o.currency,
               sum(o.total), true
        FROM commerce_order o JOIN tenants_tenant t ON t.id = o.tenant_id GROUP BY 1, 2, 3, 4
        ON CONFLICT (tenant_id, month, channel, currency) WHERE folded DO UPDATE SET amount = excluded.amount
    """
    copied = {"tenant_id": crowd.tenant, "order_id": id_of("order", "n"), "source": id_of("order", "n")}
    at = f"(SELECT o.granted_at FROM commerce_order o WHERE o.id = {copied['order_id']})"  # noqa: S608 (an id in SQL)
    movement_id = id_of("movement", "n")
    with _unchecked():
        copy(billed, first, last, **copied, id=movement_id, at=at)
        for posting in billed.postings.all():
            of_it = {"id": id_of(posting.account, "n"), "tenant_id": crowd.tenant, "movement_id": movement_id}
            copy(posting, first, last, **of_it)
        with connection.cursor() as cursor:
            cursor.execute(months)


def decisions(crowd: Crowd, row: Decision, first: int, last: int) -> None:
    """The decisions of these numbers, each for a checkout of its own, like this one."""
    with _unchecked():
        copy(
            row, first, last, id=id_of("decision", "n"), tenant_id=crowd.tenant, member_id=crowd.member,
            checkout=id_of("checkout", "n"), at="t.at - n * interval '1 second'",
        )  # fmt: skip


def copy(row: models.Model, first: int, last: int, **columns: str) -> None:
    """More rows like this one. `columns` are SQL over `n`, the number of the copy, for what is its own."""
    table, names = row._meta.db_table, [field.column for field in row._meta.local_concrete_fields]
    values = ", ".join(columns.get(name, f't."{name}"') for name in names)
    into = ", ".join(f'"{name}"' for name in names)
    copies = f"{table} t, generate_series({first}, {last}) n WHERE t.id = '{row.pk}'"
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({into}) SELECT {values} FROM {copies}")  # noqa: S608 (names of columns)


def _moved(later: str, *columns: str) -> dict[str, str]:
    """A month back, and then as much later as the copy is."""
    return {column: f"t.{column} - interval '1 month' + {later}" for column in columns}


@contextmanager
def _unchecked() -> Iterator[None]:
    """The copies are right by how they are made: to look up each key of each row would take most of the time."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
        )
        keys = cursor.fetchall()
        cursor.execute("".join(f"ALTER TABLE {table} DROP CONSTRAINT {name};" for table, name, _rule in keys))
        yield
        again = (
            f"ALTER TABLE {table} ADD CONSTRAINT {name} {rule.removesuffix(' NOT VALID')} NOT VALID;"
            for table, name, rule in keys
        )
        # What waits for the end of the transaction would forbid to alter its table.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("".join(again))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
