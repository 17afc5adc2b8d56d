"""
Whole lives of subscriptions by chance: people of two organisations buy, change, pay or do not pay, leave and come back.
"""

from datetime import timedelta
from decimal import Decimal
from functools import wraps

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from commerce.models import Dispute, Order, Payment, Renewal
from commerce.operations.changes import cancellations, quantity, reactivations
from commerce.operations.paying import card_setups, disputes, settlement, sources
from licensing.models import Plan, Subscription, Term
from licensing.operations import renewal_stops, seats, subscriptions
from policies.operations import values
from policies.operations.endings import Existing
from policies.operations.scopes import Scope
from tenants.access import SYSTEM
from tenants.directory.operations import people
from tests.commerce.provider import BANK
from tests.factories import RETURN_URL, acting, open_checkout, pay
from tests.lifecycle import books
from tests.lifecycle.world import DAY, GOOD, MINUTE, PAYS_ONCE, World

ASKS, NEVER = "pm_card_authenticationRequired", "pm_card_chargeDeclined"

which = st.integers(0, 5)
cards = st.sampled_from([GOOD, GOOD, PAYS_ONCE, ASKS])
pauses = st.sampled_from([timedelta(), timedelta(), 60 * MINUTE, DAY, 5 * DAY, 8 * DAY, 24 * DAY, 31 * DAY])


def deed(**drawn):
    """A rule, before which some time passes: so that also few steps see subscriptions grow old."""

    def as_rule(act):
        @rule(pause=pauses, **drawn)
        @wraps(act)
        def after_a_pause(self, pause, **arguments):
            self.pass_time(pause)
            act(self, **arguments)

        return after_a_pause

    return as_rule


class Lives(World):
    # --- Buying, and what one does with it

    @deed(who=which, plan=st.integers(0, 2), count=st.integers(1, 4), card=cards)
    def buy(self, who, plan, count, card):
        buyer = self.member(who)
        if not buyer.is_active:
            return
        with self.asked("buy"):
            checkout = open_checkout(buyer, Plan.objects.get(pk=self.plans[plan]), count, self.now)
            pay(checkout, card, self.now)

    @deed(index=which, more=st.integers(1, 3), card=st.sampled_from(["", "", GOOD, ASKS, NEVER]))
    def add_seats(self, index, more, card):
        subscription = self.subscription(index)
        expected, before = self.price_of(subscription, more), books.taken()
        with self.asked("add"):
            done = self.change(subscription, subscription.quantity + more, card=card)
            if done.order.state == "paid":
                cost, rate = books.taken() - before, 1 + done.order.tax_rate
                assert abs(cost - expected * rate) <= books.CENT * 2, f"{more} more seats: {cost}, not {expected}"

    def price_of(self, subscription, count):
        """To the end of the term by the second, and all of the next one where that is paid."""
        each = Decimal("99.90") if subscription.plan.term == Term.YEAR else Decimal("9.99")
        rest = (subscription.term_end - self.now) / (subscription.term_end - subscription.term_start)
        return each * count * (Decimal(rest) + (1 if subscription.renewed_until else 0))

    @deed(index=which, fewer=st.integers(1, 3), when=st.sampled_from(["now", "now", "renewal"]))
    def remove_seats(self, index, fewer, when):
        subscription = self.subscription(index)
        with self.asked(f"remove {when}"):
            self.change(subscription, max(subscription.quantity - fewer, 1), when=when)

    def change(self, subscription, to, card="", when="now"):
        by = acting(subscription.owner)
        return quantity.change(
            subscription=subscription,
            quantity=to,
            when=when,
            payment_method=card,
            return_url=RETURN_URL,
            by=by,
            at=self.now,
        )

    @deed(index=which, who=which, takes=st.booleans())
    def assign_or_release(self, index, who, takes):
        subscription, member = self.subscription(index), self.member(who)
        with self.asked("release" if takes else "assign"):
            act = seats.release if takes else seats.assign
            act(subscription=subscription, members=[member], by=acting(subscription.owner), at=self.now)

    @deed(index=which)
    def cancel(self, index):
        subscription = self.subscription(index)
        with self.asked("cancel"):
            cancellations.cancel_subscription(
                subscription=subscription, reason="", by=acting(subscription.owner), at=self.now
            )

    @deed(index=which, wanted=st.booleans())
    def turn_renewal(self, index, wanted):
        subscription = self.subscription(index)
        with self.asked("renewal on" if wanted else "renewal off"):
            subscriptions.set_auto_renew(
                subscription=subscription, auto_renew=wanted, by=acting(subscription.owner), at=self.now
            )

    @deed(index=which, card=st.sampled_from(["", GOOD, GOOD, ASKS]))
    def reactivate(self, index, card):
        subscription = self.subscription(index)
        if subscription.state == "active":
            return
        with self.asked("reactivate"):
            reactivations.reactivate(
                subscription=subscription,
                payment_method=card,
                return_url=RETURN_URL,
                by=acting(subscription.owner),
                at=self.now,
            )

    # --- Cards, and what the bank says

    @deed(index=which, card=st.sampled_from([GOOD, PAYS_ONCE]))
    def pay_with_another_card(self, index, card):
        """Declined before or not: what failed is tried at once."""
        subscription = self.subscription(index)
        if subscription.payer is None or not subscription.payer.is_active:
            return
        with self.asked("other card"):
            by, before = acting(subscription.payer), sources.PaymentSource.objects.get(subscription=subscription)
            kept = card_setups.add(token=card, return_to=str, by=by, at=self.now).payment_method
            sources.change(subscription=subscription, card=kept, by=by, at=self.now)
            self.settle()
            failed = Renewal.objects.dunned().filter(subscription=subscription, subscription__auto_renew=True)
            waits = Order.objects.filter(subscription=subscription, state="pending").exists()
            if card == GOOD and before.payment_method_id != kept.pk and not waits and self.lives(subscription):
                assert not failed.exists(), "another card pays, and what failed was not tried"

    def lives(self, subscription):
        return Subscription.objects.with_access().filter(pk=subscription.pk, renewal_stopped_at=None).exists()

    @deed(approve=st.booleans())
    @precondition(lambda self: Payment.objects.filter(state="requires_action").exists())
    def cardholder_answers(self, approve):
        waiting = Payment.objects.filter(state="requires_action").order_by("started_at", "pk").first()
        if waiting is None:  # called off while time passed
            return
        BANK.answer_step(waiting.pk, approve=approve)
        with self.asked("step"):
            settlement.settle_payment(payment=waiting, charge=BANK.find(waiting.pk), at=self.now)

    @deed(index=which)
    @precondition(lambda self: Payment.objects.filter(state="succeeded", disputed=0).exists())
    def contest(self, index):
        open_to_it = Payment.objects.filter(state="succeeded", disputes=None).order_by("started_at", "pk")
        found = list(open_to_it)
        if found and index % 3 == 0:  # seldom: little happens to what is contested
            with self.asked("contest"):
                disputes.settle_dispute(report=BANK.contest(found[index % len(found)].pk), at=self.now)

    @deed(won=st.booleans())
    @precondition(lambda self: Dispute.objects.filter(state="open").exists())
    def bank_decides(self, won):
        dispute = Dispute.objects.filter(state="open").order_by("opened_at", "pk").first()
        with self.asked("won" if won else "lost"):
            disputes.settle_dispute(report=BANK.judge_dispute(dispute.payment_id, won=won), at=self.now)

    # --- The organisation

    @deed(who=which)
    def leave_or_come_back(self, who):
        member = self.member(who)
        state = "left" if member.is_active else "active"
        with self.asked(f"turns {state}"):
            people.change_member(membership=member, by=SYSTEM, at=self.now, state=state)

    @deed(
        tenant=st.integers(0, 1),
        said=st.sampled_from(
            [("disabled", "leave"), ("disabled", "stop_at_renewal"), ("disabled", "cancel"), ("enabled", "leave")]
        ),
    )
    def change_policy(self, tenant, said):
        admin, (value, existing) = self.admins[tenant], said
        with self.asked(f"policy {existing}"):
            values.put(
                tenant=admin.tenant,
                scope=Scope(product=self.product),
                value=value,
                reason="Chance",
                existing=Existing(rule=existing),
                by=acting(admin),
                at=self.now,
            )

    @deed(index=which)
    @precondition(lambda self: Subscription.objects.exclude(renewal_stopped_at=None).exists())
    def lift_stop(self, index):
        stopped = Subscription.objects.exclude(renewal_stopped_at=None).order_by("created_at", "pk").first()
        admin = self.admins[0 if stopped.tenant_id == self.admins[0].tenant_id else 1]
        with self.asked("lift"):
            renewal_stops.lift(subscription=stopped, reason="Chance", by=acting(admin), at=self.now)

    # --- Time

    @rule(minutes=st.integers(1, 2 * 24 * 60))
    def wait(self, minutes):
        self.pass_time(minutes * MINUTE)

    @rule(days=st.integers(3, 40), silent=st.sampled_from([False, False, False, True]))
    def wait_long(self, days, silent):
        self.pass_time(days * DAY, silent=silent)

    @rule(index=which, hours=st.sampled_from([-20, -3, 0, 1]))
    def wait_for_the_end(self, index, hours):
        """To where things happen: near the moment at which a state runs out, at most as far as one may wait."""
        ends = self.subscription(index).state_ends_at
        if ends is not None and timedelta() < ends + timedelta(hours=hours) - self.now <= 40 * DAY:
            self.pass_time(ends + timedelta(hours=hours) - self.now)
