"""Going on with what ended, by API, and totals that are others by now."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from commerce.models import TaxRate
from licensing.models import Subscription
from licensing.operations import lifecycle
from tests import ledger
from tests.callers import Api
from tests.commerce.changes import ask, path, quantity_of
from tests.commerce.conftest import errors
from tests.factories import MembershipFactory, TaxRateFactory, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestReactivating:
    @pytest.fixture
    def in_grace(self, ana, plan):
        subscription = buy(ana, plan, 2, at=timezone.now() - timedelta(days=40))
        lifecycle.advance_due(at=timezone.now())
        return subscription

    def test_turns_renewal_on_while_the_term_runs(self, ana, subscription):
        Api(ana).post(path(subscription, "auto-renew/"), {"auto_renew": False})
        shown = ask(ana, subscription, {"preview": True}, action="reactivate/").json()
        assert (shown["direction"], shown["lines"], shown["subscription"]["auto_renew"]) == ("none", [], False)
        done = ask(ana, subscription, {}, action="reactivate/").json()
        assert (done["state"], done["order"], done["subscription"]["auto_renew"]) == ("completed", None, True)
        assert len(ledger.captured()) == 1

    def test_charges_the_next_term_in_grace_as_it_was_shown(self, ana, in_grace):
        shown = ask(ana, in_grace, {"preview": True}, action="reactivate/").json()
        [line] = shown["lines"]
        assert (line["total"], line["why"]["code"]) == ({"amount": "19.98", "currency": "USD"}, "next_term")
        assert line["starts_at"] == shown["subscription"]["term_end"]
        answer = ask(ana, in_grace, {"as_of": shown["as_of"]}, action="reactivate/")
        assert answer.status_code == 200, answer.content
        done = answer.json()
        assert (done["state"], done["lines"], done["total"]) == ("completed", shown["lines"], shown["total"])
        assert (done["subscription"]["state"], done["subscription"]["term_end"]) == ("active", line["ends_at"])

    def test_waits_for_the_cardholder(self, ana, in_grace):
        body = {"payment_method": "pm_card_authenticationRequired"}
        told = ask(ana, in_grace, body, action="reactivate/")
        assert (told.status_code, told.json()["state"]) == (202, "requires_action")
        assert Api(ana).post(f"orders/{told.json()['order']}/confirm/", key="c").json()["state"] == "paid"
        assert Subscription.objects.get().state == "active"

    def test_is_refused_once_it_is_deleted(self, ana, subscription):
        lifecycle.advance_due(at=timezone.now() + timedelta(days=300))
        answer = ask(ana, subscription, {}, action="reactivate/")
        assert (answer.status_code, answer.json()["code"]) == (409, "subscription_inactive")

    def test_is_the_owners(self, ana, admin, in_grace):
        for body in ({}, {"preview": True}):
            assert ask(admin, in_grace, body, action="reactivate/").json()["code"] == "not_allowed"
            colleague = MembershipFactory(tenant=ana.tenant)
            assert ask(colleague, in_grace, body, action="reactivate/").status_code == 404


class TestATotalThatIsAnotherByNow:
    """The preview's total is sent back: a tax number, a rate or a price that came since charges nothing."""

    @pytest.fixture
    def taxed(self):
        ben = MembershipFactory(tenant__country="DE")
        subscription = buy(ben, plan_on_sale(country="DE"), at=timezone.now() - timedelta(days=1))
        TaxRateFactory()
        return subscription

    def test_is_refused_by_name_until_it_is_looked_at_again(self, taxed):
        shown = Api(taxed.owner).post(path(taxed), {"quantity": 4, "preview": True}).json()
        TaxRate.objects.update(rate=Decimal("0.25"))
        body = {"quantity": 4, "as_of": shown["as_of"], "expected_total": shown["total"]["amount"]}
        answer = ask(taxed.owner, taxed, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "changed_since_preview")
        assert (quantity_of(taxed), len(ledger.captured())) == (2, 1)
        again = Api(taxed.owner).post(path(taxed), {"quantity": 4, "preview": True}).json()
        assert again["total"] != shown["total"]
        body |= {"as_of": again["as_of"], "expected_total": again["total"]["amount"]}
        assert ask(taxed.owner, taxed, body, key="again").json()["total"] == again["total"]

    def test_also_where_a_tax_number_was_set(self, taxed):
        TaxRate.objects.update(reverse_charge=True)
        shown = Api(taxed.owner).post(path(taxed), {"quantity": 4, "preview": True}).json()
        type(taxed.tenant).objects.update(tax_number="DE136695976")
        body = {"quantity": 4, "as_of": shown["as_of"], "expected_total": shown["total"]["amount"]}
        assert ask(taxed.owner, taxed, body).json()["code"] == "changed_since_preview"
        assert len(ledger.captured()) == 1

    def test_also_of_another_term(self):
        ben = MembershipFactory(tenant__country="DE")
        subscription = buy(ben, plan_on_sale(country="DE"), at=timezone.now() - timedelta(days=35))
        lifecycle.advance_due(at=timezone.now())
        shown = Api(ben).post(path(subscription, "reactivate/"), {"preview": True}).json()
        TaxRateFactory()
        body = {"as_of": shown["as_of"], "expected_total": shown["total"]["amount"]}
        answer = ask(ben, subscription, body, action="reactivate/")
        assert (answer.status_code, answer.json()["code"]) == (409, "changed_since_preview")
        assert len(ledger.captured()) == 1

    @pytest.mark.parametrize("wrong", ["much", "-1", "NaN", "1.2345"])
    def test_is_money(self, ana, half_gone, wrong):
        answer = ask(ana, half_gone, {"quantity": 8, "expected_total": wrong})
        assert [field for field, _code in errors(answer)] == ["expected_total"]
