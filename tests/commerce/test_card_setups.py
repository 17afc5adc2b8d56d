"""Adding a card without a charge: every outcome, every refusal, and the cardholder's step."""

from dataclasses import replace
from unittest.mock import Mock

import pytest

from commerce.gateways.protocol import Funding, GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import CardSetup, PaymentMethod
from commerce.operations.paying import card_setups, cards, charging, kept_cards
from tenants.refusal import NotAllowed
from tests.commerce.keeping import ASKS, DAY, DECLINED, PREPAID, VISA, add, refuse, tried
from tests.factories import NOON, MembershipFactory, acting, admin_of, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def told(monkeypatch):
    """`told(country="DE")`: what the provider tells of every card."""

    def tell(**details):
        describe = SandboxGateway.describe
        monkeypatch.setattr(SandboxGateway, "describe", lambda self, token: replace(describe(self, token), **details))

    return tell


class TestAdding:
    def test_keeps_what_may_be_printed_of_a_card(self, ana):
        setup = add(ana)
        assert (setup.state, setup.settled_at) == ("succeeded", NOON)
        card = PaymentMethod.objects.get()
        assert setup.payment_method == card
        assert (card.tenant, card.member, card.gateway) == (ana.tenant, ana, "sandbox")
        assert (str(card), card.exp_month, card.exp_year) == ("Visa •••• 4242", 12, 2034)
        assert card.is_default

    def test_the_same_card_again_is_the_same_card(self, ana):
        add(ana)
        assert add(ana, at=NOON + DAY).payment_method == PaymentMethod.objects.get()

    def test_a_second_card_is_not_the_default(self, ana):
        add(ana)
        assert not add(ana, "pm_card_createDispute").payment_method.is_default

    def test_the_card_that_a_colleague_keeps_too_is_another_one(self, ana, cleo):
        assert add(ana).payment_method != add(cleo).payment_method
        assert PaymentMethod.objects.filter(is_default=True).count() == 2

    def test_the_card_then_pays_by_its_id_and_the_purchase_is_charged_to_it_once(self, ana, plan):
        card = add(ana).payment_method
        assert pay(open_checkout(ana, plan), str(card.pk)).state == "completed"
        assert PaymentMethod.objects.get() == card
        assert card.payments.get().state == "succeeded"

    def test_a_card_that_was_removed_can_be_added_again(self, ana):
        first = add(ana).payment_method
        kept_cards.remove(card=first, by=acting(ana), at=NOON)
        again = add(ana).payment_method
        assert again != first
        assert again.is_default
        assert SandboxGateway().describe(again.reference).last4 == "4242"

    def test_for_the_organisation_by_whoever_buys_for_it(self, ana):
        card = add(admin_of(ana.tenant, "billing_admin"), for_organisation=True).payment_method
        assert (card.tenant, card.member, card.is_default) == (ana.tenant, None, True)

    def test_a_declined_card_is_not_kept_and_says_why(self, ana):
        with pytest.raises(charging.CardDeclined) as declined:
            add(ana, DECLINED)
        assert declined.value.extra == {"decline_code": "generic_decline"}
        setup = CardSetup.objects.get()
        assert (setup.state, setup.decline_code) == ("failed", "generic_decline")
        assert not PaymentMethod.objects.exists()

    def test_a_provider_without_fingerprints_has_a_card_for_each_reference(self, ana, monkeypatch):
        details = replace(SandboxGateway().describe(VISA), fingerprint="")
        kept = [
            cards.keep(
                details=replace(details, reference=reference), tenant=ana.tenant, member=ana, gateway="sandbox", at=NOON
            )
            for reference in ("pm_a", "pm_b", "pm_a")
        ]
        assert kept[0] == kept[2] != kept[1]

    def test_the_default_of_a_provider_no_longer_in_use_gives_way(self, ana):
        PaymentMethod.objects.filter(pk=add(ana).payment_method.pk).update(gateway="stripe")
        assert add(ana).payment_method.is_default
        assert PaymentMethod.objects.filter(is_default=True).count() == 1


class TestRefused:
    def test_what_is_no_card(self, ana):
        for token in ("pm_bank_transfer", "", "x" * 255, "00000000-0000-0000-0000-000000000000"):
            refused = refuse(ana, cards.PaymentMethodNotAccepted, token)
            assert (refused.code, refused.http_status, refused.field) == ("payment_method_not_accepted", 400, "token")

    def test_prepaid(self, ana):
        refused = refuse(ana, cards.PaymentMethodNotAccepted, PREPAID)
        assert refused.code == "payment_method_not_accepted"
        assert str(refused) == "Prepaid cards are not accepted. Use a credit card."

    def test_of_another_country_than_the_tenants(self, ana, told):
        told(country="DE")
        refused = refuse(ana, cards.PaymentMethodNotAccepted)
        assert refused.code == "payment_method_not_accepted"
        assert "another country" in str(refused)

    def test_of_the_tenants_country_or_of_none_is_accepted(self, ana, told):
        told(country=ana.tenant.country, funding=Funding.DEBIT)
        assert add(ana).state == "succeeded"

    def test_a_kept_card_of_another_country_pays_nothing(self, ana, plan):
        card = add(ana).payment_method
        PaymentMethod.objects.update(country="DE")
        checkout = open_checkout(ana, plan)
        with pytest.raises(cards.PaymentMethodNotAccepted):
            pay(checkout, str(card.pk))
        assert not card.payments.exists()

    def test_for_the_organisation_by_somebody_who_does_not_buy_for_it(self, ana):
        refuse(ana, NotAllowed, for_organisation=True)
        refuse(admin_of(ana.tenant, "license_admin"), NotAllowed, for_organisation=True)

    def test_by_the_reference_of_somebody_elses_card(self, ana, cleo):
        card = add(cleo).payment_method
        for reference in (card.reference, str(card.pk)):
            refuse(ana, cards.PaymentMethodNotAccepted, reference)
            refuse(MembershipFactory(), cards.PaymentMethodNotAccepted, reference)

    def test_ones_own_card_is_not_turned_into_the_organisations(self, ana):
        admin = admin_of(ana.tenant, "billing_admin")
        own, organisations = add(admin).payment_method, add(admin, for_organisation=True).payment_method
        refuse(admin, cards.PaymentMethodNotAccepted, own.reference, for_organisation=True)
        refuse(admin, cards.PaymentMethodNotAccepted, organisations.reference)

    def test_when_the_provider_does_not_answer_nothing_was_tried(self, ana, monkeypatch):
        monkeypatch.setattr(SandboxGateway, "describe", Mock(side_effect=GatewayUnavailable))
        assert refuse(ana, cards.ProviderUnavailable).http_status == 503


class TestTheCardholdersStep:
    @pytest.fixture
    def waiting(self, ana):
        return add(ana, ASKS)

    def test_is_asked_for_and_nothing_is_kept_before(self, waiting):
        assert waiting.state == "requires_action"
        assert str(waiting.pk) in waiting.action_url
        assert not PaymentMethod.objects.exists()

    def test_confirmed_keeps_the_card_once(self, ana, waiting):
        for _ in range(2):
            assert card_setups.confirm(setup=waiting, by=acting(ana), at=NOON).state == "succeeded"
        assert PaymentMethod.objects.get().last4 == "3184"
        assert waiting.tenant.events.filter(type="payment_method.added").count() == 1

    def test_declined_at_the_bank(self, ana, waiting):
        SandboxGateway().answer_step(waiting.pk, approve=False)
        for _ in range(2):
            with pytest.raises(charging.CardDeclined) as declined:
                card_setups.confirm(setup=waiting, by=acting(ana), at=NOON)
            assert declined.value.extra == {"decline_code": "authentication_failed"}
        assert not PaymentMethod.objects.exists()

    def test_coming_back_without_an_answer_only_asks(self, ana, waiting):
        assert card_setups.refresh(setup=waiting, by=acting(ana), at=NOON).state == "requires_action"

    def test_coming_back_after_approval_keeps_it(self, ana, waiting):
        SandboxGateway().answer_step(waiting.pk, approve=True)
        assert card_setups.refresh(setup=waiting, by=acting(ana), at=NOON).state == "succeeded"

    def test_given_up_keeps_nothing(self, ana, waiting):
        for _ in range(2):
            waiting = card_setups.give_up(setup=waiting, by=acting(ana), at=NOON)
            assert waiting.state == "canceled"
        with pytest.raises(card_setups.CardSetupCanceled):
            card_setups.confirm(setup=waiting, by=acting(ana), at=NOON)
        assert tried() == ["canceled"]

    def test_given_up_too_late_is_kept(self, ana, waiting):
        SandboxGateway().answer_step(waiting.pk, approve=True)
        assert card_setups.give_up(setup=waiting, by=acting(ana), at=NOON).state == "succeeded"

    def test_cannot_be_given_up_while_the_provider_is_away(self, ana, waiting, monkeypatch):
        monkeypatch.setattr(SandboxGateway, "cancel_setup", Mock(side_effect=GatewayUnavailable))
        with pytest.raises(cards.ProviderUnavailable):
            card_setups.give_up(setup=waiting, by=acting(ana), at=NOON)
        waiting.refresh_from_db()
        assert waiting.state == "requires_action"

    def test_is_the_cardholders_alone(self, cleo, waiting):
        for ask in (card_setups.confirm, card_setups.refresh, card_setups.give_up):
            with pytest.raises(NotAllowed):
                ask(setup=waiting, by=acting(cleo), at=NOON)
        assert tried() == ["requires_action"]
