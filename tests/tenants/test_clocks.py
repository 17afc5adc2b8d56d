"""Simulated time: the clock of one organisation is moved ahead, and nobody else's."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from commerce import tasks
from commerce.models import Checkout, Renewal
from config.environment import BASE_DIR
from licensing.models import Subscription
from tenants import clock
from tenants import tasks as tasks_of_tenants
from tenants.access import SYSTEM, Actor
from tenants.admin.clocks import AheadForm
from tenants.delivery import walks
from tenants.directory.models import Tenant
from tenants.directory.moves import ClockMove
from tenants.directory.operations import clocks
from tenants.directory.operations.clocks import ClockIsMoving, ClockRunsForwards, NotASandbox
from tenants.journal import events
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tenants.scope import EVERYBODY
from tests.admin.pages import CLOCKS, browser_of, listed, opened
from tests.callers import signed_in
from tests.factories import (
    MembershipFactory,
    OperatorFactory,
    TenantFactory,
    admin_of,
    buy,
    open_checkout,
    plan_on_sale,
)
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DAY = timedelta(days=1)


@pytest.fixture
def sandbox(db):
    return TenantFactory(is_sandbox=True)


def ahead(tenant, by):
    """On its way there, and arrived."""
    now = timezone.now()
    tenant.refresh_from_db()
    move = clocks.move(tenant=tenant, to=now + tenant.clock_ahead + by, by=SYSTEM, at=now)
    assert walks.go_on(move, seconds=60)
    tenant.refresh_from_db()
    return tenant


def jumped(tenant, by):
    """There at once: what is due since is left to the sweeps."""
    Tenant.objects.filter(pk=tenant.pk).update(clock_ahead=by)


class TestMove:
    def test_moves_the_time_of_one_tenant_alone_and_tells_its_journal(self, sandbox):
        other, by, before = TenantFactory(is_sandbox=True), admin_of(sandbox), timezone.now()
        move = clocks.move(tenant=sandbox, to=before + 30 * DAY, by=by, at=before)
        assert walks.go_on(move, seconds=60)
        sandbox.refresh_from_db()
        assert clock.now(sandbox) >= before + 30 * DAY
        assert clock.now(other) - timezone.now() < timedelta(seconds=1)
        assert clock.now() - timezone.now() < timedelta(seconds=1)
        told = Event.objects.get(type="clock.moved")
        assert (told.tenant, told.actor, told.at) == (sandbox, by.user, before)
        assert told.data["new"].startswith((before + 30 * DAY).isoformat(timespec="seconds").removesuffix("+00:00"))

    def test_again_adds_up(self, sandbox):
        ahead(sandbox, DAY)
        assert ahead(sandbox, DAY).clock_ahead == 2 * DAY

    def test_refuses_to_go_back(self, sandbox):
        ahead(sandbox, DAY)
        at = timezone.now()
        for to in (at + timedelta(hours=23), at - DAY):
            with pytest.raises(ClockRunsForwards):
                clocks.move(tenant=sandbox, to=to, by=SYSTEM, at=at)
        assert ClockMove.objects.under_way().count() == 0
        with pytest.raises(ClockRunsForwards):
            clocks.move(tenant=sandbox, to=at + timedelta(hours=23), by=SYSTEM, at=at)
        assert Tenant.objects.get(pk=sandbox.pk).clock_ahead == DAY

    def test_refuses_another_one_until_it_has_arrived(self, sandbox):
        at = timezone.now()
        move = clocks.move(tenant=sandbox, to=at + DAY, by=SYSTEM, at=at)
        with pytest.raises(ClockIsMoving):
            clocks.move(tenant=sandbox, to=at + 2 * DAY, by=SYSTEM, at=at)
        assert walks.go_on(move, seconds=60)
        assert ahead(sandbox, DAY).clock_ahead == 2 * DAY

    def test_refuses_more_than_ten_years(self, sandbox):
        with pytest.raises(BadInput):
            ahead(sandbox, 4000 * DAY)
        assert not Event.objects.exists()

    def test_refuses_an_organisation_like_any_other_and_so_does_the_database(self):
        tenant = TenantFactory()
        with pytest.raises(NotASandbox):
            ahead(tenant, DAY)
        with pytest.raises(IntegrityError, match="tenant_clock_is_moved_in_sandboxes"), transaction.atomic():
            Tenant.objects.filter(pk=tenant.pk).update(clock_ahead=DAY)

    @pytest.mark.parametrize("role", ["billing_admin", "license_admin", "user_admin", "global_reader"])
    def test_is_for_global_admins_and_operators(self, sandbox, role):
        at = timezone.now()
        for by in (admin_of(sandbox, role), admin_of(TenantFactory(is_sandbox=True))):
            with pytest.raises(NotAllowed):
                clocks.move(tenant=sandbox, to=at + DAY, by=by, at=at)
        clocks.move(tenant=sandbox, to=at + DAY, by=Actor(user=OperatorFactory()), at=at)

    def test_where_cards_are_real_every_clock_is(self, sandbox, settings):
        moved = ahead(sandbox, DAY)
        settings.PAYMENT_GATEWAY = "stripe"
        assert clock.now(moved) - timezone.now() < timedelta(seconds=1)
        assert [scope for scope, _ in clock.scopes(timezone.now())] == [EVERYBODY]


@pytest.mark.django_db(transaction=True)
def test_of_moves_at_once_one_is_under_way():
    sandbox, at = TenantFactory(is_sandbox=True), timezone.now()
    won = race(
        lambda days: clocks.move(tenant=sandbox, to=at + days * DAY, by=SYSTEM, at=at),
        [5] * 6,
        refused=ClockIsMoving,
    )
    assert (won, ClockMove.objects.get().target) == (1, at + 5 * DAY)


class TestCommand:
    def test_moves_by_a_duration_or_to_a_time(self, sandbox):
        call_command("move_clock", sandbox.slug, "--by", "30 days")
        assert Tenant.objects.get().clock_ahead == 30 * DAY
        call_command("move_clock", sandbox.slug, "--to", (timezone.now() + 31 * DAY).isoformat())
        assert timedelta() < 31 * DAY - Tenant.objects.get().clock_ahead < timedelta(seconds=5)

    @pytest.mark.parametrize("how", [[], ["--by", "-1 days"], ["--by", "soon"], ["--to", "soon"]])
    def test_refuses_what_says_no_time(self, sandbox, how):
        with pytest.raises(CommandError):
            call_command("move_clock", sandbox.slug, *how)
        assert not Tenant.objects.get().clock_ahead

    def test_refuses_where_cards_are_real(self, sandbox, settings):
        settings.PAYMENT_GATEWAY = "stripe"
        with pytest.raises(CommandError, match="nowhere else"):
            call_command("move_clock", sandbox.slug, "--by", "1 days")
        assert not Tenant.objects.get().clock_ahead


class TestPage:
    def test_moves_the_clock_of_a_sandbox(self, sandbox):
        browser, other = signed_in(OperatorFactory()), TenantFactory()
        assert list(browser.get(listed(CLOCKS)).context["cl"].result_list) == [sandbox]
        assert browser.post(opened(CLOCKS, other), {"how": "day"}).status_code == 404
        for wrong in ({}, {"how": "date"}, {"how": "year"}, {"how": "date", "date": "2026-02-30"}):
            assert browser.post(opened(CLOCKS, sandbox), wrong).status_code == 400
        assert browser.post(opened(CLOCKS, sandbox), {"how": "day"}).status_code == 302
        assert browser.post(opened(CLOCKS, sandbox), {"how": "day"}).status_code == 400
        assert "is on its way to" in browser.get(opened(CLOCKS, sandbox)).content.decode()
        tasks_of_tenants.follow_clocks()
        assert timedelta() <= DAY - Tenant.objects.get(pk=sandbox.pk).clock_ahead < timedelta(seconds=5)
        assert "The clock was moved from" in browser.get(opened(CLOCKS, sandbox)).content.decode()

    @pytest.mark.parametrize("how, to", [("week", "2026-02-07"), ("month", "2026-02-28"), ("date", "2026-03-04")])
    def test_says_how_far_in_the_time_of_the_organisation(self, how, to):
        now, zone = datetime(2026, 1, 31, 23, 30, tzinfo=UTC), ZoneInfo("America/Los_Angeles")
        form = AheadForm({"how": how, "date": "2026-03-04"}, now=now, zone=zone)
        assert form.is_valid()
        assert form.cleaned_data["to"].date().isoformat() == to
        assert form.cleaned_data["to"].hour == (0 if how == "date" else 15)

    def test_is_there_for_the_global_admins_of_a_sandbox(self, sandbox):
        other = TenantFactory(is_sandbox=True)
        browser = browser_of(sandbox)
        assert list(browser.get(listed(CLOCKS)).context["cl"].result_list) == [sandbox]
        assert browser.post(opened(CLOCKS, sandbox), {"how": "week"}).status_code == 302
        assert ClockMove.objects.get().tenant == sandbox
        assert browser.get(opened(CLOCKS, other)).status_code == 404
        assert browser.post(opened(CLOCKS, other), {"how": "week"}).status_code == 404
        assert browser_of(TenantFactory()).get(listed(CLOCKS)).status_code == 403
        for role in ("billing_admin", "license_admin", "user_admin", "global_reader"):
            assert browser_of(sandbox, role).get(opened(CLOCKS, sandbox)).status_code == 403
            assert browser_of(sandbox, role).post(opened(CLOCKS, sandbox), {"how": "day"}).status_code == 403
        assert ClockMove.objects.count() == 1

    def test_tells_what_followed_and_leads_to_it(self, sandbox):
        ahead(sandbox, DAY)
        there = clock.now(sandbox)
        told = events.record("order.paid", tenant=sandbox, by=SYSTEM, at=there, subject=sandbox.pk)
        earlier = events.record("order.placed", tenant=sandbox, by=SYSTEM, at=there - 2 * DAY, subject=sandbox.pk)
        page = browser_of(sandbox).get(opened(CLOCKS, sandbox)).content.decode()
        assert reverse("admin:tenants_event_change", args=[told.pk]) in page
        assert str(earlier.pk) not in page

    def test_of_a_moved_organisation_each_says_what_day_it_is_there(self, sandbox):
        jumped(sandbox, 100 * DAY)
        sandbox.refresh_from_db()
        day = f"This organisation's clock stands at {clock.now(sandbox):%-d %B %Y}."
        for url in (reverse("admin:index"), reverse("catalogue")):
            assert day in browser_of(sandbox).get(url).content.decode()
            assert "clock stands" not in browser_of(TenantFactory(is_sandbox=True)).get(url).content.decode()

    def test_is_not_there_where_cards_are_real(self, sandbox, settings):
        settings.PAYMENT_GATEWAY = "stripe"
        assert signed_in(OperatorFactory()).get(listed(CLOCKS)).status_code == 403


class TestSweeps:
    @pytest.fixture
    def two(self):
        """The same purchase in an organisation whose clock is moved, and in another one."""
        return [MembershipFactory(tenant=TenantFactory(is_sandbox=True)) for _ in range(2)]

    def test_end_the_terms_of_the_moved_tenant_alone(self, two):
        plan, now = plan_on_sale(), timezone.now()
        moved, stays = (buy(member, plan, at=now) for member in two)
        Subscription.objects.update(auto_renew=False)
        jumped(two[0].tenant, moved.term_end - now + DAY)
        tasks.money.expire_subscriptions()
        states = [Subscription.objects.get(pk=each.pk).state for each in (moved, stays)]
        assert states[0] != "active"
        assert states[1] == "active"
        ended = Event.objects.filter(subject=str(moved.pk)).latest("pk")
        assert ended.at > now + DAY

    def test_end_the_checkouts_of_the_moved_tenant_alone(self, two):
        plan, now = plan_on_sale(), timezone.now()
        moved, stays = (open_checkout(member, plan, at=now) for member in two)
        jumped(two[0].tenant, 2 * DAY)
        tasks.money.expire_checkouts()
        assert [Checkout.objects.get(pk=each.pk).state for each in (moved, stays)] == ["expired", "open"]

    def test_ask_nothing_more_of_anybody_while_no_clock_is_moved(self, two):
        [(scope, _at)] = clock.scopes(timezone.now())
        assert scope == EVERYBODY
        assert str(scope.of(Subscription.objects.all()).query) == str(Subscription.objects.all().query)

    def test_renew_the_terms_of_the_moved_tenant_alone(self, two):
        plan, now = plan_on_sale(), timezone.now()
        moved, stays = (buy(member, plan, at=now) for member in two)
        jumped(two[0].tenant, moved.term_end - now)
        tasks.money.renew_subscriptions()
        renewals = Renewal.objects.all()
        assert [renewals.filter(subscription=each).exists() for each in (moved, stays)] == [True, False]
        assert renewals.get().starts_at == moved.term_end


def test_no_operation_reads_a_clock():
    """They are told: whoever lets one ask by itself lets it miss what a moved clock says."""
    files = [
        path
        for app in ("tenants", "licensing", "policies", "commerce")
        for path in BASE_DIR.glob(f"{app}/**/operations/**/*.py")
    ]
    assert len(files) > 50
    assert [path for path in files if re.search(r"\bnow\(", path.read_text())] == []
