"""Another number of seats, by API."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from commerce.models import Order, PaymentMethod, PaymentSource, Refund
from policies.models import Decision
from tests import ledger
from tests.callers import Api
from tests.commerce.changes import ask, path, quantity_of
from tests.commerce.conftest import errors
from tests.factories import MembershipFactory, PolicyFactory, TaxRateFactory, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

USD = {"currency": "USD"}


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
