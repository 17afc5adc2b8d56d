"""Several subscriptions of one plan end on one day: what that costs, how it is paid, and what is written down."""

from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.models import BillingPeriod, Invoice, Order, OrderLine, Price, ScheduledChange
from commerce.operations.changes import aligning
from commerce.operations.changes.quantity import RenewalIsOff
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.paying.charging import CardDeclined, PaymentNotNeeded
from licensing.models import Subscription
from licensing.operations import subscriptions
from policies.models import Commitment
from tenants.ids import new_id
from tenants.journal.models import Event
from tests import ledger
from tests.commerce.aligning.conftest import LATER, align, preview
from tests.commerce.changes import DAY, STEP_CARD, change, confirm, findings, fresh
from tests.commerce.renewing import advance, sweep
from tests.factories import NOON, acting, admin_of, buy, buy_centrally, price_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestAligning:
    def test_prolongs_the_term_and_charges_the_part_of_the_next_one(self, early, late):
        [done] = align(late, early).each
        early.refresh_from_db()
        # Ten of the 30 days from 10 April to 10 May.
        assert (done.order.state, done.order.kind, done.order.total) == ("paid", "alignment", Decimal("6.66"))
        assert ledger.captured()[-1] == Decimal("6.66")
        assert (early.term_start, early.term_end, early.state_ends_at) == (NOON, late.term_end, late.term_end)
        assert (early.anchor_at, early.state, early.quantity) == (late.anchor_at, "active", 2)
        [line] = done.order.lines.all()
        assert (line.quantity, line.part_seconds, line.term_seconds) == (2, 10 * 86400, 30 * 86400)
        periods = BillingPeriod.objects.filter(subscription=early).order_by("starts_at")
        assert [(p.starts_at, p.ends_at) for p in periods] == [
            (NOON, NOON + 31 * DAY), (NOON + 31 * DAY, late.term_end),
        ]  # fmt: skip
        assert findings() == []

    def test_leaves_the_target_as_it_is(self, early, late):
        before = Subscription.objects.values().get(pk=late.pk)
        align(late, early)
        assert Subscription.objects.values().get(pk=late.pk) == before

    def test_is_billed_and_written_down(self, early, late):
        [done] = align(late, early).each
        assert Invoice.objects.get(order=done.order).total == Decimal("6.66")
        told = Event.objects.get(type="subscription.prolonged")
        assert (told.subject, told.data["term_end"]) == (str(early.pk), "2026-04-20T12:00:00Z")
        assert Event.objects.filter(type="order.placed").latest("at").data["kind"] == "alignment"

    def test_costs_what_was_shown(self, early, late):
        shown = preview(late, early)
        assert Order.objects.count() == 2
        done = align(late, early, as_of=shown.as_of, expecting=shown.total, at=LATER + timedelta(minutes=5))
        assert (done.total, done.each[0].order.total) == (shown.total, shown.total)

    def test_of_another_total_than_was_shown_does_nothing(self, early, late):
        shown = preview(late, early)
        with pytest.raises(ChangedSincePreview):
            align(late, early, as_of=shown.as_of, expecting=shown.total + 1)
        assert Order.objects.count() == 2

    def test_costs_the_price_of_the_next_term_not_of_the_list(self, early, late):
        Price.objects.update(amount=Decimal("99.00"))
        assert preview(late, early).total == Decimal("6.66")

    def test_with_the_same_key_again_finds_what_was_ordered(self, early, late):
        key = new_id()
        shown = preview(late, early)
        first, again = (align(late, early, key=key, as_of=LATER, expecting=shown.total) for _ in range(2))
        assert first.each[0].order == again.each[0].order
        assert again.total == first.total
        assert len(ledger.captured()) == 3

    def test_several_each_have_an_order_of_their_own(self, ana, plan, early):
        second = buy(ana, plan, at=NOON + 5 * DAY)
        target = buy(ana, plan, at=NOON + 20 * DAY)
        done = align(target, early, second, at=NOON + 20 * DAY)
        assert [one.order.state for one in done.each] == ["paid", "paid"]
        assert len({s.term_end for s in Subscription.objects.all()}) == 1
        assert findings() == []

    def test_one_that_cannot_be_does_not_keep_the_others(self, ana, plan, early):
        off, target = buy(ana, plan, at=NOON + DAY), buy(ana, plan, at=NOON + 20 * DAY)
        subscriptions.set_auto_renew(subscription=off, auto_renew=False, by=acting(ana), at=NOON + DAY)
        done = align(target, off, early, at=NOON + 20 * DAY)
        assert [type(one.refusal) for one in done.each] == [RenewalIsOff, type(None)]
        assert fresh(early).term_end == target.term_end
        assert fresh(off).term_end != target.term_end

    def test_after_a_declined_card_the_rest_is_not_tried(self, ana, plan, early):
        second, target = buy(ana, plan, at=NOON + DAY), buy(ana, plan, at=NOON + 20 * DAY)
        done = align(target, early, second, at=NOON + 20 * DAY, payment_method="pm_card_chargeDeclined")
        assert [type(one.refusal) for one in done.each] == [CardDeclined, aligning.NotTried]
        assert fresh(early).term_end == NOON + 31 * DAY
        assert len(ledger.captured()) == 3
        assert findings() == []

    def test_takes_along_what_waits_for_the_renewal(self, early, late):
        change(early, 1, when="renewal", at=LATER)
        align(late, early)
        assert ScheduledChange.objects.get(state="waiting").takes_effect_at == late.term_end
        advance(NOON + 31 * DAY)
        assert fresh(early).quantity == 2
        sweep(late.term_end.replace(hour=0))
        advance(late.term_end)
        assert fresh(early).quantity == 1
        assert findings() == []

    def test_counts_towards_limits_what_it_costs_and_the_renewals_as_they_come(self, ana, early):
        target = buy(ana, early.plan, at=NOON + 25 * DAY)  # ends on 4 May by its anchor of 4 April
        [done] = align(target, early, at=NOON + 25 * DAY).each
        assert Commitment.objects.get(subject=done.order.pk).amount == done.order.total
        again = Commitment.objects.get(subscription=early, step__gt=0)
        assert (again.amount, again.quantity) == (Decimal("9.99"), 2)
        assert again.first_month == target.term_end.year * 12 + target.term_end.month - 1

    def test_of_the_organisations_own_is_billed_by_its_agreement(self, tenant, plan):
        buyer, plan = admin_of(tenant, "billing_admin").home, price_centrally(plan)
        early, target = buy_centrally(buyer, plan), buy_centrally(buyer, plan, at=LATER)
        [done] = align(target, early).each
        assert (done.order.state, done.order.total) == ("invoiced", Decimal("5.99"))
        assert fresh(early).term_end == target.term_end
        assert findings() == []


class TestTheCardholdersStep:
    def test_brings_the_longer_term_once_it_is_done(self, early, late):
        [waits] = align(late, early, payment_method=STEP_CARD).each
        assert (waits.order.state, fresh(early).term_end) == ("pending", NOON + 31 * DAY)
        confirm(waits.order, at=LATER)
        assert (fresh(early).term_end, fresh(early).anchor_at) == (late.term_end, late.anchor_at)
        assert findings() == []

    def test_done_too_late_the_money_goes_back(self, early, late):
        [waits] = align(late, early, payment_method=STEP_CARD).each
        Subscription.objects.filter(pk=early.pk).update(state="expired")
        with pytest.raises(PaymentNotNeeded):
            confirm(waits.order, at=LATER)
        assert fresh(early).term_end == NOON + 31 * DAY
        assert ledger.refunded() == [Decimal("6.66")]


def test_lines_of_an_alignment_are_a_part(early, late):
    align(late, early)
    assert OrderLine.objects.filter(order__kind="alignment", part_seconds__isnull=False).count() == 1
