"""An offer is accepted: what changes hands, what pays from then on, and what has to wait."""

from decimal import Decimal

import pytest

from commerce.models import BillingPeriod, Order, Payment, PaymentMethod, PaymentSource, TransferOffer
from commerce.operations.handover import acceptance
from commerce.operations.paying import card_setups, open_orders
from commerce.operations.paying.cards import PaymentMethodNotAccepted
from commerce.operations.paying.charging import CardDeclined
from commerce.operations.paying.settlement import PaymentInProgress
from licensing.models import Seat, Subscription
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.refusal import NotAllowed
from tests import ledger
from tests.commerce.changes import DAY, change
from tests.commerce.conftest import all_is_well, state_of
from tests.commerce.handing_over import DECLINED, STEP_CARD, accept, decline, offer
from tests.commerce.transfers.conftest import LAPSES, types, whose
from tests.factories import NOON, acting, add_card

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def test_accepting_makes_it_theirs_and_charges_nothing(offered, subscription, ana, cleo):
    before = BillingPeriod.objects.get()
    terms = (subscription.term_start, subscription.term_end, subscription.anchor_at, subscription.auto_renew)
    assert accept(offered).state == "accepted"
    assert whose(subscription) == (cleo, cleo, ana)
    now = Subscription.objects.get()
    assert (now.term_start, now.term_end, now.anchor_at, now.auto_renew) == terms
    assert (now.channel, now.quantity, now.seats_assigned) == ("self_service", 2, 1)
    assert BillingPeriod.objects.get() == before
    card = PaymentMethod.objects.get(member=cleo)
    assert PaymentSource.objects.get().payment_method == card
    assert ledger.captured() == [Decimal("19.98")]
    assert Seat.objects.open().get().member == ana
    assert types() == ["transfer.offered", "transfer.accepted"]
    assert all_is_well()


def test_a_kept_card_is_taken_and_accepting_twice_is_accepting_once(offered, cleo):
    card = add_card(cleo).payment_method
    accept(offered, str(card.pk))
    accept(offered, str(card.pk), at=LAPSES + DAY)
    assert types() == ["transfer.offered", "transfer.accepted"]
    assert PaymentSource.objects.get().payment_method == card


def test_the_new_owner_pays_what_they_add_and_the_old_one_can_do_nothing_more(offered, subscription, ana, cleo):
    accept(offered)
    subscription.refresh_from_db()
    with pytest.raises(NotAllowed):
        change(subscription, 3, by=acting(ana))
    change(subscription, 3, by=acting(cleo))
    assert Payment.objects.filter(payer=cleo).count() == 1
    assert all_is_well()


def test_a_card_that_is_declined_or_somebody_elses_takes_nothing_over(offered, subscription, ana, admin, cleo):
    of_ana = PaymentMethod.objects.get(member=ana)
    organisations = add_card(admin, for_organisation=True).payment_method
    with pytest.raises(CardDeclined):
        accept(offered, DECLINED)
    for card in (of_ana, organisations):
        with pytest.raises(PaymentMethodNotAccepted):
            accept(offered, str(card.pk))
    expired = add_card(cleo).payment_method
    PaymentMethod.objects.filter(pk=expired.pk).update(exp_year=2026, exp_month=2)
    with pytest.raises(PaymentMethodNotAccepted):
        accept(offered, str(expired.pk))
    assert whose(subscription) == (ana, ana, ana)
    assert state_of(offered) == "open"


def test_the_organisations_card_is_refused_also_to_somebody_who_buys_for_it(subscription, admin):
    card = add_card(admin, for_organisation=True).payment_method
    with pytest.raises(PaymentMethodNotAccepted):
        accept(offer(subscription, admin), str(card.pk))
    assert whose(subscription)[1] != admin


def test_with_a_step_at_the_bank_it_is_theirs_once_that_is_taken(offered, subscription, ana, cleo):
    waiting = accept(offered, STEP_CARD)
    assert (waiting.state, waiting.card_setup.state) == ("open", "requires_action")
    assert whose(subscription)[1] == ana
    card_setups.confirm(setup=waiting.card_setup, by=acting(cleo), at=NOON)
    done = acceptance.go_on(offer=TransferOffer.objects.with_people().get(), by=acting(cleo), at=NOON)
    assert done.state == "accepted"
    assert whose(subscription) == (cleo, cleo, ana)


def test_whoever_does_not_come_back_from_the_bank_is_found_by_the_sweep(offered, subscription, cleo):
    waiting = accept(offered, STEP_CARD)
    assert acceptance.finish_waiting(at=NOON) == 0
    card_setups.confirm(setup=waiting.card_setup, by=acting(cleo), at=NOON)
    assert acceptance.finish_waiting(at=NOON) == 1
    assert whose(subscription)[0] == cleo
    assert acceptance.finish_waiting(at=NOON) == 0


def test_a_confirmed_card_waits_for_a_charge_that_is_under_way(offered, subscription, ana, cleo):
    waiting = accept(offered, STEP_CARD)
    change(subscription, 4, card=STEP_CARD)
    card_setups.confirm(setup=waiting.card_setup, by=acting(cleo), at=NOON)
    assert acceptance.finish_waiting(at=NOON) == 0
    offered.refresh_from_db()
    assert (offered.state, offered.card_setup) == ("open", waiting.card_setup)
    pending = Order.objects.get(state="pending")
    open_orders.cancel_order(order=pending, by=acting(ana), at=NOON)
    assert acceptance.finish_waiting(at=NOON) == 1
    assert whose(subscription)[0] == cleo


def test_a_step_that_was_given_up_leaves_the_offer_open_for_another_card(offered, subscription, cleo):
    waiting = accept(offered, STEP_CARD)
    card_setups.give_up(setup=waiting.card_setup, by=acting(cleo), at=NOON)
    acceptance.finish_waiting(at=NOON)
    offered.refresh_from_db()
    assert (offered.state, offered.card_setup) == ("open", None)
    accept(offered)
    assert whose(subscription)[0] == cleo


def test_nobody_takes_over_what_is_being_charged(offered, subscription, ana):
    change(subscription, 4, card=STEP_CARD)
    with pytest.raises(PaymentInProgress):
        accept(offered)
    assert whose(subscription) == (ana, ana, ana)


def test_what_ended_meanwhile_is_not_taken_over(offered, ana):
    Subscription.objects.update(state="disabled")
    with pytest.raises(SubscriptionInactive):
        accept(offered)
    assert state_of(offered) == "open"


def test_nobody_accepts_or_declines_for_somebody_else(offered, ana, admin):
    for member in (ana, admin):
        with pytest.raises(NotAllowed):
            accept(offered, by=acting(member))
        with pytest.raises(NotAllowed):
            decline(offered, by=acting(member))
    assert state_of(offered) == "open"
