"""What was aligned renews together later; seats, cancelling and aligning again count on the new end."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from commerce.models import BillingPeriod, Price, Purchase
from commerce.operations.changes import cancellations
from commerce.operations.renewing import due
from licensing.models import Subscription
from tests import ledger
from tests.commerce.aligning.conftest import LATER, align, preview
from tests.commerce.changes import DAY, change, findings, fresh
from tests.commerce.renewing import advance, renewal_of, sweep
from tests.factories import NOON, acting, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestAfterwards:
    def test_both_renew_on_the_same_day_for_whole_terms(self, early, late):
        align(late, early)
        assert sweep((NOON + 31 * DAY).replace(hour=0)) == {}
        assert advance(NOON + 31 * DAY) == 0
        assert sweep(late.term_end.replace(hour=0)) == {"charged": 2}
        advance(late.term_end)
        ends = {s.term_end for s in Subscription.objects.all()}
        assert ends == {datetime(2026, 5, 20, 12, tzinfo=UTC)}
        assert ledger.captured()[-2:] in ([Decimal("19.98"), Decimal("29.97")], [Decimal("29.97"), Decimal("19.98")])
        assert findings() == []

    def test_a_term_whose_renewal_was_due_renews_at_the_new_end(self, early, late):
        midnight = (NOON + 31 * DAY).replace(hour=0)
        Price.objects.update(amount=Decimal("9.99"))
        assert due.open_due(at=midnight) == 1
        align(late, early, at=midnight)
        assert sweep(midnight) == {}
        assert renewal_of(early).state == "lapsed"
        assert findings() == []

    @pytest.mark.parametrize("bought", [datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(2028, 1, 30, 12, tzinfo=UTC)])
    def test_month_ends_are_those_of_the_target(self, ana, plan, bought):
        early, target = buy(ana, plan, at=bought - 15 * DAY), buy(ana, plan, at=bought)
        align(target, early, at=bought)
        for _month in range(4):
            moment = fresh(target).term_end
            assert fresh(early).term_end == moment
            sweep(moment.replace(hour=0))
            advance(moment)
        assert fresh(early).term_end == fresh(target).term_end > moment
        assert fresh(early).term_end.day in (30, 31)
        assert findings() == []

    def test_of_years_the_part_is_one_of_a_year(self, ana):
        plan = plan_on_sale("100.00", term="P1Y")
        early, target = buy(ana, plan, 1), buy(ana, plan, 1, at=NOON + 73 * DAY)
        # 73 of the 366 days to 10 March 2028.
        assert preview(target, early, at=NOON + 73 * DAY).total == Decimal("19.95")
        align(target, early, at=NOON + 73 * DAY)
        sweep(target.term_end.replace(hour=0))
        advance(target.term_end)
        assert fresh(early).term_end == fresh(target).term_end == target.term_end.replace(year=2028)
        assert findings() == []

    def test_more_seats_cost_what_is_left_as_a_part_of_a_whole_term(self, early, late):
        align(late, early)
        at = late.term_end - 15.5 * DAY  # half of the 31 days before 20 April
        assert change(early, 3, at=at).quote.total == Decimal("5.00")
        assert findings() == []

    def test_fewer_seats_come_with_the_renewal_and_nothing_goes_back(self, early, late):
        align(late, early)
        told = change(early, 1, at=LATER + DAY).quote
        assert (told.direction, told.scheduled, told.takes_effect_at) == ("none", 1, late.term_end)

    def test_cancelling_lets_it_run_to_the_new_end_and_gives_nothing_back(self, early, late):
        align(late, early)
        assert Purchase.objects.with_refund_window().get(pk=early.pk).refundable_until == NOON + 7 * DAY
        done = cancellations.cancel_subscription(
            subscription=fresh(early), reason="", by=acting(early.owner), at=LATER + DAY
        )
        assert (done.total, done.ends_at) == (0, late.term_end)
        early.refresh_from_db()
        assert (early.auto_renew, early.state) == (False, "active")
        assert ledger.refunded() == []
        assert findings() == []

    def test_again_with_a_later_one(self, ana, plan, early, late):
        align(late, early)
        last = buy(ana, plan, at=NOON + 20 * DAY)
        done = align(last, early, late, at=NOON + 20 * DAY)
        assert [one.refusal for one in done.each] == [None, None]
        assert BillingPeriod.objects.filter(subscription=early).count() == 3
        assert findings() == []
