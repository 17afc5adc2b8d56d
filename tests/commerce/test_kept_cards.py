"""The cards that somebody keeps: which one is the default, one in place of another, and what the journal tells."""

from datetime import timedelta
from unittest.mock import Mock

import pytest

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import PaymentMethod
from commerce.operations.paying import cards, kept_cards, settlement
from licensing.models import Subscription
from tenants.journal.naming import names_in
from tenants.refusal import BadInput, NotAllowed
from tests.commerce.cards import LATER, OTHER, THIRD, VISA, forgotten, keep, of, payer_of, remove
from tests.factories import NOON, MembershipFactory, TenantFactory, acting, admin_of, buy, open_checkout, pay
from tests.race import between_transactions, race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestTheDefault:
    def test_is_the_one_that_was_made_it_and_only_that(self, ana):
        keep(ana)
        other = keep(ana, OTHER)
        for _ in range(2):
            assert kept_cards.make_default(card=other, by=acting(ana), at=NOON).is_default
        assert of(ana) == [("0259", True), ("4242", False)]
        assert ana.tenant.events.filter(type="payment_method.preferred").count() == 1

    def test_is_chosen_among_the_holders_own(self, ana, cleo):
        keep(cleo)
        kept_cards.make_default(card=keep(ana), by=acting(ana), at=NOON)
        assert of(cleo) == [("4242", True)]

    def test_is_never_somebody_elses_or_a_removed_card(self, ana, cleo):
        card = keep(ana)
        admin = admin_of(ana.tenant).home
        for stranger in (cleo, admin, MembershipFactory()):
            with pytest.raises(NotAllowed):
                kept_cards.make_default(card=card, by=acting(stranger), at=NOON)
        remove(card, ana)
        with pytest.raises(cards.PaymentMethodNotAccepted):
            kept_cards.make_default(card=card, by=acting(ana), at=NOON)
        assert of(ana) == []

    def test_of_the_organisation_is_chosen_by_whoever_buys_for_it(self, ana):
        buyer, reader = admin_of(ana.tenant, "billing_admin"), admin_of(ana.tenant, "global_reader")
        keep(buyer, for_organisation=True)
        other = keep(buyer, OTHER, for_organisation=True)
        elsewhere = admin_of(TenantFactory(), "billing_admin")
        for stranger in (reader, elsewhere, acting(ana)):
            with pytest.raises(NotAllowed):
                kept_cards.make_default(card=other, by=stranger, at=NOON)
        assert kept_cards.make_default(card=other, by=buyer, at=NOON).is_default

    @between_transactions
    def test_is_one_after_twenty_people_wished_another_at_once(self, ana):
        mine = [keep(ana, token) for token in (VISA, OTHER, THIRD)]
        race(lambda card: kept_cards.make_default(card=card, by=acting(ana), at=NOON), mine * 6)
        assert [is_default for _, is_default in of(ana)] == [True, False, False]


class TestReplacing:
    def test_the_other_card_pays_for_everything_and_the_first_is_removed(self, ana, plan):
        bought = [buy(ana, plan, 1, NOON + timedelta(seconds=n)) for n in range(3)]
        card, other = payer_of(bought[0]), keep(ana, OTHER)
        assert kept_cards.replace(card=card, other=other, by=acting(ana), at=NOON) == other
        assert {payer_of(subscription) for subscription in bought} == {other}
        assert (of(ana), forgotten()) == ([("0259", True)], 1)
        told = ana.tenant.events.get(type="payment_method.replaced").data
        assert told["payment_method"] == str(other.pk)
        assert set(told["subscriptions"]) == {str(subscription.pk) for subscription in bought}

    def test_leaves_what_a_third_card_pays_for(self, ana, plan):
        first = buy(ana, plan, 1)
        pay(open_checkout(ana, plan, 1), THIRD)
        second = Subscription.objects.exclude(pk=first.pk).get()
        third = payer_of(second)
        kept_cards.replace(card=payer_of(first), other=keep(ana, OTHER), by=acting(ana), at=NOON)
        assert payer_of(second) == third

    def test_by_itself_or_by_the_card_of_another_holder_is_no_replacement(self, ana, cleo, plan):
        admin = admin_of(ana.tenant, "billing_admin")
        subscription = buy(ana, plan)
        card = payer_of(subscription)
        strangers = [keep(cleo), keep(admin, for_organisation=True), keep(MembershipFactory())]
        for other in (card, *strangers):
            with pytest.raises(BadInput) as refused:
                kept_cards.replace(card=card, other=other, by=acting(ana), at=NOON)
            assert refused.value.field == "by"
        assert payer_of(subscription) == card

    def test_by_a_removed_or_an_expired_card_is_refused(self, ana, plan):
        subscription = buy(ana, plan)
        card = payer_of(subscription)
        gone, old = keep(ana, OTHER), keep(ana, THIRD)
        remove(gone, ana)
        PaymentMethod.objects.filter(pk=old.pk).update(exp_year=2026, exp_month=2)
        for other in (gone, old):
            with pytest.raises(cards.PaymentMethodNotAccepted):
                kept_cards.replace(card=card, other=other, by=acting(ana), at=NOON)
        assert payer_of(subscription) == card

    def test_while_it_is_charged_is_refused(self, ana, plan, monkeypatch):
        card, other = keep(ana), keep(ana, OTHER)
        with monkeypatch.context() as away:
            away.setattr(SandboxGateway, "charge", Mock(side_effect=GatewayUnavailable))
            pay(open_checkout(ana, plan), str(card.pk))
        with pytest.raises(kept_cards.CardIsCharged):
            kept_cards.replace(card=card, other=other, by=acting(ana), at=NOON)
        settlement.reconcile(at=LATER)
        kept_cards.replace(card=card, other=other, by=acting(ana), at=LATER)
        assert of(ana) == [("0259", True)]

    def test_is_the_holders_alone(self, ana, cleo, plan):
        card, other = payer_of(buy(ana, plan)), keep(ana, OTHER)
        for stranger in (cleo, admin_of(ana.tenant).home, MembershipFactory()):
            with pytest.raises(NotAllowed):
                kept_cards.replace(card=card, other=other, by=acting(stranger), at=NOON)
        assert len(of(ana)) == 2


def test_the_journal_tells_whose_card_it_is_and_nothing_that_is_printed_on_it(ana):
    keep(ana)
    remove(keep(ana, OTHER), ana)
    keep(admin_of(ana.tenant, "billing_admin"), for_organisation=True)
    told = {str(name) for name in names_in(ana.tenant.events.all(), ana.tenant).values()}
    assert {"Card of Ana Alvarez", "Card of the organisation"} <= told
    assert not any("4242" in name for name in told)
