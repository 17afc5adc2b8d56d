"""The same lives, in which people let a term end and think better of it more often than chance would have it."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from commerce.operations.changes import reactivations
from licensing.models import Subscription
from licensing.operations import subscriptions
from tests.factories import RETURN_URL, acting
from tests.lifecycle.machine import Lives, which
from tests.lifecycle.world import DAY, GOOD


class LivesInGrace(Lives):
    @rule(index=which, late=st.integers(1, 20))
    def go_on_in_grace(self, index, late):
        subscription = self.subscription(index)
        if subscription.state != "active" or subscription.owner is None:
            return
        by = acting(subscription.owner)
        with self.asked("renewal off"):
            subscriptions.set_auto_renew(subscription=subscription, auto_renew=False, by=by, at=self.now)
        self.pass_time(max(subscription.term_end + late * DAY - self.now, DAY))
        late_one = Subscription.objects.with_people().get(pk=subscription.pk)
        if late_one.state != "expired":
            return
        with self.asked("in grace"):
            reactivations.reactivate(
                subscription=late_one, payment_method=GOOD, return_url=RETURN_URL, by=by, at=self.now
            )
