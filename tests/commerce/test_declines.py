from datetime import timedelta
from unittest.mock import Mock

import pytest

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Checkout, Payment
from commerce.operations.buying import payments
from commerce.operations.paying import charging, declines, settlement
from licensing.models import Subscription
from tests import ledger
from tests.factories import NOON, MembershipFactory, acting, open_checkout, pay
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

DECLINED = "pm_card_chargeDeclined"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def decline(checkout, at=NOON, card=DECLINED):
    with pytest.raises(charging.CardDeclined) as declined:
        pay(checkout, card, at=at)
    return declined.value


def refuse(checkout, at=NOON):
    tried = len(ledger.states())
    with pytest.raises(declines.TooManyDeclines) as refused:
        pay(checkout, at=at)
    assert len(ledger.states()) == tried
    checkout.refresh_from_db()
    assert checkout.state == "open"
    return refused.value


def so_many_declines(buyer, plan, number, at=NOON):
    """So many declines of a person, never more than four a checkout."""
    for n in range(number):
        if n % 4 == 0:
            checkout = open_checkout(buyer, plan, at=at)
        decline(checkout, at)


class TestADecline:
    @pytest.mark.parametrize(
        "card, code",
        [
            ("pm_card_chargeDeclined", "generic_decline"),
            ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ],
    )
    def test_says_why_charges_nothing_and_keeps_the_checkout_open(self, ana, plan, card, code):
        checkout = open_checkout(ana, plan)
        declined = decline(checkout, card=card)
        assert (declined.code, declined.http_status) == ("card_declined", 402)
        assert declined.extra == {"decline_code": code}
        checkout.refresh_from_db()
        assert checkout.state == "open"
        payment = Payment.objects.get()
        assert (payment.state, payment.decline_code) == ("failed", code)
        assert ledger.captured() == []
        assert not Subscription.objects.exists()

    def test_another_card_then_pays_for_the_same_order(self, ana, plan):
        checkout = open_checkout(ana, plan)
        decline(checkout)
        assert pay(checkout).state == "completed"
        assert sorted(Payment.objects.values_list("state", flat=True)) == ["failed", "succeeded"]
        assert Payment.objects.values("order").distinct().count() == 1
        assert len(ledger.captured()) == 1


class TestTheLimits:
    def test_five_a_checkout(self, ana, plan):
        checkout = open_checkout(ana, plan)
        for _ in range(5):
            decline(checkout)
        refused = refuse(checkout)
        assert (refused.code, refused.http_status) == ("too_many_declines", 429)
        refuse(checkout, at=checkout.expires_at - timedelta(seconds=1))
        pay(open_checkout(ana, plan))

    def test_ten_a_person_and_day(self, ana, plan):
        so_many_declines(ana, plan, 10)
        checkout = open_checkout(ana, plan)
        assert refuse(checkout).extra["retry_after"] == DAY.total_seconds()
        tomorrow = open_checkout(ana, plan, at=NOON + DAY)
        refuse(tomorrow, at=NOON + DAY)
        pay(tomorrow, at=NOON + DAY + timedelta(seconds=1))

    def test_the_tenth_is_still_tried(self, ana, plan):
        so_many_declines(ana, plan, 9)
        pay(open_checkout(ana, plan))

    def test_a_colleague_may_still_pay(self, ana, plan):
        so_many_declines(ana, plan, 10)
        pay(open_checkout(MembershipFactory(tenant=ana.tenant), plan))

    def test_twenty_a_tenant_and_hour(self, ana, plan):
        for buyer in MembershipFactory.create_batch(4, tenant=ana.tenant):
            so_many_declines(buyer, plan, 5)
        checkout = open_checkout(ana, plan)
        assert refuse(checkout).extra["retry_after"] == HOUR.total_seconds()
        pay(open_checkout(MembershipFactory(), plan))
        refuse(checkout, at=NOON + HOUR)
        pay(checkout, at=NOON + HOUR + timedelta(seconds=1))

    def test_of_the_bank_count_as_those_of_the_card(self, ana, plan):
        for _ in range(5):
            checkout = open_checkout(ana, plan)
            pay(checkout, "pm_card_authenticationRequired")
            payments.give_up_waiting(checkout=checkout, by=acting(ana), at=NOON)
        so_many_declines(ana, plan, 9)
        pay(open_checkout(ana, plan))

    def test_a_purchase_does_not_count(self, ana, plan):
        for _ in range(11):
            pay(open_checkout(ana, plan, 1))
        assert len(ledger.captured()) == 11


@between_transactions
class TestTriedAtOnce:
    """A decline is only known afterwards: what is being tried counts until then."""

    REFUSED = (
        charging.CardDeclined,
        declines.TooManyDeclines,
        declines.TooManyCardsAtOnce,
        settlement.PaymentInProgress,
    )

    def test_one_persons_cards_in_many_checkouts(self, ana, plan):
        checkouts = [open_checkout(ana, plan) for _ in range(25)]
        assert race(lambda checkout: pay(checkout, DECLINED), checkouts, refused=self.REFUSED) == 0
        assert ledger.states() == ["declined"] * 10

    def test_a_tenants_people(self, ana, plan):
        people = MembershipFactory.create_batch(30, tenant=ana.tenant)
        checkouts = [open_checkout(person, plan) for person in people]
        race(lambda checkout: pay(checkout, DECLINED), checkouts, refused=self.REFUSED)
        assert ledger.states() == ["declined"] * 20

    def test_nobody_is_told_of_declines_that_never_were(self, ana, plan, monkeypatch):
        """The provider is away: ten payments wait for their answer, and none of them was declined."""
        with monkeypatch.context() as away:
            away.setattr(SandboxGateway, "charge", Mock(side_effect=GatewayUnavailable))
            for _ in range(10):
                assert pay(open_checkout(ana, plan)).state == "processing"
        waiting = open_checkout(ana, plan)
        with pytest.raises(declines.TooManyCardsAtOnce) as refused:
            pay(waiting)
        assert (refused.value.code, refused.value.extra) == ("too_many_cards_at_once", {"retry_after": 60})
        settlement.reconcile(at=NOON + timedelta(seconds=61))
        assert pay(waiting, at=NOON + timedelta(seconds=62)).state == "completed"

    def test_one_checkout(self, ana, plan):
        checkout = open_checkout(ana, plan)
        for _round in range(6):  # each round tries at least one card
            race(lambda _: pay(Checkout.objects.get(pk=checkout.pk), DECLINED), range(8), refused=self.REFUSED)
        assert ledger.states() == ["declined"] * 5
