"""What is not aligned: each reason is said by the preview and by the deed, and nothing changes."""

from datetime import timedelta

import pytest

from commerce.models import Order
from commerce.operations.buying.ordering import ApprovedOnlyInACheckout
from commerce.operations.changes import aligned_terms, aligning
from commerce.operations.changes.quantity import RenewalIsOff
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.renewing.ahead import NextTermPaid
from licensing.models import Subscription
from licensing.operations import lifecycle, subscriptions
from licensing.operations.subscriptions import RenewalStopped, SubscriptionInactive
from tenants.ids import new_id
from tenants.refusal import BadInput, NotAllowed
from tests.commerce.aligning.conftest import LATER, align, ask, preview
from tests.commerce.changes import DAY, STEP_CARD, change, findings
from tests.commerce.renewing import sweep
from tests.factories import NOON, RETURN_URL, PolicyFactory, acting, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def refused(target, one, why, **options):
    """Both the preview and the deed say why; nothing changed."""
    before, orders = Subscription.objects.values().get(pk=one.pk), Order.objects.count()
    for [told] in (preview(target, one, **options).each, align(target, one, **options).each):
        assert type(told.refusal) is why
        assert (told.quote, told.order) == (None, None)
    assert Subscription.objects.values().get(pk=one.pk) == before
    assert Order.objects.count() == orders
    return findings() == []


class TestRefusing:
    def test_another_plan(self, ana, early):
        assert refused(buy(ana, plan_on_sale(), at=LATER), early, aligned_terms.NotAlike)

    def test_what_is_paid_by_somebody_else(self, ana, cleo, early, late):
        Subscription.objects.filter(pk=early.pk).update(payer=cleo)
        refused(late, early, aligned_terms.NotAlike)

    def test_terms_in_another_zone(self, early, late):
        Subscription.objects.filter(pk=early.pk).update(time_zone="Asia/Tokyo")
        assert refused(late, early, aligned_terms.OtherTimeZone)

    def test_one_that_ends_later(self, early, late):
        assert refused(early, late, aligned_terms.EndsLater)

    def test_one_that_ends_then_already(self, early, late):
        align(late, early)
        assert refused(late, early, aligned_terms.AlignedAlready)

    def test_one_whose_charge_can_still_be_given_back(self, ana, plan, early):
        target = buy(ana, plan, at=NOON + 7 * DAY - timedelta(seconds=1))
        assert refused(target, early, aligned_terms.StillRefundable, at=NOON + 7 * DAY - timedelta(seconds=1))
        assert align(target, early, at=NOON + 7 * DAY).each[0].order.state == "paid"

    def test_one_whose_seats_of_this_week_can_still_be_given_back(self, early, late):
        change(early, 3, at=LATER)
        assert refused(late, early, aligned_terms.StillRefundable)

    def test_one_with_renewal_off(self, ana, early, late):
        subscriptions.set_auto_renew(subscription=early, auto_renew=False, by=acting(ana), at=LATER)
        assert refused(late, early, RenewalIsOff)

    def test_one_that_an_admin_lets_end(self, early, late):
        Subscription.objects.filter(pk=early.pk).update(renewal_stopped_at=LATER)
        assert refused(late, early, RenewalStopped)

    def test_one_with_an_order_that_waits(self, early, late):
        change(early, 3, card=STEP_CARD, at=LATER)
        assert refused(late, early, PaymentInProgress)

    def test_one_whose_next_term_is_paid(self, early, late):
        midnight = (NOON + 31 * DAY).replace(hour=0)
        sweep(midnight)
        assert refused(late, early, NextTermPaid, at=midnight)

    def test_one_in_grace(self, early, late):
        lifecycle.advance_due(at=NOON + 31 * DAY)
        assert refused(late, early, SubscriptionInactive, at=NOON + 31 * DAY)

    def test_so_little_that_it_costs_nothing(self, ana, plan, early):
        target = buy(ana, plan, at=NOON + timedelta(seconds=1))
        assert refused(target, early, aligned_terms.NothingToAlign, at=LATER)

    def test_what_a_rule_forbids_by_now(self, ana, early, late):
        PolicyFactory(tenant=ana.tenant, product=early.plan.product, value="approval_required")
        orders = Order.objects.count()
        for [told] in (preview(late, early).each, align(late, early).each):
            assert told.refusal.code in ("purchase_refused", ApprovedOnlyInACheckout.code)
        assert Order.objects.count() == orders

    def test_somebody_elses(self, ana, cleo, plan, late):
        hers = buy(cleo, plan)
        for asked in (preview, align):
            with pytest.raises(NotAllowed):
                asked(late, hers)
            with pytest.raises(NotAllowed):
                asked(hers, late)

    def test_none_and_one_twice_and_itself_and_too_many(self, early, late):
        for others in ([], [early, early], [late], [early] * 21):
            with pytest.raises(BadInput):
                preview(late, *others)

    def test_a_target_that_does_not_go_on(self, ana, early, late):
        subscriptions.set_auto_renew(subscription=late, auto_renew=False, by=acting(ana), at=LATER)
        for asked in (preview, align):
            with pytest.raises(RenewalIsOff):
                asked(late, early)

    def test_a_target_that_moved_since_it_was_shown(self, early, late):
        moved = ask(late, early, return_url=lambda one: RETURN_URL, key=new_id())
        Subscription.objects.filter(pk=late.pk).update(term_end=late.term_end + DAY)
        [told] = aligning.align(**moved).each
        assert isinstance(told.refusal, ChangedSincePreview)
