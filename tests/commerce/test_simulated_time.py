"""Two months go by for one organisation: what falls due in them comes in its order, and to nobody else."""

import json
from collections import Counter
from datetime import datetime, time, timedelta
from io import StringIO
from itertools import pairwise

import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from commerce import tasks
from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Payment, Renewal, RenewalNotice
from commerce.operations.accounts import reconciliation
from licensing.calendar import day_begins, term_end
from licensing.models import Subscription
from tenants import clock
from tenants import tasks as tasks_of_tenants
from tenants.access import SYSTEM
from tenants.delivery import walks
from tenants.delivery.sweeps import SWEEPS
from tenants.directory.models import Tenant
from tenants.directory.moves import ClockMove
from tenants.directory.operations import clocks
from tenants.journal import since
from tenants.journal.models import Event
from tests import ledger
from tests.commerce.changes import findings
from tests.factories import MembershipFactory, buy, open_checkout, pay, plan_on_sale

DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


@pytest.fixture
def plan():
    return plan_on_sale()


@pytest.fixture
def people():
    """Somebody whose organisation's clock will be moved, and somebody like them."""
    return [
        MembershipFactory(tenant__is_sandbox=True, tenant__time_zone="Europe/Berlin", user__email=f"{name}@x.example")
        for name in ("moved", "stays")
    ]


def walk(tenant, to):
    tenant.refresh_from_db()
    move = clocks.move(tenant=tenant, to=to, by=SYSTEM, at=timezone.now())
    while not walks.go_on(move, seconds=60):
        pass
    move.refresh_from_db()
    return move


def midnight(moment, zone):
    return day_begins(moment.astimezone(zone).date(), zone)


def ends(subscription, number):
    return term_end(subscription.anchor_at, subscription.zone, "P1M", number)


def charged(subscription):
    paid = Payment.objects.filter(order__subscription=subscription, state="succeeded").order_by("settled_at")
    return [payment.settled_at for payment in paid]


def at_of(subscription, type):
    return list(Event.objects.about(subscription.pk).filter(type=type).order_by("pk").values_list("at", flat=True))


def test_two_terms_are_charged_told_and_dated_as_they_would_have_been_for_one_organisation_alone(people, plan):
    bought_at = timezone.now() - 20 * DAY
    moved, stays = (buy(member, plan, at=bought_at) for member in people)
    zone, tenant = moved.zone, people[0].tenant
    pay(open_checkout(MembershipFactory(tenant=tenant), plan, 1, bought_at), "pm_card_chargeCustomerFail", bought_at)
    fails = Subscription.objects.get(tenant=tenant, quantity=1)
    mail.outbox.clear()
    before = Event.objects.filter(tenant=stays.tenant).count()

    move = walk(tenant, ends(moved, 2) + DAY)

    # Charges, at the beginning of the days on which terms end.
    assert charged(moved) == [bought_at, midnight(ends(moved, 1), zone), midnight(ends(moved, 2), zone)]
    moved.refresh_from_db()
    assert moved.term_end == ends(moved, 3)
    assert at_of(moved, "subscription.renewed") == [ends(moved, 1), ends(moved, 2)]
    # Letters.
    told = RenewalNotice.objects.filter(subscription=moved).order_by("created_at")
    assert [notice.created_at for notice in told] == [ends(moved, 1) - 7 * DAY, ends(moved, 2) - 7 * DAY]
    assert move.letters["commerce.tell_coming_renewal"] == 3  # one of the card that will fail
    assert move.letters["commerce.deliver_receipt"] == 2
    to = Counter(address for letter in mail.outbox for address in letter.to)
    assert to["moved@x.example"] >= 4
    # Dunning, at nine on the days of the steps.
    first = midnight(ends(fails, 1), zone)
    days = [first + timedelta(days=days) for days in (1, 3, 7, 14, 21)]
    mornings = [datetime.combine(day.astimezone(zone).date(), time(9), zone) for day in days]
    assert at_of(fails, "renewal.failed") == [first, *mornings]
    assert at_of(fails, "subscription.expired") == [ends(fails, 1)]
    assert at_of(fails, "subscription.disabled") == [ends(fails, 1) + 30 * DAY]
    assert Renewal.objects.get(subscription=fails).state == "lapsed"
    assert charged(fails) == [bought_at]
    # In their order, each at its own moment.
    happened = list(since.events(tenant, move.begins_at).values_list("at", flat=True))
    assert len(happened) > 20
    assert all(earlier <= later for earlier, later in pairwise(happened))
    # Nobody else.
    assert Event.objects.filter(tenant=stays.tenant).count() == before
    assert charged(stays) == [bought_at]
    assert not to["stays@x.example"]
    assert not Renewal.objects.filter(tenant=stays.tenant).exists()
    assert findings() == []


def test_a_charge_without_an_answer_is_asked_about_a_minute_later_there(people, plan, monkeypatch):
    bought_at = timezone.now() - 29 * DAY
    moved, _stays = (buy(member, plan, at=bought_at) for member in people)
    charge = SandboxGateway.charge

    def silent(gateway, request):
        charge(gateway, request)
        raise GatewayUnavailable

    monkeypatch.setattr(SandboxGateway, "charge", silent)
    walk(moved.tenant, ends(moved, 1) + DAY)
    [_bought, renewed] = charged(moved)
    assert timedelta(seconds=60) < renewed - midnight(ends(moved, 1), moved.zone) < timedelta(minutes=3)
    assert len(ledger.captured()) == 3
    assert findings() == []


def test_a_payment_that_began_in_what_is_the_future_elsewhere_is_asked_about_by_the_sweep(people, plan, monkeypatch):
    moved = people[0].tenant
    Tenant.objects.filter(pk=moved.pk).update(clock_ahead=40 * DAY)
    moved.refresh_from_db()
    charge, at = SandboxGateway.charge, clock.now(moved) - timedelta(minutes=2)

    def silent(gateway, request):
        charge(gateway, request)
        raise GatewayUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(SandboxGateway, "charge", silent)
        pay(open_checkout(people[0], plan, at=at), at=at)
    assert Payment.objects.get().state == "started"
    assert tasks.money.reconcile_payments() == 1
    payment = Payment.objects.get()
    assert payment.state == "succeeded"
    assert payment.settled_at > timezone.now() + 39 * DAY


def test_a_walk_that_dies_goes_on_where_it_was_and_charges_once(people, plan, monkeypatch):
    subscription = buy(people[0], plan, at=timezone.now() - 29 * DAY)
    tenant = subscription.tenant
    move = clocks.move(tenant=tenant, to=ends(subscription, 1) + DAY, by=SYSTEM, at=timezone.now())
    work = SWEEPS["commerce.expire_subscriptions"].work

    def dies(*, at, among):
        if Payment.objects.filter(order__kind="renewal").exists():
            raise RuntimeError("killed")
        return work(at=at, among=among)

    with monkeypatch.context() as patch:
        patch.setattr(
            walks, "SWEEPS", {**SWEEPS, "commerce.expire_subscriptions": _like("commerce.expire_subscriptions", dies)}
        )
        for _again in range(2):
            with pytest.raises(RuntimeError):
                walks.go_on(move, seconds=60)
    move.refresh_from_db()
    assert move.done_at is None
    assert move.reached_at < midnight(ends(subscription, 1), subscription.zone)
    # Nothing of the schedule's own runs ahead of it meanwhile.
    assert tenant.pk not in {scope.only for scope, _at in clock.scopes(timezone.now())}
    assert tasks_of_tenants.follow_clocks() == 1
    assert charged(subscription)[1:] == [midnight(ends(subscription, 1), subscription.zone)]
    assert at_of(subscription, "subscription.renewed") == [ends(subscription, 1)]
    assert findings() == []


def _like(name, work):
    found = SWEEPS[name]
    return type(found)(name=name, queue=found.queue, backlog=found.backlog, work=work, coming=found.coming)


def test_two_who_walk_it_at_once_take_turns(people):
    move = clocks.move(tenant=people[0].tenant, to=timezone.now() + DAY, by=SYSTEM, at=timezone.now())
    taken = clocks.take(move, at=timezone.now())
    assert not walks.go_on(move, seconds=60)
    move.refresh_from_db()
    assert move.reached_at == move.begins_at
    clocks.let_go(taken, at=timezone.now())
    assert walks.go_on(move, seconds=60)


def test_the_command_waits_and_tells_what_followed(people, plan, caplog):
    caplog.set_level("INFO")
    subscription = buy(people[0], plan, at=timezone.now() - 29 * DAY)
    out = StringIO()
    call_command("move_clock", subscription.tenant.slug, "--by", "4 days", "--json", stdout=out)
    told = json.loads(out.getvalue())
    rows = {(row["what"], row["name"]): row["times"] for row in told}
    assert rows[("event", "subscription.renewed")] == 1
    assert rows[("letter", "commerce.deliver_receipt")] == 1
    assert [name for what, name in rows if what == "charge"] == ["19.98 USD"]
    assert ClockMove.objects.get().done_at is not None
    # A terminal gets what it prints, and no line for each job that it has done itself.
    assert [record for record in caplog.records if record.name.startswith("celery")] == []


def test_the_books_agree_with_the_provider_after_it(people, plan):
    subscription = buy(people[0], plan, at=timezone.now() - 29 * DAY)
    walk(subscription.tenant, ends(subscription, 1) + DAY)
    now = timezone.now()
    for until in (now, now + 3 * DAY, now + 40 * DAY):
        assert reconciliation.compare_books(since=now - 40 * DAY, until=until, at=until).standing == 0
