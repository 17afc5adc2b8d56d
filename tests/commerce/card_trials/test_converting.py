"""A trial with a card becomes a purchase when it ends, unless renewal is off."""

from datetime import timedelta

import pytest
from django.core import mail

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import BillingPeriod, Order, Payment, RenewalState
from commerce.operations.buying import extensions
from commerce.operations.changes import reactivations
from commerce.operations.letters import card_trial_letters
from commerce.operations.paying import sources
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.renewing import due
from licensing.models import Seat, TrialUse
from licensing.operations import subscriptions
from licensing.operations import trials as licensed
from licensing.operations.entitlements import entitlement
from policies.models import Commitment
from tests.commerce.card_trials.conftest import DAY, END, MIDNIGHT, start
from tests.commerce.changes import findings
from tests.commerce.renewing import advance, renewal_of, sweep
from tests.factories import NOON, RETURN_URL, acting, add_card, admin_of, open_checkout, pay, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
FAILS_LATER = "pm_card_chargeCustomerFail"


def unreachable(*args, **options):
    raise GatewayUnavailable


class TestConverting:
    def test_is_charged_at_midnight_of_its_last_day_at_the_price_that_was_shown(self, ana, plan, trial):
        plan.prices.update(amount="99.00")
        assert sweep(MIDNIGHT - timedelta(seconds=1)) == {}
        assert sweep(MIDNIGHT) == {"charged": 1}
        assert sweep(MIDNIGHT + timedelta(hours=1)) == {}
        trial.refresh_from_db()
        assert (trial.state, trial.term_end) == ("trial", END)
        order = Order.objects.get()
        assert (order.kind, str(order.total)) == ("renewal", "19.980")
        assert findings() == []
        assert Commitment.objects.get(step__gt=0).counts_as == "self_service"
        advance(END)
        trial.refresh_from_db()
        next_end = END.replace(month=5)
        assert (trial.state, trial.term_start, trial.term_end, trial.is_trial) == ("active", END, next_end, False)
        period = BillingPeriod.objects.get()
        assert (period.starts_at, period.ends_at) == (END, next_end)
        assert [seat.member for seat in Seat.objects.open()] == [ana]
        assert findings() == []

    @pytest.mark.parametrize("sweeps", [(sweep, advance), (advance, sweep)], ids=["charged first", "ended first"])
    def test_of_one_that_ends_at_midnight_becomes_a_purchase_whichever_sweep_is_first(self, ana, plan, sweeps):
        trial = start(ana, plan, at=NOON.replace(hour=0)).trial
        assert trial.term_end == MIDNIGHT  # due in the moment in which it ends
        for one in sweeps:
            one(MIDNIGHT)
        trial.refresh_from_db()
        assert (trial.state, trial.term_start) == ("active", MIDNIGHT)
        assert Order.objects.get().state == "paid"
        assert findings() == []

    @pytest.mark.parametrize("sweeps", [(sweep, advance), (advance, sweep, advance)])
    def test_of_one_that_ends_at_midnight_is_tried_once_and_then_it_ends(self, ana, plan, sweeps):
        pay(open_checkout(ana, plan_on_sale()), FAILS_LATER)  # its one charge that goes through
        trial = start(ana, plan, FAILS_LATER, at=NOON.replace(hour=0)).trial
        for one in sweeps:
            one(MIDNIGHT)
        trial.refresh_from_db()
        assert (trial.state, trial.end_cause) == ("disabled", "trial_ended")

    def test_of_one_that_ends_at_midnight_with_renewal_off_ends_it_then(self, ana, plan):
        trial = start(ana, plan, at=NOON.replace(hour=0)).trial
        advance(MIDNIGHT - DAY)
        subscriptions.set_auto_renew(subscription=trial, auto_renew=False, by=acting(ana), at=NOON + DAY)
        advance(MIDNIGHT)
        trial.refresh_from_db()
        assert trial.state == "disabled"

    def test_renews_from_then_on_as_every_other(self, trial):
        sweep(MIDNIGHT)
        advance(END)
        trial.refresh_from_db()
        assert sweep(trial.term_end.replace(hour=0)) == {"charged": 1}
        advance(trial.term_end)
        trial.refresh_from_db()
        assert (trial.state, trial.term_end) == ("active", END.replace(month=6))
        assert BillingPeriod.objects.count() == 2
        assert findings() == []

    def test_with_renewal_off_it_ends_and_nothing_is_charged(self, ana, trial):
        for on in (False, True, False):
            subscriptions.set_auto_renew(subscription=trial, auto_renew=on, by=acting(ana), at=NOON + DAY)
        assert sweep(MIDNIGHT) == {}
        advance(END)
        trial.refresh_from_db()
        assert (trial.state, trial.end_cause, trial.state_ends_at) == ("disabled", "trial_ended", END + 90 * DAY)
        assert not Order.objects.exists()

    def test_turned_off_between_being_due_and_being_charged_it_is_not_charged(self, ana, trial):
        assert due.open_due(at=MIDNIGHT) == 1
        subscriptions.set_auto_renew(subscription=trial, auto_renew=False, by=acting(ana), at=MIDNIGHT)
        sweep(MIDNIGHT)
        assert renewal_of(trial).state == RenewalState.LAPSED
        assert not Order.objects.exists()

    def test_a_declined_first_charge_ends_it_without_another_try(self, ana, plan):
        pay(open_checkout(ana, plan_on_sale()), FAILS_LATER)  # its one charge that goes through
        trial = start(ana, plan, FAILS_LATER).trial
        assert sweep(MIDNIGHT)["declined"] == 1
        renewal = renewal_of(trial)
        assert (renewal.state, renewal.decline_code != "") == (RenewalState.REFUSED, True)
        card_trial_letters.deliver_unpaid(subscription_id=trial.pk, site="https://s.example", sender="s@s.example")
        assert "19.98 could not be charged" in mail.outbox[-1].body.replace("USD", "").replace("$", "")
        assert "declined" not in sweep(MIDNIGHT + timedelta(hours=3))
        trial.refresh_from_db()
        assert trial.state == "trial"
        advance(END)
        trial.refresh_from_db()
        assert (trial.state, trial.end_cause) == ("disabled", "trial_ended")
        assert not entitlement(member=ana, product=plan.product).entitled
        reactivations.reactivate(
            subscription=trial, payment_method="pm_card_visa", return_url=RETURN_URL, by=acting(ana), at=END + DAY
        )
        trial.refresh_from_db()
        assert (trial.state, trial.term_start) == ("active", END + DAY)
        assert findings() == []

    def test_is_extended_by_an_admin_and_charged_later(self, ana, trial):
        extensions.extend(subscription=trial, by=admin_of(ana.tenant, "billing_admin"), at=NOON + DAY)
        assert sweep(MIDNIGHT) == {}
        trial.refresh_from_db()
        assert sweep(trial.term_end.replace(hour=0)) == {"charged": 1}
        advance(trial.term_end)
        assert BillingPeriod.objects.get().starts_at == trial.term_end

    def test_is_not_extended_once_what_follows_is_paid(self, ana, trial):
        sweep(MIDNIGHT)
        with pytest.raises(licensed.TrialConverted):
            licensed.extend(subscription=trial, by=admin_of(ana.tenant, "billing_admin"), at=MIDNIGHT)

    def test_is_not_extended_while_what_follows_is_being_charged(self, ana, trial, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "charge", unreachable)
            sweep(MIDNIGHT)
        assert Payment.objects.get().state == "started"
        with pytest.raises(PaymentInProgress):
            extensions.extend(subscription=trial, by=admin_of(ana.tenant, "billing_admin"), at=MIDNIGHT)
        trial.refresh_from_db()
        assert (trial.term_end, TrialUse.objects.get().extended_at) == (END, None)

    def test_another_card_pays_if_it_is_chosen_before(self, ana, trial):
        card = add_card(ana, "pm_card_refundFail").payment_method
        sources.change(subscription=trial, card=card, by=acting(ana), at=NOON + DAY)
        sweep(MIDNIGHT)
        assert Payment.objects.get().card == card
