"""What a tenant pays for what it buys itself: by the list of central purchases, or by its agreement."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from commerce.operations.buying import central
from commerce.operations.buying.central import AgreementNotInForce
from commerce.operations.pricing.prices import NotPriced
from tenants.refusal import BadInput
from tests.factories import NOON, PlanFactory, TaxRateFactory, TenantFactory, agree, price_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def quoted(tenant, plan, quantity=2, agreement=None):
    told = central.quote(tenant=tenant, plan=plan, quantity=quantity, agreement=agreement, at=NOON)
    return told.unit_price, told.total, told.currency


class TestThePrice:
    def test_is_that_of_the_list_of_central_purchases(self, tenant, office):
        assert quoted(tenant, office) == (Decimal("10.50"), Decimal("21.00"), "USD")

    def test_or_that_of_the_agreement(self, tenant, office, agreement):
        assert quoted(tenant, office, agreement=agreement) == (Decimal("9.00"), Decimal("18.00"), "USD")

    def test_and_again_the_lists_where_the_agreement_says_nothing(self, tenant, office, agreement):
        other = price_centrally(PlanFactory(), "3.00")
        assert quoted(tenant, other, agreement=agreement)[0] == Decimal("3.00")

    def test_in_the_agreements_currency_or_not_at_all(self, tenant, office):
        price_centrally(office, "9.90", "EUR")
        euros = agree(tenant, name="Euros", currency="EUR")
        assert quoted(tenant, office, agreement=euros) == (Decimal("9.90"), Decimal("19.80"), "EUR")
        with pytest.raises(NotPriced):
            quoted(tenant, price_centrally(PlanFactory(), "3.00"), agreement=euros)

    def test_never_that_of_self_service(self, tenant, plan):
        with pytest.raises(NotPriced):
            quoted(tenant, plan)

    def test_holds_on_the_tenants_own_days(self, office):
        tenant = TenantFactory(time_zone="Pacific/Kiritimati")  # fourteen hours ahead
        agreement = agree(tenant, prices=[(office, "9.00")], valid_from=date(2026, 3, 11), valid_to=date(2026, 3, 12))
        for at, holds in ((-3, False), (-2, True), (21, True), (22, False)):
            moment = NOON + timedelta(hours=at)
            if holds:
                assert central.quote(tenant=tenant, plan=office, quantity=1, agreement=agreement, at=moment)
            else:
                with pytest.raises(AgreementNotInForce):
                    central.quote(tenant=tenant, plan=office, quantity=1, agreement=agreement, at=moment)

    def test_is_taxed_as_every_charge_of_the_tenant(self, office):
        TaxRateFactory(rate=Decimal("0.19"))
        price_centrally(office, "9.90", "EUR")
        told = central.quote(tenant=TenantFactory(country="DE"), plan=office, quantity=3, at=NOON)
        assert (told.subtotal, told.tax, told.total) == (Decimal("29.70"), Decimal("5.64"), Decimal("35.34"))

    @pytest.mark.parametrize("quantity", [-1, 0, 4, 51])
    def test_is_for_a_quantity_that_the_plan_is_sold_in(self, tenant, quantity):
        plan = price_centrally(PlanFactory(min_quantity=5, max_quantity=50))
        with pytest.raises(BadInput) as refused:
            quoted(tenant, plan, quantity)
        assert (refused.value.field, refused.value.field_code) == ("quantity", "quantity_out_of_range")
