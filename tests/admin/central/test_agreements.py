"""Agreements in the procurement view: written by the operator, read by the organisation."""

from decimal import Decimal

import pytest
from django.urls import reverse

from commerce.models import Agreement
from tenants.journal.models import Event
from tests.admin.pages import AGREEMENTS, browser_of, opened, text_of
from tests.callers import signed_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestAgreements:
    NEW = reverse("admin:commerce_agreement_new")

    def typed(self, office, **more):
        return {
            "tenant": "contoso",
            "name": "Volume",
            "currency": "",
            "valid_from": "2026-01-01",
            "valid_to": "",
            "pay_by_invoice": "on",
            "payment_days": "14",
            "prices": f"{office.pk} 7.50",
            **more,
        }

    def test_are_written_by_the_operator(self, operator, contoso, office):
        browser = signed_in(operator)
        assert browser.get(self.NEW).status_code == 200
        told = text_of(browser.post(self.NEW, self.typed(office), follow=True))
        made = Agreement.objects.get()
        assert (made.tenant, made.pay_by_invoice, made.payment_days, made.valid_to) == (contoso, True, 14, None)
        assert (made.currency, made.prices.get().amount) == ("USD", Decimal("7.50"))
        for said in ("Contoso", "By invoice, within 14 days", "$7.50", "No end"):
            assert said in told, said

    def test_are_changed_by_the_operator(self, operator, agreement):
        browser, address = signed_in(operator), opened(AGREEMENTS, agreement)
        page = browser.get(address)
        stands = {name: page.context["form"][name].value() or "" for name in page.context["form"].fields}
        browser.post(address, {**stands, "prices": "", "valid_to": "2027-01-01", "pay_by_invoice": ""})
        agreement.refresh_from_db()
        assert (agreement.pay_by_invoice, str(agreement.valid_to), agreement.prices.count()) == (False, "2027-01-01", 0)
        assert Event.objects.filter(type="agreement.changed").get().actor == operator

    def test_what_is_wrong_is_said_at_its_field(self, operator, contoso, office):
        browser = signed_in(operator)
        for wrong, said in (
            ({"tenant": "nobody"}, "no organisation of that short name"),
            ({"prices": "7.50"}, "is no plan with its price"),
            ({"prices": f"{office.pk} 7.505"}, "is no amount in USD"),
            ({"prices": "none 7.50"}, "There is no plan none"),
            ({"valid_to": "2025-01-01"}, "must end after it begins"),
            ({"currency": "XXX"}, "Nothing is sold in this currency"),
            ({"payment_days": "1000"}, "less than or equal to 365"),
        ):
            assert said in text_of(browser.post(self.NEW, self.typed(office, **wrong)), 400), said
        assert not Agreement.objects.exists()

    @pytest.mark.parametrize("role", ["global_admin", "billing_admin", "global_reader"])
    def test_are_only_read_by_the_organisations_own(self, contoso, agreement, office, role):
        browser, address = browser_of(contoso, role), opened(AGREEMENTS, agreement)
        shown = text_of(browser.get(address))
        assert "$9.00" in shown
        assert "Ask the operator to change it" in shown
        assert "<textarea" not in shown
        assert browser.post(address, self.typed(office)).status_code == 403
        assert browser.get(self.NEW).status_code == 403
        assert browser.post(self.NEW, self.typed(office)).status_code == 403
        assert Agreement.objects.count() == 1
