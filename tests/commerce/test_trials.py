"""A trial without a card: begun at once, never charged, and ended by itself."""

from datetime import timedelta

import pytest
from django.core import mail

from commerce.models import Checkout, CheckoutState, Invoice, Order, Payment, Purchase
from commerce.operations.accounts import invariants
from commerce.operations.buying import free_seats, trials
from commerce.operations.changes import cancellations, quantity, reactivations, scheduled
from commerce.operations.letters import trial_letters
from commerce.operations.pricing.prices import NotPriced
from licensing.models import Seat, Subscription, TrialUse
from licensing.operations.entitlements import entitlement
from licensing.operations.subscriptions import SubscriptionInactive, TrialEndsByItself
from policies.eligibility import PurchaseRefused
from policies.models import Decision
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.factories import (
    NOON,
    RETURN_URL,
    MembershipFactory,
    PlanFactory,
    PolicyFactory,
    acting,
    admin_of,
    buy,
    plan_on_sale,
)
from tests.race import race, without_constraint

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

END = NOON + timedelta(days=30)


@pytest.fixture
def plan():
    return plan_on_sale(product__trial_days=30, product__trial_seats=5)


@pytest.fixture
def ana():
    return MembershipFactory()


def start(buyer, plan, quantity=2, at=NOON, **options):
    return trials.start_trial(plan=plan, quantity=quantity, by=acting(buyer), at=at, **options)


def refused(buyer, plan, **options):
    with pytest.raises(PurchaseRefused) as caught:
        start(buyer, plan, **options)
    return [reason["code"] for reason in caught.value.answer.reasons]


class TestStarting:
    def test_completes_its_checkout_at_once_and_charges_nobody(self, ana, plan):
        checkout = start(ana, plan)
        assert (checkout.state, checkout.total) == (CheckoutState.COMPLETED, 0)
        assert (checkout.trial.state, checkout.trial.term_end) == ("trial", END)
        assert not (Order.objects.exists())
        assert not (Payment.objects.exists())
        assert not (Invoice.objects.exists())
        assert [seat.member for seat in Seat.objects.all()] == [ana]
        assert entitlement(member=ana, product=plan.product).entitled

    def test_breaks_no_invariant_in_any_of_its_states(self, ana, plan):
        trial = start(ana, plan).trial
        for at in (NOON, END, END + timedelta(days=90)):
            scheduled.advance_due(at=at)
            assert [told for check in invariants.CHECKS for told in check()] == []
        trial.refresh_from_db()
        assert trial.state == "deleted"

    def test_keeps_what_was_decided(self, ana, plan):
        start(ana, plan)
        refused(ana, plan)
        kept = Decision.objects.order_by("pk").values_list("trial", "outcome", "reasons")
        assert list(kept) == [(True, "allowed", []), (True, "refused", ["trial_already_used"])]

    def test_is_where_only_trials_are_allowed(self, ana, plan):
        PolicyFactory(tenant=ana.tenant, product=plan.product, value="only_trials_without_payment_method")
        assert start(ana, plan).trial.state == "trial"

    @pytest.mark.parametrize(
        "value, codes", [("approval_required", []), ("disabled", ["policy_disabled"])], ids=["approval", "disabled"]
    )
    def test_asks_no_approval_and_no_policy_that_is_off(self, ana, plan, value, codes):
        PolicyFactory(tenant=ana.tenant, product=plan.product, value=value)
        told = refused(ana, plan) if codes else start(ana, plan) and []
        assert told == codes
        assert Subscription.objects.count() == (0 if codes else 1)

    @pytest.mark.parametrize("quantity", [0, 6])
    def test_has_at_most_the_seats_of_the_products_trial(self, ana, plan, quantity):
        assert refused(ana, plan, quantity=quantity) == ["quantity_out_of_range"]
        assert not (Subscription.objects.exists())
        assert not (Checkout.objects.exists())

    def test_needs_a_product_that_has_one(self, ana):
        assert refused(ana, plan_on_sale()) == ["trial_not_offered"]

    def test_needs_a_market_in_which_one_could_go_on(self, ana, plan):
        unpriced = PlanFactory(product=plan.product, term="P1Y")
        with pytest.raises(NotPriced):
            start(ana, unpriced)
        assert not Subscription.objects.exists()

    def test_is_told_of_by_mail(self, ana, plan):
        trial = start(ana, plan).trial
        trial_letters.deliver(subscription_id=trial.pk, site="https://s.example", sender="s@s.example")
        [letter] = mail.outbox
        assert letter.to == [ana.user.email]
        assert "9 April 2026" in letter.body
        assert f"https://s.example/my/subscriptions/{trial.pk}/" in letter.body


class TestAfterwards:
    @pytest.fixture
    def trial(self, ana, plan):
        return start(ana, plan).trial

    def test_it_is_never_charged_and_never_becomes_a_purchase(self, ana, trial):
        by = acting(ana)
        with pytest.raises(TrialEndsByItself):
            quantity.change(subscription=trial, quantity=3, return_url=RETURN_URL, by=by, at=NOON)
        for at in (NOON, END):
            scheduled.advance_due(at=at)
            trial.refresh_from_db()
            with pytest.raises(TrialEndsByItself):
                reactivations.preview_reactivation(subscription=trial, by=by, at=at)
            with pytest.raises(TrialEndsByItself):
                reactivations.reactivate(subscription=trial, return_url=RETURN_URL, by=by, at=at)
        assert (trial.state, trial.end_cause) == ("disabled", "trial_ended")
        assert not Order.objects.exists()

    def test_its_product_is_bought_as_any_other(self, ana, plan, trial):
        bought = buy(ana, plan, at=NOON + timedelta(days=1))
        assert (bought.state, Order.objects.get().subscription) == ("active", bought)
        trial.refresh_from_db()
        assert (trial.state, trial.term_end) == ("trial", END)

    def test_its_owner_ends_it_at_once_and_only_once(self, ana, trial):
        told = cancellations.preview_cancellation(subscription=trial, by=acting(ana), at=NOON)
        assert (told.ends_now, told.seats_left, told.losing, told.total) == (True, 0, 1, 0)
        day = NOON + timedelta(days=1)
        cancellations.cancel_subscription(subscription=trial, reason="Not for me.", by=acting(ana), at=day)
        trial.refresh_from_db()
        assert (trial.state, trial.state_ends_at) == ("disabled", day + timedelta(days=90))
        assert Purchase.objects.with_end().get().ended_at == day
        assert Event.objects.get(type="subscription.canceled").data["reason"] == "Not for me."
        with pytest.raises(SubscriptionInactive):
            cancellations.cancel_subscription(subscription=trial, reason="", by=acting(ana), at=day)

    def test_one_that_ran_out_ended_with_its_time_whenever_that_was_noticed(self, trial):
        scheduled.advance_due(at=END + timedelta(days=2))
        assert Purchase.objects.with_end().get().ended_at == END

    def test_admins_end_it_and_colleagues_do_not(self, ana, trial):
        options = {"subscription": trial, "reason": "", "at": NOON}
        with pytest.raises(NotAllowed):
            cancellations.cancel_subscription(by=acting(MembershipFactory(tenant=ana.tenant)), **options)
        cancellations.cancel_subscription(by=admin_of(ana.tenant, "billing_admin"), **options)
        trial.refresh_from_db()
        assert trial.state == "disabled"

    def test_whoever_tries_is_still_offered_a_free_seat_of_the_organisation(self, ana, plan, trial):
        assert not free_seats._has_seat(ana, plan.product)


@between_transactions
class TestAtOnce:
    def twenty(self, ana, plan):
        return race(lambda _: start(ana, plan), range(20), refused=PurchaseRefused)

    def test_twenty_wishes_for_one_trial_bring_one(self, ana, plan):
        assert self.twenty(ana, plan) == 1
        assert (Subscription.objects.count(), Checkout.objects.count(), Seat.objects.count()) == (1, 1, 1)
        codes = {code for kept in Decision.objects.filter(outcome="refused") for code in kept.reasons}
        assert codes == {"trial_already_used"}

    def test_without_the_constraint_there_are_more(self, ana, plan):
        with without_constraint("licensing_trialuse", "one_trial_per_person_and_product"):
            assert self.twenty(ana, plan) > 1


def test_a_colleague_has_their_own(ana, plan):
    start(ana, plan)
    start(MembershipFactory(tenant=ana.tenant), plan)
    assert TrialUse.objects.count() == 2
