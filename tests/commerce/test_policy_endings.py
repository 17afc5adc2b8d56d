"""What a change of policy means for what people have bought."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commerce.models import Refund
from commerce.operations.accounts.invariants import CHECKS
from commerce.operations.changes import cancellations, policy_endings, reactivations
from commerce.operations.letters import policy_letters
from licensing.models import Subscription
from licensing.operations import lifecycle, subscriptions
from licensing.operations.subscriptions import RenewalStopped
from policies.models import Ending
from policies.operations import dry_runs, policies, settings, values
from policies.operations.endings import Existing
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import Scope, Time
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tenants.ids import new_id
from tenants.journal.models import Event
from tenants.refusal import BadInput
from tests import ledger
from tests.callers import signed_in
from tests.factories import (
    NOON,
    MembershipFactory,
    acting,
    admin_of,
    buy,
    buy_centrally,
    price_centrally,
)
from tests.race import at_once

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(
    transaction=True, serialized_rollback=True, databases=["default", "sandbox"]
)

DAY = timedelta(days=1)
STOP, CANCEL = Existing(rule="stop_at_renewal"), Existing(rule="cancel")


def forbid(tenant, product, existing=STOP, by=SYSTEM, at=NOON, value="disabled", reason="Too dear"):
    return policies.set_product_policy(
        tenant=tenant, product=product, value=value, reason=reason, existing=existing, by=by, at=at
    )


def apply(at=NOON):
    return policy_endings.apply_due(at=at)


def now(subscription):
    subscription.refresh_from_db()
    return subscription.state, subscription.auto_renew, subscription.renewal_stopped_at


def renew(subscription, wanted=True, at=NOON):
    subscriptions.set_auto_renew(subscription=subscription, auto_renew=wanted, by=acting(subscription.owner), at=at)


def findings():
    return [finding for check in CHECKS for finding in check()]


def jobs():
    return list(Job.objects.order_by("created_at").values_list("name", flat=True))


class TestStopAtRenewal:
    def test_turns_renewal_off_so_that_the_owner_cannot_turn_it_on_again(self, ana, plan):
        subscription, admin = buy(ana, plan), admin_of(ana.tenant)
        forbid(ana.tenant, plan.product, by=admin)
        assert apply() == 1
        assert now(subscription) == ("active", False, NOON)
        with pytest.raises(RenewalStopped):
            renew(subscription)
        with pytest.raises(RenewalStopped):
            reactivations.reactivate(subscription=subscription, return_url="", by=acting(ana), at=NOON)
        renew(subscription, wanted=False)
        assert now(subscription) == ("active", False, NOON)

    def test_says_so_on_the_owners_page_and_offers_no_button(self, ana, plan):
        subscription = buy(ana, plan, at=timezone.now())
        forbid(ana.tenant, plan.product, by=admin_of(ana.tenant))
        apply(at=timezone.now())
        page = reverse("my-subscription", args=[subscription.pk])
        browser = signed_in(ana)
        shown = browser.get(page).text
        assert "has stopped its renewal" in shown
        assert "Turn on automatic renewal" not in shown
        turn = reverse("my-subscription-auto-renew", args=[subscription.pk])
        turned = browser.post(turn, {"auto_renew": "on"}, follow=True)
        assert turned.status_code == 200
        assert now(subscription)[1] is False

    def test_asks_no_card_of_the_owner_to_go_on_when_the_term_is_over(self, ana, plan):
        subscription = buy(ana, plan)
        forbid(ana.tenant, plan.product, value="approval_required")
        apply()
        late = subscription.term_end + DAY
        lifecycle.advance_due(at=late)
        subscription.refresh_from_db()
        assert subscription.state == "expired"
        charged = ledger.captured()
        with pytest.raises(RenewalStopped):
            reactivations.preview_reactivation(subscription=subscription, by=acting(ana), at=late)
        with pytest.raises(RenewalStopped):
            reactivations.reactivate(subscription=subscription, return_url="", by=acting(ana), at=late)
        assert ledger.captured() == charged
        assert now(subscription)[0] == "expired"

    def test_is_in_the_journal_with_who_wanted_it_and_why(self, ana, plan):
        subscription, admin = buy(ana, plan), admin_of(ana.tenant)
        forbid(ana.tenant, plan.product, by=admin)
        apply()
        changed = Event.objects.get(type="policy.changed")
        assert (changed.actor, changed.data["existing"], changed.data["reason"]) == (
            admin.user,
            "stop_at_renewal",
            "Too dear",
        )
        stopped = Event.objects.get(type="subscription.renewal_stopped")
        assert (stopped.actor, stopped.subject, stopped.data["reason"]) == (
            admin.user,
            str(subscription.pk),
            "Too dear",
        )
        applied = Event.objects.get(type="policy.applied")
        assert (applied.actor, UUID(applied.data["asked_by"]), applied.data["acted"]) == (None, admin.user.pk, True)

    def test_tells_the_owner_once_and_why(self, ana, plan):
        buy(ana, plan)
        forbid(ana.tenant, plan.product)
        apply()
        assert jobs().count("commerce.tell_policy_ending") == 1
        mail.outbox.clear()
        policy_letters.deliver_ending(ending_id=Ending.objects.get().pk, site="https://s.example", sender="s@s.example")
        [letter] = mail.outbox
        assert letter.to == ["ana@contoso.example"]
        assert "10 April 2026" in letter.subject
        assert "Too dear" in letter.body


class TestCancel:
    def test_gives_back_what_is_inside_its_window_and_takes_access(self, ana, plan):
        subscription = buy(ana, plan)
        forbid(ana.tenant, plan.product, CANCEL, at=NOON + DAY)
        assert apply(NOON + DAY) == 1
        assert now(subscription)[0] == "disabled"
        refund = Refund.objects.get()
        assert refund.state == "succeeded"
        assert Event.objects.get(type="subscription.canceled").data["reason"] == "Too dear"
        assert findings() == []

    def test_outside_the_window_it_runs_to_its_end_and_is_not_renewed(self, ana, plan):
        subscription, late = buy(ana, plan), NOON + 8 * DAY
        forbid(ana.tenant, plan.product, CANCEL, at=late)
        apply(late)
        assert now(subscription) == ("active", False, late)
        assert not Refund.objects.exists()
        with pytest.raises(RenewalStopped):
            renew(subscription, at=late)

    def test_waits_for_its_date(self, ana, plan):
        subscription = buy(ana, plan)
        forbid(ana.tenant, plan.product, Existing(rule="cancel", at=NOON + 3 * DAY))
        assert "commerce.apply_policy_change" not in jobs()
        assert apply(NOON + 2 * DAY) == 0
        assert now(subscription)[0] == "active"
        assert apply(NOON + 3 * DAY) == 1
        assert now(subscription)[0] == "disabled"

    def test_what_was_canceled_meanwhile_needs_nothing_and_tells_nobody(self, ana, plan):
        subscription = buy(ana, plan)
        forbid(ana.tenant, plan.product, CANCEL)
        cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=NOON)
        assert apply() == 1
        assert not Ending.objects.get().acted
        assert "commerce.tell_policy_ending" not in jobs()
        assert Refund.objects.count() == 1

    def test_asked_for_again_with_another_date_replaces_what_waits(self, ana, plan):
        buy(ana, plan)
        for days in (5, 2):
            forbid(ana.tenant, plan.product, Existing(rule="cancel", at=NOON + days * DAY))
        assert Ending.objects.get().due_at == NOON + 2 * DAY


class TestWhatIsAffected:
    def test_leaves_what_was_bought_unless_it_says_otherwise(self, ana, plan):
        subscription = buy(ana, plan)
        policies.set_product_policy(
            tenant=ana.tenant, product=plan.product, value="disabled", reason="Too dear", by=SYSTEM, at=NOON
        )
        assert apply() == 0
        assert now(subscription) == ("active", True, None)
        assert "existing" not in Event.objects.get(type="policy.changed").data

    def test_is_what_the_dry_run_lists(self, ana, cleo, plan):
        mine, hers = buy(ana, plan), buy(cleo, plan)
        other = buy(MembershipFactory(tenant=ana.tenant), plan)
        stranger = buy(MembershipFactory(), plan)
        values.put(tenant=ana.tenant, scope=Scope(member=cleo), value="enabled", reason="Trusted", by=SYSTEM, at=NOON)
        change = Change(values=[NewValue(scope=Scope(product=plan.product), value="disabled")])
        touched = dry_runs.of(tenant=ana.tenant, change=change, by=SYSTEM, at=NOON)
        assert {row.pk for row in touched.subscriptions} == {mine.pk, other.pk}
        assert touched.subscriptions_count == 2
        forbid(ana.tenant, plan.product)
        assert {ending.subscription_id for ending in Ending.objects.all()} == {mine.pk, other.pk}
        apply()
        assert now(hers) == now(stranger) == ("active", True, None)

    def test_never_what_the_organisation_bought_itself(self, ana, plan):
        price_centrally(plan)
        subscription = buy_centrally(MembershipFactory(tenant=ana.tenant, roles=["billing_admin"]), plan)
        forbid(ana.tenant, plan.product)
        assert apply() == 0
        assert now(subscription)[1:] == (True, None)

    def test_a_stop_of_all_self_service_may_end_everything(self, ana, cleo, plan):
        bought = [buy(ana, plan), buy(cleo, plan)]
        values.put(tenant=ana.tenant, scope=Scope(member=cleo), value="enabled", reason="x", by=SYSTEM, at=NOON)
        settings.change(
            tenant=ana.tenant, self_service_enabled=False, existing=STOP, reason="Audit", by=SYSTEM, at=NOON
        )
        assert Event.objects.get(type="self_service.stopped").data["existing"] == "stop_at_renewal"
        assert apply() == 2
        assert [now(one)[1] for one in bought] == [False, False]

    def test_a_default_ends_what_has_no_value_of_its_own(self, ana, cleo, plan):
        mine, hers = buy(ana, plan), buy(cleo, plan)
        values.put(tenant=ana.tenant, scope=Scope(member=cleo), value="enabled", reason="x", by=SYSTEM, at=NOON)
        settings.change(
            tenant=ana.tenant, default_for_new_products="disabled", existing=STOP, reason="Audit", by=SYSTEM, at=NOON
        )
        apply()
        assert (now(mine)[1], now(hers)[1]) == (False, True)

    def test_a_value_for_later_ends_things_when_it_holds(self, ana, plan):
        subscription = buy(ana, plan)
        values.put(
            tenant=ana.tenant,
            scope=Scope(product=plan.product),
            value="disabled",
            reason="Later",
            time=Time(valid_from=NOON + 2 * DAY),
            existing=CANCEL,
            by=SYSTEM,
            at=NOON,
        )
        assert apply(NOON + DAY) == 0
        assert apply(NOON + 2 * DAY) == 1
        assert now(subscription)[0] == "disabled"


@pytest.mark.parametrize(
    ("existing", "value", "field"),
    [
        (Existing(rule="burn"), "disabled", "existing"),
        (STOP, "enabled", "existing"),
        (Existing(rule="stop_at_renewal", at=NOON + DAY), "disabled", "at"),
        (Existing(rule="cancel", at=NOON - DAY), "disabled", "at"),
        (Existing(rule="cancel", at=NOON + 9999 * DAY), "disabled", "at"),
    ],
)
def test_refuses_an_ending_that_makes_no_sense_and_changes_nothing(ana, plan, existing, value, field):
    buy(ana, plan)
    before = Event.objects.count()
    with pytest.raises(BadInput) as refusal:
        forbid(ana.tenant, plan.product, existing, value=value)
    assert refusal.value.field == field
    assert (Event.objects.count(), Ending.objects.count()) == (before, 0)


@between_transactions
def test_two_workers_end_each_once(ana, plan):
    for _ in range(3):
        buy(ana, plan)
    forbid(ana.tenant, plan.product, CANCEL)
    assert sum(at_once(lambda _: apply(), [1, 2])) == 3
    assert Refund.objects.count() == 3
    assert Event.objects.filter(type="policy.applied").count() == 3


def test_many_subscriptions_are_listed_with_as_many_statements_as_one(ana, plan):
    bought = buy(ana, plan)
    counted = []
    for count in (0, 40):
        rows = []
        for number in range(count):
            copy = Subscription.objects.get(pk=bought.pk)
            copy.pk, copy.order_ref, copy._state.adding = new_id(), f"copy-{number}", True
            copy.seats_assigned = 0
            rows.append(copy)
        Subscription.objects.bulk_create(rows)
        Ending.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            forbid(ana.tenant, plan.product, reason=f"Because of {count}")
        counted.append(len(queries))
    assert Ending.objects.count() == 41
    # The first one makes the row of the policy, the second changes it.
    assert abs(counted[0] - counted[1]) <= 1
