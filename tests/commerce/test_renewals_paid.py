"""What a renewal costs and which card it is charged to: a price that was told, the organisation's own card."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core import mail

from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Invoice, Order, PaymentMethod
from commerce.operations.leaving import adoption
from commerce.operations.leaving.adoption import Payer
from commerce.operations.letters import receipts
from tests import ledger
from tests.commerce.announcing import announce, tell
from tests.commerce.conftest import all_is_well
from tests.commerce.renewing import advance, sweep
from tests.factories import NOON, acting, add_card, buy, order_centrally, price_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DUE = datetime(2026, 4, 10, tzinfo=UTC)
NEXT = datetime(2026, 5, 10, tzinfo=UTC)
TWO, TOLD, CENTRAL = Decimal("19.98"), Decimal("24.00"), Decimal("17.98")


@pytest.fixture
def asked(monkeypatch):
    """For whom the provider was asked to charge which card, in turn."""
    requests, charge = [], SandboxGateway.charge

    def noted(gateway, request):
        requests.append((request.customer, request.payment_method))
        return charge(gateway, request)

    monkeypatch.setattr(SandboxGateway, "charge", noted)
    return requests


@pytest.fixture
def own_card(admin):
    """The organisation's."""
    return add_card(admin, for_organisation=True).payment_method


class TestAPriceThatWasTold:
    def test_thirty_days_before_is_charged_and_then_stays(self, ana, plan):
        buy(ana, plan, 2)
        announce(plan, "12", date(2026, 4, 1), NOON)
        assert tell(NOON) == 1
        assert sweep(DUE) == {"charged": 1}
        advance(datetime(2026, 4, 10, 12, tzinfo=UTC))
        assert sweep(NEXT) == {"charged": 1}
        assert ledger.captured() == [TWO, TOLD, TOLD]
        assert all_is_well()

    def test_a_day_late_is_charged_one_term_later(self, ana, plan):
        buy(ana, plan, 2)
        announce(plan, "12", date(2026, 4, 1), NOON)
        assert tell(datetime(2026, 3, 12, 12, tzinfo=UTC)) == 1
        assert sweep(DUE) == {"charged": 1}
        advance(datetime(2026, 4, 10, 12, tzinfo=UTC))
        assert sweep(NEXT) == {"charged": 1}
        assert ledger.captured() == [TWO, TWO, TOLD]

    def test_to_nobody_is_not_charged(self, ana, plan):
        buy(ana, plan, 2)
        announce(plan, "12", date(2026, 4, 1), NOON)
        assert sweep(DUE) == {"charged": 1}
        assert ledger.captured() == [TWO, TWO]


class TestTheOrganisationsCard:
    def test_pays_again_for_what_it_bought_with_it(self, admin, plan, asked):
        subscription = order_centrally(
            admin, price_centrally(plan, "8.99"), 2, payment_method="pm_card_visa"
        ).subscription
        assert sweep(DUE) == {"charged": 1}
        card = PaymentMethod.objects.get()
        assert card.member is None
        assert asked[-1] == (str(subscription.tenant_id), card.reference)
        assert ledger.captured() == [CENTRAL, CENTRAL]
        assert all_is_well()

    def test_pays_for_what_it_took_over_and_stays_its_own(self, ana, admin, plan, own_card, asked):
        subscription = buy(ana, plan, 2)
        adoption.adopt(subscription=subscription, payer=Payer(card=own_card), by=acting(admin), at=NOON)
        assert sweep(DUE) == {"charged": 1}
        assert asked == [(str(ana.pk), "pm_card_visa"), (str(ana.tenant_id), own_card.reference)]
        order = Order.objects.get(kind="renewal")
        assert (order.payments.get().card, order.channel) == (own_card, "self_service")
        assert PaymentMethod.objects.filter(member=None).get() == own_card
        assert PaymentMethod.objects.filter(member=ana).count() == 1
        assert all_is_well()

    def test_of_which_the_provider_tells_anew_is_written_down_as_the_organisations(
        self, ana, admin, plan, own_card, asked
    ):
        """The bank has sent another one meanwhile: it ends later than is known here."""
        subscription = buy(ana, plan, 2)
        adoption.adopt(subscription=subscription, payer=Payer(card=own_card), by=acting(admin), at=NOON)
        known = own_card.exp_year
        PaymentMethod.objects.filter(pk=own_card.pk).update(exp_year=known - 1)
        assert sweep(DUE) == {"charged": 1}
        own_card.refresh_from_db()
        assert (own_card.exp_year, own_card.member) == (known, None)
        assert PaymentMethod.objects.filter(member=ana).count() == 1

    def test_is_billed_to_the_organisation_alone(self, ana, admin, plan, own_card):
        subscription = buy(ana, plan, 2)
        adoption.adopt(subscription=subscription, payer=Payer(card=own_card), by=acting(admin), at=NOON)
        sweep(DUE)
        first, second = Invoice.objects.order_by("sequence").values_list("bill_to_name", flat=True)
        assert (first, second) == ("Ana Alvarez c/o Contoso", "Contoso")


class TestTheReceipt:
    def test_tells_of_the_term_that_was_paid_not_of_the_present_one(self, ana, plan):
        buy(ana, plan, 2)
        sweep(DUE)
        renewal = Order.objects.get(kind="renewal")
        receipts.deliver_receipt(order_id=renewal.pk, site="https://s.example", sender="Seatwise <no@s.example>")
        told = mail.outbox[-1].body
        assert "has renewed." in told
        assert "Paid until 10 May 2026, 12:00 UTC; then it renews, unless you turn that off." in told
        assert "you bought" not in told
