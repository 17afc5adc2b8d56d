"""
A process of its own that does what it is told and is killed in the middle of it.

It reads orders from stdin, one JSON list a line: `[{"do": "pay", "die": …, …}, …]`. For each order of a list it forks,
all at once, and answers with their exit codes; -9 is a process that was killed. The hooks that kill are patched in here
and exist nowhere else. Nothing is cleaned up by a SIGKILL: what the database has is what the others find.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

import django

django.setup()

from django.db import connections  # noqa: E402 (after the setup)
from django.test import Client  # noqa: E402

from commerce.gateways.sandbox import SandboxGateway  # noqa: E402
from commerce.models import Checkout, Difference, Order, PaymentMethod  # noqa: E402
from commerce.operations.accounts import catching_up, repairs  # noqa: E402
from commerce.operations.buying import checkouts, payments  # noqa: E402
from commerce.operations.changes import cancellations, lines, policy_endings, scheduled  # noqa: E402
from commerce.operations.notices import digests, writing  # noqa: E402
from commerce.operations.paying import charging, incoming, kept_cards, open_orders, settlement  # noqa: E402
from commerce.operations.procurement import schedules  # noqa: E402
from licensing.models import Subscription  # noqa: E402
from licensing.operations import lifecycle  # noqa: E402
from tenants import outbound  # noqa: E402
from tenants.access import SYSTEM, actor_of  # noqa: E402
from tenants.api import webhook_way  # noqa: E402
from tenants.delivery.webhooks import sending  # noqa: E402
from tenants.directory.models import Membership  # noqa: E402
from tenants.runs import rows, work  # noqa: E402
from tenants.runs.models import Run  # noqa: E402
from tests.commerce.changes import change, confirm, reactivate  # noqa: E402
from tests.factories import add_card, pay  # noqa: E402


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(function: Callable, *, first: bool) -> Callable:
    """The function, with the end of the process before or after it."""

    def run(*args: Any, **options: Any) -> None:
        if not first:
            function(*args, **options)
        die()

    return run


POINTS = {
    "after the webhook": lambda: patch.object(outbound, "post", dying(outbound.post, first=False)),
    "before the charge": lambda: patch.object(SandboxGateway, "charge", dying(SandboxGateway.charge, first=True)),
    "after the charge": lambda: patch.object(SandboxGateway, "charge", dying(SandboxGateway.charge, first=False)),
    "after the answer": lambda: patch.object(charging, "settle_payment", dying(settlement.settle_payment, first=True)),
    "before the settlement commits": lambda: patch.object(
        settlement.fulfilment, "fulfil", dying(settlement.fulfilment.fulfil, first=False)
    ),
    "after the settlement": lambda: patch.object(charging, "shown", dying(charging.shown, first=True)),
    "before the change commits": lambda: patch.object(lines, "give_back", dying(lines.give_back, first=False)),
    "before the refund": lambda: patch.object(SandboxGateway, "refund", dying(SandboxGateway.refund, first=True)),
    "after the refund": lambda: patch.object(SandboxGateway, "refund", dying(SandboxGateway.refund, first=False)),
}


class Statements:
    """Kills before the nth statement that goes to the database, whichever connection it takes."""

    def __init__(self, last: int) -> None:
        self.left = last

    def __call__(self, execute: Callable, *args: Any) -> Any:
        if self.left == 0:
            die()
        self.left -= 1
        return execute(*args)


def act(*, do: str, die: str | int | None = None, at: str = "", starts: float = 0, **what: str) -> None:
    for alias in connections:
        connections[alias].ensure_connection()
    time.sleep(max(starts - time.time(), 0))
    moment = datetime.fromisoformat(at) if at else None
    if isinstance(die, int):
        statements = Statements(die)
        for alias in connections:
            connections[alias].execute_wrappers.append(statements)
        DEEDS[do](moment, **what)
    elif die:
        with POINTS[die]():
            DEEDS[do](moment, **what)
    else:
        DEEDS[do](moment, **what)


def _checkout(pk: str) -> Checkout:
    return Checkout.objects.select_related("buyer__tenant", "buyer__user").get(pk=UUID(pk))


def _subscription(pk: str) -> Subscription:
    return Subscription.objects.with_people().get(pk=UUID(pk))


def _give_up_order(at: datetime, order: str) -> None:
    found = Order.objects.select_related("buyer__user").get(pk=UUID(order))
    open_orders.cancel_order(order=found, by=actor_of(found.buyer), at=at)


def _cancel(at: datetime, subscription: str) -> None:
    found = _subscription(subscription)
    cancellations.cancel_subscription(subscription=found, reason="", by=actor_of(found.owner), at=at)


def _confirm(at: datetime, checkout: str) -> None:
    found = _checkout(checkout)
    payments.confirm_checkout(checkout=found, by=actor_of(found.buyer), at=at)


def _give_up(at: datetime, checkout: str) -> None:
    found = _checkout(checkout)
    checkouts.cancel_checkout(checkout=found, by=actor_of(found.buyer), at=at)


def _remove_card(at: datetime, card: str) -> None:
    found = PaymentMethod.objects.select_related("tenant", "member__tenant", "member__user").get(pk=UUID(card))
    kept_cards.remove(card=found, by=actor_of(found.member), at=at)


def _call(at: None, path: str, token: str, key: str, **body: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    Client(SERVER_NAME="localhost").post(path, body, content_type="application/json", headers=headers)


def _rows_of_run(at: datetime, run: str) -> None:
    """Without the lease that keeps a second process away."""
    found = Run.objects.select_related("tenant", "started_by").get(pk=UUID(run))
    while (row := rows.next_of(found, at=at)) is not None:
        rows.do(found, row, at=at)


def _deliver_webhooks(at: None) -> None:
    sending.deliver(way=webhook_way.by_http(), hands=1)


DEEDS: dict[str, Callable] = {
    "deliver webhooks": _deliver_webhooks,
    "continue run": lambda at, run: work.go_on(UUID(run), at=at, seconds=30),
    "rows of run": _rows_of_run,
    "pay": lambda at, checkout, card="pm_card_visa": pay(_checkout(checkout), card, at=at),
    "confirm": _confirm,
    "give up": _give_up,
    "cancel": _cancel,
    "reconcile": lambda at: settlement.reconcile(at=at),
    "repair": lambda at: repairs.repair(difference=Difference.objects.open().get(), by=SYSTEM, at=at),
    "catch up": lambda at: catching_up.catch_up(at=at),
    "change": lambda at, subscription, quantity: change(_subscription(subscription), quantity, at=at),
    "end terms": lambda at: scheduled.advance_due(at=at),
    "reactivate": lambda at, subscription: reactivate(_subscription(subscription), at),
    "confirm order": lambda at, order: confirm(Order.objects.select_related("buyer__user").get(pk=UUID(order)), at=at),
    "give up order": _give_up_order,
    "add card": lambda at, member: add_card(Membership.objects.select_related("tenant", "user").get(pk=member), at=at),
    "remove card": _remove_card,
    "handle": lambda at, event: incoming.handle(event_id=UUID(event), at=at),
    "end by policy": lambda at: policy_endings.apply_due(at=at),
    "write notices": lambda at: writing.write(at=at),
    "send digests": lambda at: digests.send_due(at=at),
    "send exports": lambda at: schedules.send_due(at=at),
    "expire": lambda at: lifecycle.advance_due(at=at),
    "call": _call,
}


def forked(order: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        act(**order)
        os._exit(0)
    except BaseException:  # noqa: BLE001 (whatever it is, the parent's program must not go on in the child)
        traceback.print_exc()
        os._exit(1)


if __name__ == "__main__":
    print("ready", flush=True)  # noqa: T201 (the protocol)
    for line in sys.stdin:
        children = [forked(order) for order in json.loads(line)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(codes), flush=True)  # noqa: T201
