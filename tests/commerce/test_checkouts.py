from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db.models import QuerySet

from commerce.models import Checkout, Payment
from commerce.operations.buying import checkouts, payments
from commerce.operations.pricing.prices import NotPriced
from policies.eligibility import PurchaseRefused
from policies.models import Decision
from tenants.access import SYSTEM, Actor
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests import ledger
from tests.commerce.conftest import state_of
from tests.factories import (
    NOON,
    ExclusionFactory,
    MarketFactory,
    MembershipFactory,
    OperatorFactory,
    PlanFactory,
    PolicyFactory,
    PriceFactory,
    acting,
    open_checkout,
    pay,
)
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

SECOND = timedelta(seconds=1)


class TestTheQuote:
    def test_shows_price_lines_and_end(self, ana, plan):
        checkout = open_checkout(ana, plan, 3)
        assert (checkout.unit_price, checkout.subtotal, checkout.tax, checkout.total, checkout.currency) == (
            Decimal("9.99"),
            Decimal("29.97"),
            0,
            Decimal("29.97"),
            "USD",
        )
        assert (checkout.state, checkout.expires_at) == ("open", NOON + timedelta(hours=24))
        assert checkout.assign_to == [str(ana.pk)]
        assert Event.objects.get(type="checkout.opened").data["total"] == "29.97"

    @pytest.mark.parametrize(
        "currency, country, amount, total", [("JPY", "JP", "1001", "3003"), ("KWD", "KW", "1.251", "3.753")]
    )
    def test_is_exact_in_currencies_with_other_minor_units(self, currency, country, amount, total):
        plan = PlanFactory()
        MarketFactory(country=country)
        PriceFactory(plan=plan, currency="USD")
        PriceFactory(plan=plan, currency=currency, amount=Decimal(amount))
        checkout = open_checkout(MembershipFactory(tenant__country=country), plan, 3)
        assert (checkout.total, checkout.currency) == (Decimal(total), currency)

    def test_a_market_without_its_own_price_buys_in_dollars(self, plan):
        MarketFactory(country="SE")
        assert open_checkout(MembershipFactory(tenant__country="SE"), plan).currency == "USD"

    def test_takes_the_price_version_of_the_tenants_day(self, plan):
        PriceFactory(plan=plan, amount=Decimal("11.00"), valid_from=date(2026, 3, 11))
        tokyo = MembershipFactory(tenant__time_zone="Asia/Tokyo")
        midnight_there = NOON.replace(hour=15)
        assert open_checkout(tokyo, plan, 1, at=midnight_there - SECOND).total == Decimal("9.99")
        assert open_checkout(tokyo, plan, 1, at=midnight_there).total == Decimal("11.00")
        assert open_checkout(MembershipFactory(), plan, 1, at=midnight_there).total == Decimal("9.99")

    def test_never_takes_the_central_price(self, ana, plan):
        PriceFactory(plan=plan, channel="central", amount=Decimal("1.00"))
        assert open_checkout(ana, plan, 1).total == Decimal("9.99")

    def test_what_was_shown_is_charged_though_the_price_has_changed(self, ana, plan):
        checkout = open_checkout(ana, plan, 1)
        plan.prices.update(amount=Decimal("99.00"))
        pay(checkout)
        assert ledger.captured() == [Decimal("9.99")]

    def test_a_plan_without_a_price_is_refused(self, ana, plan):
        plan.prices.all().delete()
        with pytest.raises(NotPriced):
            open_checkout(ana, plan)
        assert not Checkout.objects.exists()

    def test_names_those_who_get_the_seats_or_nobody(self, ana, plan):
        cleo = MembershipFactory(tenant=ana.tenant)
        assert open_checkout(ana, plan, 2, assign_to=[cleo]).assign_to == [str(cleo.pk)]
        assert open_checkout(ana, plan, 2, assign_to=[]).assign_to == []

    def test_refuses_more_people_than_seats(self, ana, plan):
        people = MembershipFactory.create_batch(2, tenant=ana.tenant)
        with pytest.raises(checkouts.MoreToAssignThanSeats):
            open_checkout(ana, plan, 1, assign_to=people)
        assert not Checkout.objects.exists()

    def test_a_refusal_leaves_a_decision_with_its_reasons_and_no_checkout(self, ana, plan):
        PolicyFactory(tenant=ana.tenant, product=plan.product)
        with pytest.raises(PurchaseRefused) as refused:
            open_checkout(ana, plan)
        assert (refused.value.code, refused.value.http_status) == ("purchase_refused", 403)
        assert [reason["code"] for reason in refused.value.extra["reasons"]] == ["policy_disabled"]
        assert refused.value.extra["contact"]["email"] == ana.tenant.contact_email
        assert Decision.objects.get().reasons == ["policy_disabled"]
        assert not Checkout.objects.exists()

    @pytest.mark.parametrize("quantity", [-1, 0, 10_001, 2**40])
    def test_a_quantity_out_of_range_is_refused_by_the_rule(self, ana, plan, quantity):
        with pytest.raises(PurchaseRefused):
            open_checkout(ana, plan, quantity)
        assert Decision.objects.get().reasons == ["quantity_out_of_range"]

    def test_an_operator_and_the_system_buy_nothing(self, plan):
        for by in (Actor(user=OperatorFactory()), SYSTEM):
            with pytest.raises(NotAllowed):
                checkouts.open_checkout(plan=plan, quantity=1, by=by, at=NOON)


class TestFollowingTheSameLink:
    def resume(self, member, plan, quantity=2, at=NOON):
        return checkouts.resume_or_open_checkout(plan=plan, quantity=quantity, by=acting(member), at=at)

    def test_leads_to_the_same_quote(self, ana, plan):
        assert self.resume(ana, plan) == self.resume(ana, plan)

    def test_leads_to_a_new_one_for_another_quantity_person_price_or_day(self, ana, plan):
        first = self.resume(ana, plan)
        assert self.resume(ana, plan, 3) != first
        assert self.resume(MembershipFactory(tenant=ana.tenant), plan) != first
        assert self.resume(ana, plan, at=NOON + timedelta(hours=24)) != first
        plan.prices.update(amount=Decimal("11.00"))
        assert self.resume(ana, plan) != first

    def test_writes_its_decision_once(self, ana, plan):
        for _ in range(3):
            self.resume(ana, plan)
        assert Decision.objects.count() == 1

    def test_writes_each_refusal_down(self, ana, plan):
        PolicyFactory(tenant=ana.tenant, product=plan.product)
        for _ in range(2):
            with pytest.raises(PurchaseRefused):
                self.resume(ana, plan)
        assert Decision.objects.count() == 2
        assert not Checkout.objects.exists()

    @pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
    def test_twenty_times_at_once_opens_one_quote(self, ana, plan):
        race(lambda _: self.resume(ana, plan), range(20))
        assert Checkout.objects.count() == 1

    @pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
    def test_twenty_times_at_once_opens_several_without_the_lock(self, ana, plan, monkeypatch):
        monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
        race(lambda _: self.resume(ana, plan), range(20))
        assert Checkout.objects.count() > 1

    def test_never_leads_to_one_that_was_paid(self, ana, plan):
        first = self.resume(ana, plan)
        pay(first)
        assert self.resume(ana, plan) != first


class TestTheRulesAreAskedAgain:
    def test_when_paying(self, ana, plan):
        checkout = open_checkout(ana, plan)
        ExclusionFactory(product=plan.product)
        with pytest.raises(PurchaseRefused):
            pay(checkout)
        assert state_of(checkout) == "open"
        assert [d.reasons for d in Decision.objects.order_by("id")] == [[], ["operator_exclusion"]]
        assert not Payment.objects.exists()
        assert ledger.states() == []

    def test_but_what_was_captured_meanwhile_is_granted(self, ana, plan):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")
        PolicyFactory(tenant=ana.tenant, product=plan.product)
        payments.confirm_checkout(checkout=checkout, by=acting(ana), at=NOON)
        assert state_of(checkout) == "completed"
