"""Which card pays for a subscription, who chooses it, and that it is never somebody else's."""

import pytest

from commerce.models import Payment, PaymentMethod, PaymentSource
from commerce.operations.accounts import invariants
from commerce.operations.paying import cards, sources
from licensing.models import Subscription
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.refusal import NotAllowed
from tests import ledger
from tests.commerce.cards import OTHER, THIRD, keep, payer_of, remove
from tests.commerce.conftest import all_is_well
from tests.factories import NOON, MembershipFactory, acting, admin_of, buy, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestWhatPaysForASubscription:
    def change(self, subscription, card, by):
        return sources.change(subscription=subscription, card=card, by=acting(by), at=NOON)

    def test_is_the_card_that_paid_until_its_payer_chooses_another(self, ana, plan):
        subscription = buy(ana, plan)
        assert payer_of(subscription).last4 == "4242"
        other = keep(ana, OTHER)
        for _ in range(2):
            assert self.change(subscription, other, ana).payment_method == other
        assert payer_of(subscription) == other
        assert ledger.states() == ["captured"]
        assert ana.tenant.events.filter(type="subscription.card_changed").count() == 1

    def test_is_chosen_again_after_it_was_gone(self, ana, plan):
        subscription = buy(ana, plan)
        PaymentSource.objects.all().delete()
        self.change(subscription, PaymentMethod.objects.get(), ana)
        assert payer_of(subscription).last4 == "4242"

    def test_is_chosen_by_the_payer_alone(self, ana, cleo, plan):
        subscription = buy(ana, plan)
        card = payer_of(subscription)
        admin = admin_of(ana.tenant, "global_admin")
        elsewhere = MembershipFactory()
        for stranger, own in [(cleo, keep(cleo)), (admin.home, keep(admin)), (elsewhere, keep(elsewhere))]:
            with pytest.raises(NotAllowed):
                self.change(subscription, own, stranger)
        assert payer_of(subscription) == card

    def test_is_never_somebody_elses_card(self, ana, cleo, plan):
        subscription = buy(ana, plan)
        card = payer_of(subscription)
        organisations = keep(admin_of(ana.tenant, "billing_admin"), for_organisation=True)
        for other in (keep(cleo), organisations, keep(MembershipFactory())):
            with pytest.raises(cards.PaymentMethodNotAccepted):
                self.change(subscription, other, ana)
        assert payer_of(subscription) == card

    def test_is_never_a_removed_or_an_expired_card(self, ana, plan):
        subscription = buy(ana, plan)
        gone, old = keep(ana, OTHER), keep(ana, THIRD)
        remove(gone, ana)
        PaymentMethod.objects.filter(pk=old.pk).update(exp_year=2026, exp_month=2)
        for other in (gone, PaymentMethod.objects.get(pk=old.pk)):
            with pytest.raises(cards.PaymentMethodNotAccepted):
                self.change(subscription, other, ana)
        assert payer_of(subscription).last4 == "4242"

    def test_is_not_chosen_once_it_is_closed_for_good(self, ana, plan):
        subscription = buy(ana, plan)
        Subscription.objects.update(state="disabled")
        Subscription.objects.update(state="deleted", state_ends_at=None, seats_assigned=0)
        with pytest.raises(SubscriptionInactive):
            self.change(subscription, keep(ana, OTHER), ana)

    def test_of_the_organisation_is_its_own_card_chosen_by_whoever_buys_for_it(self, ana, plan):
        subscription = buy(ana, plan)
        Subscription.objects.update(payer=None, owner=None)
        buyer = admin_of(ana.tenant, "billing_admin")
        card = keep(buyer, for_organisation=True)
        with pytest.raises(NotAllowed):
            self.change(subscription, card, ana)
        with pytest.raises(cards.PaymentMethodNotAccepted):
            self.change(subscription, keep(buyer), buyer.home)
        assert self.change(subscription, card, buyer.home).payment_method == card

    def test_self_service_is_never_charged_to_the_organisations_card(self, ana, plan):
        admin = admin_of(ana.tenant, "billing_admin")
        card = keep(admin, for_organisation=True)
        with pytest.raises(cards.PaymentMethodNotAccepted):
            pay(open_checkout(admin.home, plan), str(card.pk))
        assert (ledger.states(), Payment.objects.count()) == ([], 0)

    def test_somebody_elses_card_is_never_charged(self, ana, cleo, plan):
        for holder in (cleo, MembershipFactory()):
            card = keep(holder)
            for named in (str(card.pk), card.reference):
                with pytest.raises(cards.PaymentMethodNotAccepted):
                    pay(open_checkout(ana, plan), named)
        assert (ledger.states(), Payment.objects.count()) == ([], 0)


def test_the_audit_finds_a_subscription_that_a_removed_card_or_somebody_elses_would_pay(ana, cleo, plan):
    subscription = buy(ana, plan)
    assert all_is_well()
    keep(cleo)
    for wrong in ({"removed_at": NOON, "is_default": False}, {"member": cleo, "is_default": False, "fingerprint": "x"}):
        card = PaymentMethod.objects.filter(pk=payer_of(subscription).pk)
        before = card.values(*wrong).get()
        card.update(**wrong)
        [finding] = invariants.open_subscriptions_are_paid_by_kept_cards_of_their_payer()
        assert str(subscription.pk) in finding
        card.update(**before)
