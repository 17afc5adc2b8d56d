"""A trial with a card begins: nothing is charged, and what follows is agreed."""

import pytest
from django.core import mail

from commerce.models import CheckoutState, Order, Payment, PaymentSource, Purchase
from commerce.operations.buying import approvals, checkouts, payments, trials
from commerce.operations.letters import trial_letters
from licensing.models import Seat, Subscription, TrialUse
from licensing.operations.entitlements import entitlement
from policies.eligibility import PurchaseRefused
from policies.models import Approval, Commitment
from tenants.journal.models import Event
from tests.commerce.card_trials.conftest import DAY, END, opened, start
from tests.commerce.changes import STEP_CARD, findings
from tests.factories import NOON, RETURN_URL, PolicyFactory, acting, add_card, admin_of, confirm, pay, plan_on_sale
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
DECLINED = "pm_card_chargeDeclined"


def refused(buyer, plan, **options):
    with pytest.raises(PurchaseRefused) as caught:
        opened(buyer, plan, **options)
    return [reason["code"] for reason in caught.value.answer.reasons]


class TestStarting:
    def test_keeps_the_card_and_charges_nothing(self, ana, plan):
        checkout = opened(ana, plan)
        assert (checkout.state, checkout.unit_price * 2) == (CheckoutState.OPEN, checkout.total)
        checkout = pay(checkout)
        trial = checkout.trial
        assert (checkout.state, trial.state, trial.term_end) == (CheckoutState.COMPLETED, "trial", END)
        assert (trial.auto_renew, trial.converts, trial.payer) == (True, True, ana)
        assert not Order.objects.exists()
        assert not Payment.objects.exists()
        assert PaymentSource.objects.get(subscription=trial).payment_method.member == ana
        assert [seat.member for seat in Seat.objects.all()] == [ana]
        assert entitlement(member=ana, product=plan.product).entitled
        assert Event.objects.get(type="trial.started").data["converts"] is True
        assert findings() == []

    def test_takes_a_card_that_is_kept_already(self, ana, plan):
        card = add_card(ana).payment_method
        trial = start(ana, plan, str(card.pk)).trial
        assert PaymentSource.objects.get(subscription=trial).payment_method == card

    def test_waits_for_the_cardholder_and_begins_after_the_step(self, ana, plan):
        checkout = start(ana, plan, STEP_CARD)
        assert (checkout.state, checkout.trial) == (CheckoutState.OPEN, None)
        assert checkout.card_setup.state == "requires_action"
        assert approvals.charge_due(return_to=lambda _: RETURN_URL, at=NOON) == 1
        checkout.refresh_from_db()
        assert (checkout.trial, checkout.card_setup is None) == (None, False)
        checkout = confirm(checkout)
        assert (checkout.state, checkout.trial.state) == (CheckoutState.COMPLETED, "trial")
        assert confirm(checkout).trial == checkout.trial
        assert not Payment.objects.exists()

    def test_begins_by_a_sweep_where_the_answer_came_later(self, ana, plan):
        checkout = opened(ana, plan)
        checkout.card_setup = add_card(ana)
        checkout.save()
        approvals.charge_due(return_to=lambda _: RETURN_URL, at=NOON)
        checkout.refresh_from_db()
        assert (checkout.state, checkout.trial.state) == (CheckoutState.COMPLETED, "trial")

    def test_a_declined_card_begins_nothing_and_another_one_does(self, ana, plan):
        checkout = opened(ana, plan)
        with pytest.raises(payments.charging.CardDeclined):
            pay(checkout, DECLINED)
        checkout.refresh_from_db()
        assert checkout.state == CheckoutState.OPEN
        assert not Subscription.objects.exists()
        assert pay(checkout).trial.state == "trial"

    def test_is_had_once_with_or_without_a_card(self, ana, plan, trial):
        assert refused(ana, plan) == ["trial_already_used"]
        with pytest.raises(PurchaseRefused):
            trials.start_trial(plan=plan, quantity=1, by=acting(ana), at=NOON)
        assert TrialUse.objects.count() == 1

    def test_of_two_quotes_one_begins(self, ana, plan):
        first, second = opened(ana, plan), opened(ana, plan)
        pay(first)
        with pytest.raises(PurchaseRefused):
            pay(second)
        assert Subscription.objects.count() == 1

    @pytest.mark.parametrize(
        "value, code",
        [("only_trials_without_payment_method", "policy_trials_only"), ("disabled", "policy_disabled")],
    )
    def test_is_refused_where_the_purchase_is(self, ana, plan, value, code):
        PolicyFactory(tenant=ana.tenant, product=plan.product, value=value)
        assert refused(ana, plan) == [code]

    def test_needs_a_product_that_has_one_and_no_more_seats_than_it_has(self, ana, plan):
        assert refused(ana, plan_on_sale()) == ["trial_not_offered"]
        assert refused(ana, plan, quantity=6) == ["quantity_out_of_range"]

    def test_waits_for_an_approval_and_begins_with_the_card_that_was_kept(self, ana, plan):
        PolicyFactory(tenant=ana.tenant, product=plan.product, value="approval_required")
        boss = admin_of(ana.tenant)
        checkout = start(ana, plan)
        assert (checkout.state, checkout.trial) == (CheckoutState.AWAITING_APPROVAL, None)
        approvals.decide(approval=Approval.objects.get(), approve=True, by=boss, at=NOON + DAY)
        approvals.charge(checkout=checkout, return_url=RETURN_URL, at=NOON + DAY)
        checkout.refresh_from_db()
        assert (checkout.state, checkout.trial.term_end) == (CheckoutState.COMPLETED, END + DAY)
        assert not Payment.objects.exists()

    def test_counts_as_a_trial_and_its_first_term_is_committed_ahead(self, ana, plan, trial):
        once, again = Commitment.objects.order_by("step")
        assert (once.amount, once.counts_as, once.settled) == (0, "trial", True)
        assert (again.amount, again.quantity, again.counts_as) == (
            Purchase.objects.with_price().get().unit_price,
            2,
            "trial",
        )
        assert again.first_month == END.year * 12 + END.month - 1
        assert again.subscription == trial

    def test_is_told_with_what_follows_and_how_to_turn_it_off(self, ana, trial):
        trial_letters.deliver(subscription_id=trial.pk, site="https://s.example", sender="s@s.example")
        [letter] = mail.outbox
        assert "9 April 2026" in letter.body
        assert "19.98" in letter.body
        assert "turn automatic renewal off" in letter.body


@between_transactions
def test_ten_clicks_begin_one(ana, plan):
    checkout = opened(ana, plan)
    race(lambda _: pay(checkout), range(10), refused=(checkouts.CheckoutClosed, PurchaseRefused))
    assert (Subscription.objects.count(), TrialUse.objects.count(), PaymentSource.objects.count()) == (1, 1, 1)
