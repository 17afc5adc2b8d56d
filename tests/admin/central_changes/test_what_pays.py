"""What pays for what the organisation has bought is chosen in the procurement view."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from commerce.models import PaymentMethod, PaymentSource
from tenants.journal.models import Event
from tests import factories
from tests.admin.central_changes.conftest import means_of, send, url_of
from tests.admin.pages import text_of
from tests.callers import signed_in
from tests.factories import agree

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestWhatPays:
    def test_is_a_card_or_an_agreement_from_the_next_charge_on(self, bill, billed):
        factories.add_card(bill, at=timezone.now(), for_organisation=True)
        card, agreement = PaymentMethod.objects.get(member=None), PaymentSource.objects.get().agreement
        page = text_of(signed_in(bill).get(url_of(billed, "payment")))
        assert str(card) in page
        assert f"Invoice, under {agreement.name}: $8.99 a seat" in page
        agree(bill.tenant, name="Bare")
        page = text_of(signed_in(bill).get(url_of(billed, "payment")))
        assert "Invoice, under Bare: it has no price of its own for this plan" in page
        done = text_of(send(bill, billed, "payment", payment_method=str(card.pk)))
        assert "Nothing was charged now." in done
        assert f"{card} pays for it." in done
        for _ in range(2):
            done = text_of(send(bill, billed, "payment", payment_method=str(agreement.pk)))
        assert f"It is billed under the agreement {agreement}." in done
        [told] = Event.objects.filter(type="subscription.agreement_chosen")
        assert told.data == {"agreement": str(agreement.pk)}

    @pytest.mark.parametrize(
        "terms",
        [{"pay_by_invoice": False}, {"currency": "EUR"}, {"valid_to": "ended"}, {"tenant": "another"}],
        ids=["wants a card", "another currency", "holds no longer", "another organisation's"],
    )
    def test_is_no_agreement_that_cannot(self, bill, fabrikam, charged, terms):
        today = timezone.now().date()
        tenant = fabrikam if "tenant" in terms else bill.tenant
        if "valid_to" in terms:
            terms = {"valid_to": today - timedelta(days=1)}
        if terms.get("currency") == "EUR":
            factories.PriceFactory(plan=charged.plan, channel="central", amount=Decimal("8"), currency="EUR")
        agreement = agree(tenant, **{name: term for name, term in terms.items() if name != "tenant"})
        before = means_of(charged)
        page = text_of(send(bill, charged, "payment", payment_method=str(agreement.pk)), 400)
        assert "Choose what pays." in page
        assert means_of(charged) == before
