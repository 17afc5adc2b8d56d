"""A trial with a card is ended, told of ahead, and gone on with by paying."""

from datetime import timedelta

import pytest
from django.core import mail

from commerce.models import CheckoutState, Order, Payment
from commerce.operations.buying import checkouts
from commerce.operations.changes import cancellations, quantity, reactivations
from commerce.operations.letters import card_trial_letters, trial_letters
from licensing.operations import subscriptions
from licensing.operations.subscriptions import SubscriptionInactive
from tests.commerce.card_trials.conftest import DAY, END, MIDNIGHT, opened, start
from tests.commerce.changes import STEP_CARD, findings
from tests.commerce.renewing import sweep
from tests.factories import NOON, RETURN_URL, acting

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestEnding:
    def test_at_once_by_its_owner_for_nothing(self, ana, trial):
        cancellations.cancel_subscription(subscription=trial, reason="", by=acting(ana), at=NOON + DAY)
        trial.refresh_from_db()
        assert (trial.state, trial.end_cause) == ("disabled", "trial_ended")
        assert sweep(MIDNIGHT) == {}
        assert not Order.objects.exists()

    def test_after_the_charge_gives_the_money_back(self, ana, trial):
        sweep(MIDNIGHT)
        trial.refresh_from_db()
        at = MIDNIGHT + timedelta(hours=2)
        cancellations.cancel_subscription(subscription=trial, reason="", by=acting(ana), at=at)
        trial.refresh_from_db()
        payment = Payment.objects.get()
        assert (trial.state, trial.renewed_until) == ("disabled", None)
        assert payment.refunded == payment.captured
        assert findings() == []

    def test_it_is_reactivated_by_paying(self, ana, trial):
        cancellations.cancel_subscription(subscription=trial, reason="", by=acting(ana), at=NOON + DAY)
        trial.refresh_from_db()
        at = NOON + 2 * DAY
        told = reactivations.preview_reactivation(subscription=trial, by=acting(ana), at=at)
        assert str(told.total) == "19.980" or str(told.total) == "19.98"
        reactivations.reactivate(subscription=trial, return_url=RETURN_URL, by=acting(ana), at=at)
        trial.refresh_from_db()
        assert (trial.state, trial.term_start, trial.is_trial) == ("active", at, False)
        assert findings() == []

    def test_its_seats_are_not_changed_while_it_runs(self, ana, trial):
        with pytest.raises(SubscriptionInactive):
            quantity.change(subscription=trial, quantity=3, return_url=RETURN_URL, by=acting(ana), at=NOON)

    def test_an_open_one_is_canceled_and_expires_as_any_checkout(self, ana, plan):
        waiting = start(ana, plan, STEP_CARD)
        assert checkouts.cancel_checkout(checkout=waiting, by=acting(ana), at=NOON).state == CheckoutState.CANCELED
        late = opened(ana, plan)
        assert checkouts.expire_overdue(at=NOON + 2 * DAY) == 1
        late.refresh_from_db()
        assert late.state == CheckoutState.EXPIRED


class TestLetters:
    def tell(self, at):
        return card_trial_letters.tell_coming(at=at)

    def test_seven_days_and_one_day_before_once_each(self, trial):
        assert self.tell(END - 8 * DAY) == 0
        assert [self.tell(END - 7 * DAY), self.tell(END - 6 * DAY)] == [1, 0]
        assert [self.tell(END - DAY), self.tell(END - DAY)] == [1, 0]
        assert trial_letters.tell_ending(at=END - DAY) == 0

    def test_once_for_both_where_the_sweep_was_away(self, trial):
        assert self.tell(END - DAY / 2) == 1

    def test_with_renewal_off_it_is_told_as_one_that_ends(self, ana, trial):
        subscriptions.set_auto_renew(subscription=trial, auto_renew=False, by=acting(ana), at=NOON)
        assert self.tell(END - 7 * DAY) == 0
        assert trial_letters.tell_ending(at=END - 7 * DAY) == 1

    def test_says_the_amount_the_day_and_how_to_turn_it_off(self, ana, trial):
        options = {"site": "https://s.example", "sender": "s@s.example", "at": END - DAY}
        card_trial_letters.deliver_coming(subscription_id=trial.pk, days=1, **options)
        [letter] = mail.outbox
        assert letter.to == [ana.user.email]
        for said in ("19.98", "9 April 2026", "turn automatic renewal off", f"/my/subscriptions/{trial.pk}/"):
            assert said in letter.body
