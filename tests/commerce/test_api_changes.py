"""Another number of seats, and going on with what ended, by API."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from commerce.models import Order, PaymentMethod, PaymentSource, Refund, TaxRate
from licensing.models import Subscription
from licensing.operations import lifecycle
from policies.models import Decision
from tests import ledger
from tests.callers import Api
from tests.commerce.conftest import errors
from tests.factories import MembershipFactory, PolicyFactory, TaxRateFactory, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

USD = {"currency": "USD"}


@pytest.fixture
def half_gone(ana, plan):
    """Five seats, about half of whose term is over."""
    return buy(ana, plan, 5, at=timezone.now() - timedelta(days=15))


def path(subscription, action="quantity/"):
    return f"subscriptions/{subscription.pk}/{action}"


def ask(who, subscription, body, key="k", action="quantity/"):
    return Api(who).post(path(subscription, action), body, key=key)


def quantity_of(subscription):
    return Subscription.objects.get(pk=subscription.pk).quantity


class TestAdding:
    def test_previews_line_by_line_and_changes_nothing(self, ana, half_gone):
        answer = Api(ana).post(path(half_gone), {"quantity": 8, "preview": True})
        assert answer.status_code == 200, answer.content
        told = answer.json()
        [line] = told["lines"]
        assert (told["direction"], told["state"], told["order"], told["next_action"]) == ("charge", None, None, None)
        assert (line["plan"], line["quantity"], line["unit_price"]) == (half_gone.plan_id, 3, {"amount": "9.99", **USD})
        part = Decimal(line["part"]["seconds"]) / line["part"]["of"]
        assert Decimal(line["amount"]["amount"]) == round(3 * Decimal("9.99") * part, 2)
        assert line["total"] == line["amount"] == told["subtotal"] == told["total"]
        assert line["tax"] == told["tax"] == {"amount": "0.00", **USD}
        assert line["why"] == {"code": "rest_of_term", "detail": "New seats, for the rest of the term."}
        assert (line["starts_at"], line["ends_at"]) == (told["as_of"], told["subscription"]["term_end"])
        assert told["takes_effect_at"] == told["as_of"]
        assert (told["quantity_before"], told["quantity"], told["scheduled_quantity"]) == (5, 8, None)
        assert (line["order"], line["charged"]) == (None, None)
        assert quantity_of(half_gone) == 5
        assert len(ledger.captured()) == 1

    def test_charges_exactly_what_was_shown(self, ana, half_gone):
        shown = Api(ana).post(path(half_gone), {"quantity": 8, "preview": True}).json()
        first, second = (ask(ana, half_gone, {"quantity": 8, "as_of": shown["as_of"]}) for _ in range(2))
        assert first.status_code == 200, first.content
        assert (second.content, second["Idempotent-Replayed"]) == (first.content, "true")
        done = first.json()
        assert (done["state"], done["lines"], done["total"]) == ("completed", shown["lines"], shown["total"])
        assert done["subscription"]["quantity"] == 8
        assert ledger.captured()[-1] == Decimal(shown["total"]["amount"])
        order = Api(ana).get(f"orders/{done['order']}/").json()
        assert (order["kind"], order["state"], order["total"]) == ("seats", "paid", shown["total"])
        assert order["checkout"] is None
        assert order["lines"][0]["part"] == shown["lines"][0]["part"]
        assert order["lines"][0]["period"] == {key: shown["lines"][0][key] for key in ("starts_at", "ends_at")}

    def test_names_the_tax(self, plan):
        ben = MembershipFactory(tenant__country="DE")
        TaxRateFactory(inclusive=True)
        subscription = buy(ben, plan_on_sale(country="DE"), at=timezone.now())
        told = Api(ben).post(path(subscription), {"quantity": 3, "preview": True}).json()
        assert told["tax_terms"] == {"name": "VAT", "rate": "0.19", "inclusive": True, "reverse_charge": False}
        assert Decimal(told["subtotal"]["amount"]) + Decimal(told["tax"]["amount"]) == Decimal(told["total"]["amount"])

    @pytest.mark.parametrize(
        "as_of, code",
        [
            (timedelta(minutes=16), "too_old"),
            (-timedelta(minutes=1), "in_future"),
        ],
    )
    def test_a_preview_holds_for_a_quarter_of_an_hour(self, ana, half_gone, as_of, code):
        moment = (timezone.now() - as_of).isoformat()
        for body in ({"preview": True}, {}):
            assert errors(ask(ana, half_gone, {"quantity": 8, "as_of": moment, **body})) == [("as_of", code)]
        assert quantity_of(half_gone) == 5

    def test_a_card_that_asks_its_holder_is_confirmed_by_the_order(self, ana, half_gone):
        waiting = ask(ana, half_gone, {"quantity": 8, "payment_method": "pm_card_authenticationRequired"})
        assert waiting.status_code == 202, waiting.content
        told = waiting.json()
        assert (told["state"], told["next_action"]["type"]) == ("requires_action", "redirect_to_url")
        assert told["next_action"]["url"].startswith("http")
        assert (told["subscription"]["quantity"], quantity_of(half_gone)) == (5, 5)
        order = Api(ana).get(f"orders/{told['order']}/").json()
        assert (order["state"], order["next_action"]) == ("pending", told["next_action"])
        again = ask(ana, half_gone, {"quantity": 9}, key="other")
        assert (again.status_code, again.json()["code"]) == (409, "payment_in_progress")
        first, second = (Api(ana).post(f"orders/{told['order']}/confirm/", key="c") for _ in range(2))
        assert (first.status_code, first.json()["state"], second.content) == (200, "paid", first.content)
        assert Api(ana).post(f"orders/{told['order']}/confirm/", key="d").json()["state"] == "paid"
        assert quantity_of(half_gone) == 8

    def test_an_order_that_waits_is_given_up(self, ana, half_gone):
        told = ask(ana, half_gone, {"quantity": 8, "payment_method": "pm_card_authenticationRequired"}).json()
        for _ in range(2):
            answer = Api(ana).post(f"orders/{told['order']}/cancel/")
            assert (answer.status_code, answer.json()["state"]) == (200, "canceled")
        refused = Api(ana).post(f"orders/{told['order']}/confirm/", key="c")
        assert (refused.status_code, refused.json()["code"]) == (409, "order_canceled")
        assert ask(ana, half_gone, {"quantity": 8}, key="again").status_code == 200

    def test_an_order_that_is_paid_is_not_given_up(self, ana, half_gone):
        told = ask(ana, half_gone, {"quantity": 8}).json()
        answer = Api(ana).post(f"orders/{told['order']}/cancel/")
        assert (answer.status_code, answer.json()["code"]) == (409, "order_completed")

    def test_a_decline_is_told_and_kept(self, ana, half_gone):
        body = {"quantity": 8, "payment_method": "pm_card_chargeDeclined"}
        first, second = (ask(ana, half_gone, body) for _ in range(2))
        assert (first.status_code, first.json()["code"]) == (402, "card_declined")
        assert first.json()["decline_code"] == "generic_decline"
        assert second.content == first.content
        assert quantity_of(half_gone) == 5
        assert Order.objects.filter(kind="seats").count() == 1

    def test_a_kept_card_is_named_by_its_id(self, ana, half_gone):
        card = PaymentMethod.objects.get()
        assert ask(ana, half_gone, {"quantity": 6, "payment_method": str(card.pk)}).status_code == 200

    def test_without_a_card_it_says_so(self, ana, half_gone):
        PaymentSource.objects.all().delete()
        answer = ask(ana, half_gone, {"quantity": 6})
        assert (answer.status_code, answer.json()["code"]) == (400, "payment_method_not_accepted")
        assert "No card is known" in answer.json()["detail"]

    def test_a_rule_that_forbids_it_is_told_with_reasons_and_contact(self, ana, plan, half_gone):
        PolicyFactory(tenant=ana.tenant, product=plan.product, value="disabled")
        for body in ({"preview": True}, {}):
            answer = ask(ana, half_gone, {"quantity": 8, **body})
            assert (answer.status_code, answer.json()["code"]) == (403, "purchase_refused")
            assert [reason["code"] for reason in answer.json()["reasons"]] == ["policy_disabled"]
            assert answer.json()["contact"]["url"] == ana.tenant.contact_url
        assert Decision.objects.filter(outcome="refused", quantity=8).count() == 1

    @pytest.mark.parametrize("quantity", [10_001, 2**31, 2**70])
    def test_more_than_the_plan_is_sold_in_is_refused(self, ana, half_gone, quantity):
        answer = ask(ana, half_gone, {"quantity": quantity})
        assert answer.status_code == 403
        assert answer.json()["reasons"][0]["code"] == "quantity_out_of_range"


class TestReducing:
    def test_previews_and_does_what_goes_back(self, ana, subscription):
        shown = Api(ana).post(path(subscription), {"quantity": 1, "preview": True}).json()
        [line] = shown["lines"]
        assert (shown["direction"], line["quantity"], line["why"]["code"]) == ("refund", 1, "inside_window")
        assert (line["order"], line["charged"]) == (str(Order.objects.get().pk), {"amount": "9.99", **USD})
        assert not Refund.objects.exists()
        done = ask(ana, subscription, {"quantity": 1, "as_of": shown["as_of"]}).json()
        assert (done["state"], done["lines"], done["total"]) == ("completed", shown["lines"], shown["total"])
        assert done["subscription"]["quantity"] == quantity_of(subscription) == 1
        assert ledger.refunded() == [Decimal(shown["total"]["amount"])]

    def test_outside_the_window_it_waits_for_the_renewal_and_may_be_withdrawn(self, ana, half_gone):
        told = ask(ana, half_gone, {"quantity": 3}).json()
        assert (told["direction"], told["quantity"], told["scheduled_quantity"]) == ("none", 5, 3)
        assert told["takes_effect_at"] == told["subscription"]["term_end"]
        assert told["lines"][0]["why"]["code"] == "outside_window"
        assert told["subscription"]["scheduled_quantity"] == 3
        again = ask(ana, half_gone, {"quantity": 5}, key="withdraw").json()
        assert (again["withdraws"], again["lines"], again["subscription"]["scheduled_quantity"]) == (3, [], None)

    def test_at_the_renewal_if_one_likes(self, ana, subscription):
        told = ask(ana, subscription, {"quantity": 1, "when": "renewal"}).json()
        assert (told["scheduled_quantity"], told["lines"][0]["why"]["code"]) == (1, "at_renewal")
        assert quantity_of(subscription) == 2

    def test_below_what_is_assigned_is_refused_by_name_and_number(self, ana, cleo, subscription):
        Api(ana).post(path(subscription, "seats/"), {"members": [cleo.user.email]})
        for body in ({"preview": True}, {}):
            answer = ask(ana, subscription, {"quantity": 1, **body})
            assert (answer.status_code, answer.json()["code"]) == (409, "quantity_below_assigned")
            assert (answer.json()["assigned"], answer.json()["left"]) == (2, 1)
        assert quantity_of(subscription) == 2

    @pytest.mark.parametrize("quantity", [0, -5])
    def test_to_nothing_is_refused(self, ana, subscription, quantity):
        assert errors(ask(ana, subscription, {"quantity": quantity})) == [("quantity", "quantity_out_of_range")]


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"quantity": None},
            {"quantity": "many"},
            {"quantity": 1.5},
            {"quantity": 3, "when": "tomorrow"},
            {"quantity": 3, "as_of": "yesterday"},
            {"quantity": 3, "as_of": "0001-01-01T00:00:00+23:59"},
            {"quantity": 3, "payment_method": "x" * 256},
            {"quantity": 3, "preview": "true"},
            {"quantity": 3, "now": True},
        ],
    )
    def test_that_cannot_be_read_change_nothing(self, ana, subscription, body):
        assert ask(ana, subscription, body).status_code == 400
        assert quantity_of(subscription) == 2
        assert not Order.objects.filter(kind="seats").exists()

    @pytest.mark.parametrize("action", ["quantity/", "reactivate/"])
    def test_ask_for_a_key_unless_they_preview(self, ana, subscription, action):
        for body in ({"quantity": 3}, {"quantity": 3, "preview": False}):
            answer = Api(ana).post(path(subscription, action), body)
            assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
        assert quantity_of(subscription) == 2


@pytest.mark.parametrize("body", [{"quantity": 3}, {"quantity": 3, "preview": True}, {"quantity": 1}])
def test_others_change_no_quantity(ana, admin, subscription, body):
    reader = MembershipFactory(tenant=ana.tenant, roles=["global_reader"])
    for who in (reader, admin):
        answer = ask(who, subscription, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    for who in (MembershipFactory(tenant=ana.tenant), MembershipFactory(roles=["global_admin"])):
        assert ask(who, subscription, body).status_code == 404
    narrow = Api(ana, scopes=("purchases:read",)).post(path(subscription), body, key="k")
    assert narrow.json()["code"] == "insufficient_scope"
    assert quantity_of(subscription) == 2


def test_others_neither_confirm_nor_cancel_an_order(ana, admin, half_gone):
    order = ask(ana, half_gone, {"quantity": 8, "payment_method": "pm_card_authenticationRequired"}).json()["order"]
    for action in ("confirm/", "cancel/"):
        answer = Api(admin).post(f"orders/{order}/{action}", key="k")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
        for who in (MembershipFactory(tenant=ana.tenant), MembershipFactory(roles=["global_admin"])):
            assert Api(who).post(f"orders/{order}/{action}", key="k").status_code == 404
    assert Order.objects.get(pk=order).state == "pending"
    assert Api(admin).get(f"orders/{order}/").json()["state"] == "pending"
    assert Api(MembershipFactory(tenant=ana.tenant)).get(f"orders/{order}/").status_code == 404


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
        assert (line["total"], line["why"]["code"]) == ({"amount": "19.98", **USD}, "next_term")
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


@pytest.mark.parametrize("body", [{"quantity": 90}, {"quantity": 1}])
def test_a_preview_of_many_lines_asks_the_database_as_often_as_of_one(
    ana, plan, body, django_assert_max_num_queries, django_assert_num_queries
):
    subscription = buy(ana, plan, 2, at=timezone.now())
    api = Api(ana)

    def counted():
        with django_assert_max_num_queries(60) as asked:
            api.post(path(subscription), {**body, "preview": True})
        return len(asked)

    counted()
    before = counted()
    for n in range(29):
        ask(ana, subscription, {"quantity": 3 + n}, key=str(n))
    assert counted() == before


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
