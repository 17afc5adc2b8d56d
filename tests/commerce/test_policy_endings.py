"""What a change of policy does to what people have bought: its renewal is stopped, or it is canceled."""

from uuid import UUID

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from commerce.models import Refund
from commerce.operations.changes import cancellations, reactivations
from commerce.operations.letters import policy_letters
from licensing.operations import lifecycle, subscriptions
from licensing.operations.subscriptions import RenewalStopped
from policies.models import Ending
from policies.operations.endings import Existing
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tests import ledger
from tests.callers import signed_in
from tests.commerce.changes import DAY, findings
from tests.commerce.forbidding import CANCEL, apply, forbid, now
from tests.factories import NOON, acting, admin_of, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def renew(subscription, wanted=True, at=NOON):
    subscriptions.set_auto_renew(subscription=subscription, auto_renew=wanted, by=acting(subscription.owner), at=at)


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
