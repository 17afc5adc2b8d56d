"""What the organisation has bought ends or goes on, in the procurement view."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from commerce.models import Order, PaymentMethod
from licensing.operations import lifecycle
from tests import factories, ledger
from tests.admin.central_changes.conftest import fresh, means_of, seen, send, url_of
from tests.admin.pages import PURCHASES, opened, text_of
from tests.callers import signed_in
from tests.factories import buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestTheEnd:
    def test_is_shown_with_its_money_and_needs_a_reason(self, contoso, bill, charged):
        page, sent = seen(bill, charged, "cancel")
        assert "Access ends at once" in page
        assert "$35.96" in page
        assert "Say in a few words" in text_of(send(bill, charged, "cancel", **sent), 400)
        assert fresh(charged).state == "active"
        done = send(bill, charged, "cancel", reason="Nobody used it.", **sent)
        assert done.redirect_chain[-1][0] == opened(PURCHASES, charged)
        for said in ("goes back to the card that paid.", "Nobody used it.", "Bill"):
            assert said in text_of(done), said
        send(bill, charged, "cancel", reason="Again.", **sent)
        assert ledger.refunded() == [Decimal("35.96")]

    def test_of_what_ends_anyway_changes_nothing(self, bill, office):
        old = buy_centrally(bill, office, 2, at=timezone.now() - timedelta(days=8))
        signed_in(bill).post(url_of(old, "renewal"), {"auto_renew": "off"})
        page = text_of(signed_in(bill).get(url_of(old, "cancel")))
        assert "There is nothing to cancel" in page
        assert "Cancel subscription" not in text_of(signed_in(bill).get(opened(PURCHASES, old)))

    def test_renewal_is_turned_off_and_on(self, bill, billed):
        assert "Automatic renewal is off." in text_of(send(bill, billed, "renewal", auto_renew="off"))
        assert not fresh(billed).auto_renew
        assert "Automatic renewal is on." in text_of(send(bill, billed, "renewal", auto_renew="on"))
        assert fresh(billed).auto_renew


class TestGoingOn:
    @pytest.fixture
    def over(self, bill, office):
        """Two seats whose term is over, on an agreement."""
        subscription = buy_centrally(bill, office, 2, at=timezone.now() - timedelta(days=40))
        lifecycle.advance_due(at=timezone.now())
        return subscription

    def test_is_billed_once_under_the_agreement(self, bill, over):
        assert "Reactivate" in text_of(signed_in(bill).get(opened(PURCHASES, over)))
        page, sent = seen(bill, over, "reactivate")
        assert "$17.98" in page
        for _ in range(3):
            done = send(bill, over, "reactivate", payment_method=means_of(over), **sent)
            assert "It goes on. $17.98 was billed." in text_of(done)
        assert Order.objects.filter(kind="reactivation").count() == 1
        assert fresh(over).state == "active"

    def test_or_charged_to_a_card(self, bill, over):
        factories.add_card(bill, at=timezone.now(), for_organisation=True)
        card = PaymentMethod.objects.get(member=None)
        _page, sent = seen(bill, over, "reactivate")
        done = send(bill, over, "reactivate", payment_method=str(card.pk), **sent)
        assert "It goes on. $17.98 was charged." in text_of(done)
        assert ledger.captured() == [Decimal("17.98")]

    def test_with_a_card_that_is_declined_it_does_not_and_another_one_may_be_tried(self, bill, over):
        factories.add_card(bill, at=timezone.now(), for_organisation=True)
        card = PaymentMethod.objects.get(member=None)
        PaymentMethod.objects.update(reference="pm_card_chargeDeclinedInsufficientFunds")
        _page, sent = seen(bill, over, "reactivate")
        page = send(bill, over, "reactivate", payment_method=str(card.pk), **sent)
        assert "there is not enough money on it" in text_of(page, 400)
        again = {"shown": page.context["shown"], "payment_method": means_of(over)}
        assert "was billed." in text_of(send(bill, over, "reactivate", **again))
        assert ledger.captured() == []
