"""
Six events of the provider in many orders, each one to three times, through the hook and the handler: one end.

`make test` takes thirty: each event first, each other one after it, and the rest as a seed draws it. `make test-faults`
takes all 720. Orders that begin alike share that beginning: they are walked as a tree, and what an event did is taken
back on the way up. Each event is sent again at moments that a seed chooses.
"""

import random
from collections import Counter
from contextlib import ExitStack, contextmanager
from itertools import pairwise

import pytest
from django.db import transaction
from django.test import Client

from commerce.gateways.protocol import GatewayUnavailable, SetupRequest
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import (
    CardSetup,
    Checkout,
    Dispute,
    IncomingEvent,
    Invoice,
    Order,
    Payment,
    PaymentMethod,
    Posting,
    Refund,
    SandboxCharge,
    SandboxRefund,
)
from commerce.operations.changes import cancellations
from licensing.models import Seat, Subscription
from policies.operations import commitments
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tests.commerce.conftest import all_is_well
from tests.commerce.provider import BANK, bought, forget_what_is_owed, owed, tell
from tests.factories import NOON, MembershipFactory, acting, open_checkout

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@contextmanager
def silence(*calls):
    """The provider does what it is asked, but its answers never arrive."""
    with pytest.MonkeyPatch.context() as patch:
        for call in calls:
            done = getattr(SandboxGateway, call)

            def say_nothing(self, *args, done=done, **options):
                done(self, *args, **options)
                raise GatewayUnavailable

            patch.setattr(SandboxGateway, call, say_nothing)
        yield


def contested_purchase(buyer, plan, won):
    """A charge whose answer was lost, contested at the bank, and judged there."""
    with silence("charge"):
        payment = bought(buyer, plan)
    BANK.contest(payment.pk)
    BANK.judge_dispute(payment.pk, won=won)
    return owed("charge.captured", "dispute.opened", "dispute.closed")


def cancelled_purchase(buyer, plan):
    """A purchase that was paid and canceled; the answer to its refund was lost."""
    bought(buyer, plan)
    forget_what_is_owed()
    with silence("refund"):
        cancellations.cancel_subscription(
            subscription=Subscription.objects.get(purchaser=buyer), reason="", by=acting(buyer), at=NOON
        )
    return owed("refund.succeeded")


def charge_in_vain(buyer, plan):
    """Captured for a checkout that had been canceled: it goes back in full."""
    checkout = open_checkout(buyer, plan)
    with silence("charge"):
        payment = bought(buyer, plan)
    Payment.objects.filter(pk=payment.pk).update(state="canceled")
    Order.objects.filter(pk=payment.order_id).update(state="canceled")
    Checkout.objects.filter(pk__in=(checkout.pk, payment.order.checkout_id)).update(state="canceled")
    commitments.release(tenant=buyer.tenant, subject=payment.order.checkout_id)
    return owed("charge.captured")[-1:]


def kept_card(member):
    """A card that is kept without a charge; the answer was lost."""
    setup = CardSetup.objects.create(tenant=member.tenant, member=member, gateway="sandbox", started_at=NOON)
    BANK.set_up(SetupRequest(key=setup.pk, payment_method="pm_card_visa", customer=str(member.pk), return_url=""))
    return owed("setup.captured")


def six_events(plan, tenant, *, won):
    """Of four stories at once."""
    ana, ben, cleo, dan = (MembershipFactory(tenant=tenant, name=name) for name in ("Ana", "Ben", "Cleo", "Dan"))
    events = [*cancelled_purchase(ben, plan), *contested_purchase(ana, plan, won), *charge_in_vain(cleo, plan)]
    events += kept_card(dan)
    assert len({event.id for event in events}) == 6
    return events


def rows(model, *fields, using="default"):
    """A table without what is drawn by lot: ids, and numbers that go to whoever comes first."""
    return Counter(model.objects.using(using).values_list(*fields))


def whole_state():
    return {
        "checkouts": rows(Checkout, "pk", "state"),
        "orders": rows(Order, "pk", "state", "credited", "granted_at", "paid_at"),
        "payments": rows(
            Payment, "pk", "state", "captured", "refunded", "disputed", "gateway_ref", "settled_at", "card__last4"
        ),
        "refunds": rows(Refund, "payment", "amount", "tax", "state", "reason", "settled_at"),
        "disputes": rows(
            Dispute, "payment", "gateway_ref", "amount", "state", "ended_subscription", "closed_at"
        ),
        "subscriptions": rows(
            Subscription, "order_ref", "state", "end_cause", "quantity", "seats_assigned", "term_end", "state_ends_at"
        ),
        "seats": rows(Seat, "subscription__order_ref", "member", "released_at"),
        "invoices": rows(Invoice, "order", "kind", "total", "issued_at"),
        "ledger": rows(
            Posting, "movement__kind", "movement__order", "movement__payment", "movement__at", "account", "amount"
        ),
        "cards": rows(PaymentMethod, "member", "last4", "is_default", "removed_at"),
        "setups": rows(CardSetup, "pk", "state", "payment_method__last4", "settled_at"),
        "journal": rows(Event, "type", "actor", "at"),
        "jobs": Counter(
            (job.name, job.arguments.get("order_id", job.arguments.get("state", ""))) for job in Job.objects.all()
        ),
        "events": rows(IncomingEvent, "reference", "state", "note"),
        "charged": rows(SandboxCharge, "key", "state", "amount", "refunded", using="sandbox"),
        "given back": rows(SandboxRefund, "charge", "state", "amount", using="sandbox"),
    }  # fmt: skip


@contextmanager
def taken_back():
    """What is done inside has not happened afterwards, here or at the provider."""
    with ExitStack() as stack:
        for database in ("default", "sandbox"):
            stack.enter_context(transaction.atomic(using=database))
        yield
        for database in ("default", "sandbox"):
            transaction.set_rollback(True, using=database)


class Walk:
    """Down the orders of the events, and what stands at the end of each: from `forks` told ones on, one way only."""

    def __init__(self, events, seed, forks):
        self.events, self.random, self.client, self.forks = events, random.Random(seed), Client(), forks
        self.sent, self.pairs, self.ends = Counter(), set(), []

    def down(self, copies, rest):
        """`copies`: how often each of the events that were told so far was; `rest`: which may be next."""
        if not rest:
            self.sent.update(copies.values())
            self.pairs.update(pairwise(copies))
            self.ends.append(whole_state())
        for event in self.next_of(rest, len(copies)):
            with taken_back():
                told = self.told(event, copies)
                self.down(told, [one for one in self.events if one.id not in told])

    def next_of(self, rest, depth):
        return rest if depth < self.forks else self.random.sample(rest, min(len(rest), 1))

    def told(self, event, copies):
        copies = {**copies, event.id: 0}
        # Itself, perhaps at once again, and perhaps one that came before.
        again = [one for one in self.events if one.id in copies and self.random.random() < 0.25]
        for one in [event, *again]:
            if copies[one.id] < 3:
                tell(one, client=self.client)
                copies[one.id] += 1
        return copies


# Where the ways fork, and how many orders that makes.
SHORT, LONG = (2, 30), pytest.param(6, 720, marks=pytest.mark.faults)


@pytest.mark.parametrize("forks, orders", [SHORT, LONG])
@pytest.mark.parametrize("verdict", ["lost", "won"])
def test_six_events_in_any_order_come_to_one_end(plan, tenant, verdict, forks, orders):
    events = six_events(plan, tenant, won=verdict == "won")
    with taken_back():
        before = whole_state()
        for event in events:
            assert tell(event).state == "handled"
        expected = whole_state()
        assert all_is_well()
    assert not [name for name in expected if before[name] == expected[name]], "what no event touches shows nothing"
    walk = Walk(events, seed=1, forks=forks)
    walk.down({}, events)
    assert (len(walk.ends), len(walk.pairs)) == (orders, 30), "each follows each"
    assert set(walk.sent) == {1, 2, 3}
    for end in walk.ends:
        assert end == expected


def test_the_control_what_one_of_them_brings_is_seen_in_the_end(plan, tenant):
    """A dispute's opening and its closing tell the same of it, and of the charge: any one of the three will do."""
    refund, charge, opened, closed, in_vain, card = events = six_events(plan, tenant, won=False)

    def end_without(*missing):
        with taken_back():
            for event in events:
                if event not in missing:
                    tell(event)
            return {name: found for name, found in whole_state().items() if name not in ("events", "jobs")}

    complete = end_without()
    assert end_without(charge, opened) == complete
    for missing in ([refund], [opened, closed], [charge, opened, closed], [in_vain], [card]):
        assert end_without(*missing) != complete
