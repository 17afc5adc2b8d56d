"""What a leaver's purchase comes to at its renewal, by what was decided or set; and an offer that is open by then."""

from decimal import Decimal

import pytest

from commerce.models import Order
from licensing.models import Subscription
from policies.operations import settings
from tenants.access import SYSTEM
from tests import ledger
from tests.commerce.conftest import all_is_well, state_of
from tests.commerce.handing_over import accept, leave, offer
from tests.commerce.renewing import sweep
from tests.factories import NOON, agree, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PAID = Decimal("19.98")


@pytest.fixture
def subscription(ana, plan):
    return buy(ana, plan, 2)


def test_by_default_it_is_renewed_on_their_card(ana, subscription):
    task = leave(ana)
    sweep(subscription.term_end)
    assert ledger.captured() == [PAID, PAID]
    assert (state_of(task), task.note) == ("open", "renewed")


def test_by_its_setting_it_ends_uncharged(ana, tenant, subscription):
    settings.change(tenant=tenant, by=SYSTEM, at=NOON, leaver_default="let_end")
    leave(ana)
    sweep(subscription.term_end)
    assert ledger.captured() == [PAID]
    assert not Subscription.objects.get().auto_renew


def test_by_its_setting_the_organisation_pays_at_its_own_price(ana, tenant, plan, subscription):
    settings.change(tenant=tenant, by=SYSTEM, at=NOON, leaver_default="adopt")
    agree(tenant, prices=[(plan, "8.99")])
    leave(ana)
    sweep(subscription.term_end)
    assert ledger.captured() == [PAID]
    order = Order.objects.get(kind="renewal")
    assert (order.state, order.total) == ("invoiced", Decimal("17.98"))
    assert all_is_well()


def test_an_open_offer_does_not_stop_the_old_payers_charge(ana, cleo, subscription):
    offer(subscription, cleo, at=subscription.term_end.replace(day=1))
    sweep(subscription.term_end)
    assert ledger.captured() == [PAID, PAID]
    assert Order.objects.get(kind="renewal").payments.get().payer == ana


def test_from_the_acceptance_on_the_new_owner_is_charged(cleo, subscription):
    accept(offer(subscription, cleo))
    sweep(subscription.term_end)
    assert Order.objects.get(kind="renewal").payments.get().payer == cleo
    assert all_is_well()
