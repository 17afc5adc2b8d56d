"""A trial with a card whose owner hands it over, or leaves: whoever has it when it ends is charged."""

import pytest

from commerce.models import Order, Payment, PaymentSource
from commerce.operations.buying import trials
from commerce.operations.handover.offers import TrialEndsByItself
from policies.models import Commitment
from policies.operations import settings
from tenants.access import SYSTEM
from tests.commerce.card_trials.conftest import END
from tests.commerce.conftest import all_is_well
from tests.commerce.handing_over import accept, leave, offer
from tests.commerce.renewing import advance, sweep
from tests.factories import NOON, acting, add_card, agree

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def ends(trial):
    sweep(END)
    advance(END)
    trial.refresh_from_db()
    return trial


def test_whoever_took_it_over_is_charged_when_it_ends(cleo, trial):
    accept(offer(trial, cleo))
    assert not Payment.objects.exists()
    assert ends(trial).state == "active"
    assert (Payment.objects.get().payer, trial.owner) == (cleo, cleo)
    assert Payment.objects.get().card == PaymentSource.objects.get().payment_method
    assert all_is_well()


def test_one_without_a_card_is_not_handed_over(ana, cleo, plan):
    held = trials.start_trial(plan=plan, quantity=1, by=acting(ana), at=NOON).trial
    with pytest.raises(TrialEndsByItself):
        offer(held, cleo)


def test_of_a_leaver_the_organisations_card_pays_where_it_adopts(ana, admin, trial):
    settings.change(tenant=ana.tenant, by=SYSTEM, at=NOON, leaver_default="adopt")
    card = add_card(admin, for_organisation=True).payment_method
    leave(ana)
    assert ends(trial).state == "active"
    assert (trial.owner, Payment.objects.get().card) == (None, card)
    assert all_is_well()


def test_of_a_leaver_the_agreement_pays_where_the_organisation_adopts(ana, plan, trial):
    settings.change(tenant=ana.tenant, by=SYSTEM, at=NOON, leaver_default="adopt")
    agree(ana.tenant, prices=[(plan, "8.99")])
    leave(ana)
    assert ends(trial).state == "active"
    assert (trial.owner, Order.objects.get().state, str(Order.objects.get().total)) == (None, "invoiced", "17.980")
    assert not Payment.objects.exists()
    assert Commitment.objects.get(step__gt=0).counts_as == "self_service"
    assert all_is_well()
