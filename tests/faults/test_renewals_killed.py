"""
Due subscriptions, two schedules, two workers: the workers are killed again and again, the broker once. Each term is
charged once, by the provider's own books.

`make test` takes a short form, whose rest is done by a later sweep; `make test-faults` the whole, by the workers alone.
"""

import time
from collections import Counter
from datetime import timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.utils import timezone

from commerce.models import BillingPeriod, Invoice, Order, OrderKind, Payment, Renewal, RenewalState, SandboxCharge
from commerce.models.renewal import RenewalQuerySet
from commerce.models.sandbox import SandboxEvent
from commerce.operations.paying import settlement
from commerce.operations.renewing import claims, due, renewals
from licensing.calendar import boundary
from licensing.models.subscription import SubscriptionQuerySet
from tenants.delivery.models import Job
from tests.commerce.changes import findings
from tests.commerce.renewing import PROVIDER, sweep
from tests.factories import MembershipFactory, TenantFactory, buy, plan_on_sale
from tests.faults.crew import crew, own_broker
from tests.race import at_once, without_unique_index

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

TENANTS = 10
WITHIN = 600
# Of these, and of nothing else, are the things counted that a second run must not change.
APPS = ("commerce", "licensing", "policies")


def bought(count):
    """A month ago, so that each term ends today: some in a moment, most within the hour."""
    plan, tenants = plan_on_sale(), [TenantFactory() for _ in range(TENANTS)]
    now = timezone.now()
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    for number in range(count):
        ends = min(now + timedelta(minutes=number % 60), midnight - timedelta(seconds=1))
        buyer = MembershipFactory(tenant=tenants[number % TENANTS])
        found.append(buy(buyer, plan, 1, boundary(ends, ZoneInfo("UTC"), -1)))
    # Letters and news of these purchases are another story.
    Job.objects.all().delete()
    SandboxEvent.objects.using("sandbox").update(delivered_at=now)
    return found


def unsettled():
    """Renewals that are not paid, and charges whose answer is not known."""
    return Renewal.objects.exclude(state=RenewalState.PAID).count() + Payment.objects.live().count()


def taken_since(moment):
    """How many renewals somebody has begun to work on since then, and not done."""
    return Renewal.objects.open().filter(leased_until__gt=moment + claims.LEASE).count()


def kill_workers(crew, broker, *, times, every):
    """The broker dies after the first half. Returns how many renewals were under way when a worker was killed."""
    hit, last = 0, timezone.now() - timedelta(minutes=1)
    for number in range(times):
        time.sleep(every)
        hit, last = hit + taken_since(last), timezone.now()
        crew.kill_a_worker()
        if number == times // 2:
            broker.kill()
            time.sleep(2)
            broker.start()
    return hit


def charged_terms():
    """By the provider's own ledger: how often it took money for the renewal of each subscription."""
    keys = SandboxCharge.objects.using("sandbox").filter(state="captured").values_list("key", flat=True)
    tries = dict(Payment.objects.filter(order__kind=OrderKind.RENEWAL).values_list("pk", "order__subscription"))
    return Counter(tries[key] for key in keys if key in tries)


def require_each_once(subscriptions):
    once = {subscription.pk: 1 for subscription in subscriptions}
    assert charged_terms() == once
    paid = Order.objects.paid().filter(kind=OrderKind.RENEWAL)
    assert Counter(paid.values_list("subscription", flat=True)) == once
    invoices = Invoice.objects.filter(order__kind=OrderKind.RENEWAL)
    assert Counter(invoices.values_list("order__subscription", flat=True)) == once
    assert set(invoices.values_list("kind", flat=True)) == {"invoice"}
    ends = {subscription.term_end for subscription in subscriptions}
    periods = BillingPeriod.objects.filter(starts_at__in=ends)
    assert Counter(periods.values_list("subscription", flat=True)) == once
    assert BillingPeriod.objects.count() == 2 * len(once)
    assert unsettled() == 0
    assert Renewal.objects.count() == len(once)
    assert findings() == []


def everything():
    """Each table, row by row."""
    tables = [model._meta.db_table for app in APPS for model in apps.get_app_config(app).get_models()]
    with connection.cursor() as cursor:
        found = {}
        for table in tables:
            cursor.execute(f"SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {table} t")  # noqa: S608 (names of tables)
            found[table] = cursor.fetchone()
    return found


def require_nothing_from_a_second_run(at):
    before = everything()
    call_command("renew_subscriptions", at=at)
    assert everything() == before


def wait_until(happened, patience):
    deadline = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < deadline, f"not within {patience} s"
        time.sleep(0.1)


def test_sixty_are_charged_once_while_workers_and_the_broker_are_killed(tmp_path):
    subscriptions = bought(60)
    with (
        own_broker() as broker,
        crew(broker, tmp_path / "log", schedule="tests.faults.hasty_schedule", CHARGES_PER_SECOND="5") as hired,
    ):
        wait_until(charged_terms, 60)
        assert kill_workers(hired, broker, times=4, every=3)
    # What they had in their hands waits for the end of its lease, and a charge without an answer for its sweep.
    assert unsettled() > 0
    done = timezone.now() + claims.LEASE
    settlement.reconcile(at=done)
    sweep(done)
    sweep(done + timedelta(minutes=2))  # of those whose charge the provider never saw
    require_each_once(subscriptions)
    require_nothing_from_a_second_run(done)


@pytest.mark.faults
def test_a_thousand_are_charged_once_within_ten_minutes(tmp_path, capfd):
    subscriptions = bought(1_000)
    with own_broker() as broker, crew(broker, tmp_path / "log") as hired:
        began = time.monotonic()
        wait_until(charged_terms, 60)
        hit = kill_workers(hired, broker, times=24, every=5)
        by_then = len(charged_terms())
        wait_until(lambda: not unsettled(), WITHIN - (time.monotonic() - began))
        took = time.monotonic() - began
    tries = Order.objects.filter(kind=OrderKind.RENEWAL).count()
    with capfd.disabled():
        print(  # noqa: T201
            f"\n{len(subscriptions)} renewals in {took:.0f} s; 24 workers killed with {hit} under way,"
            f" the broker once; {by_then} charged when the last one died; {tries - len(subscriptions)} tries called off"
        )
    assert hit
    require_each_once(subscriptions)
    require_nothing_from_a_second_run(timezone.now())


@pytest.fixture
def both_at_once(monkeypatch):
    """Two renew the same one, without lease and lock: both look before either has placed an order."""
    [subscription] = bought(1)
    at = timezone.now()
    due.open_due(at=at)
    [claim] = claims.take(at=at)
    gate, place = Barrier(2), renewals._place
    for queries in (SubscriptionQuerySet, RenewalQuerySet):
        monkeypatch.setattr(queries, "locked", lambda self: self.order_by("pk"))
    monkeypatch.setattr(renewals.cards, "hold", lambda *_holder: None)

    def after_both_have_looked(*args, **options):
        gate.wait(20)
        return place(*args, **options)

    monkeypatch.setattr(renewals, "_place", after_both_have_looked)

    def run():
        return subscription, at_once(lambda _n: renewals.renew(claim, provider=PROVIDER, at=at), range(2))

    return run


def test_without_lease_and_lock_the_table_refuses_the_second_order(both_at_once):
    """The control, and the last wall."""
    subscription, came = both_at_once()
    assert [result for result in came if not isinstance(result, IntegrityError)] == ["charged"]
    assert charged_terms() == {subscription.pk: 1}


def test_without_that_wall_too_a_term_is_charged_twice_and_the_check_sees_it(both_at_once):
    """The control of what the tests above count."""
    with without_unique_index("commerce_order", "one_open_order_per_subscription"):
        subscription, _came = both_at_once()
        assert charged_terms() == {subscription.pk: 2}
        with pytest.raises(AssertionError):
            require_each_once([subscription])
