"""Taking over by API: preview, keys, done, undone and settled."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from commerce.models import PaymentMethod, TakeOver
from tests import ledger
from tests.callers import Api
from tests.commerce.changes import findings, fresh
from tests.commerce.conftest import errors
from tests.commerce.takeover.conftest import holders
from tests.factories import MembershipFactory, add_card, agree, buy, buy_centrally, order_centrally, price_centrally
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def subscription(ana, plan):
    return buy(ana, plan, 2, timezone.now() - timedelta(hours=1))


@pytest.fixture
def central(boss, plan):
    return buy_centrally(boss, plan, 5, timezone.now())


def path(subscription, action=""):
    return f"subscriptions/{subscription.pk}/take-over/{action}"


def take(who, subscription, body, key="k"):
    return Api(who).post(path(subscription), body, key=key)


def move(central):
    return {"mode": "move", "target_subscription": str(central.pk), "reason": "One contract."}


def test_a_preview_needs_no_key_and_says_line_by_line_what_goes_back(boss, ana, subscription, central):
    answer = Api(boss).post(path(subscription), {**move(central), "preview": True})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["id"], told["state"], told["mode"]) == (None, None, "move")
    assert told["target_subscription"] == str(central.pk)
    assert [person["email"] for person in told["members"]] == [ana.user.email]
    assert told["loses_access"] == {"count": 0, "people": []}
    [line] = told["lines"]
    assert line["why"]["code"] == "taken_over"
    assert line["refund"] == told["total"]
    assert Decimal("19.90") < Decimal(told["total"]["amount"]) < Decimal("19.98")
    assert told["charge"] == {"amount": "0.00", "currency": "USD"}
    assert told["subscription"]["state"] == "active"
    assert not TakeOver.objects.exists()


def test_moved_undone_moved_again_and_settled(boss, ana, subscription, central):
    shown = Api(boss).post(path(subscription), {**move(central), "preview": True}).json()
    asked = {**move(central), "as_of": shown["as_of"], "expected_total": shown["total"]["amount"]}
    done = take(boss, subscription, asked)
    assert done.status_code == 200, done.content
    told = done.json()
    assert (told["state"], told["subscription"]["state"], told["total"]) == ("open", "disabled", shown["total"])
    assert told["lines"] == shown["lines"]
    assert Api(boss).get(path(subscription)).json() == told
    assert holders(central) == {ana}
    undone = Api(boss).post(path(subscription, "undo/"), {})
    assert (undone.status_code, undone.json()["state"]) == (200, "undone")
    assert undone.json()["subscription"]["state"] == "active"
    assert Api(boss).post(path(subscription, "undo/"), {}).status_code == 200
    assert take(boss, subscription, move(central), key="again").status_code == 200
    settled = Api(boss).post(path(subscription, "settle/"), {})
    assert (settled.status_code, settled.json()["state"]) == (200, "settled")
    assert Decimal(settled.json()["total"]["amount"]) == ledger.refunded()[0]
    assert settled.json()["subscription"]["state"] == "deleted"
    assert Api(boss).post(path(subscription, "settle/"), {}).json() == settled.json()
    again = Api(boss).post(path(subscription, "undo/"), {})
    assert (again.status_code, again.json()["code"]) == (409, "take_over_settled")
    assert findings() == []


def test_the_same_key_is_one_take_over(boss, subscription, central):
    first = take(boss, subscription, move(central))
    again = take(boss, subscription, move(central))
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert TakeOver.objects.count() == 1
    assert take(boss, subscription, {"mode": "cancel"}).status_code == 422
    other = take(boss, subscription, move(central), key="other")
    assert (other.status_code, other.json()["code"]) == (409, "taken_over")
    assert Api(boss).post(path(subscription), move(central)).json()["code"] == "idempotency_key_missing"


def test_adopted_by_an_agreement_with_the_rest_of_its_term(boss, tenant, plan, subscription):
    price_centrally(plan)
    body = {"mode": "adopt", "agreement": str(agree(tenant).pk), "reimburse": True}
    shown = Api(boss).post(path(subscription), {**body, "preview": True}).json()
    assert shown["charge"] == shown["total"]
    assert shown["next_term"]["unit_price"] == {"amount": "8.99", "currency": "USD"}
    told = take(boss, subscription, body).json()
    assert (told["subscription"]["owner"], told["next_term"]["total"]["amount"]) == (None, "17.98")
    assert told["charge"]["amount"] != "0.00"
    settled = Api(boss).post(path(subscription, "settle/"), {}).json()
    assert settled["charge"] == settled["total"]
    assert findings() == []


def test_adopted_with_a_card(boss, subscription):
    token = {"mode": "adopt", "payment_method": "pm_card_visa"}
    assert Api(boss).post(path(subscription), {**token, "preview": True}).status_code == 200
    assert not PaymentMethod.objects.filter(member=None).exists()
    assert take(boss, subscription, token).status_code == 200
    card = PaymentMethod.objects.get(member=None)
    assert TakeOver.objects.get().payment_method == card
    assert Api(boss).post(path(subscription, "undo/"), {}).status_code == 200
    assert take(boss, subscription, {"mode": "adopt", "payment_method": str(card.pk)}, key="kept").status_code == 200
    assert findings() == []


def test_what_is_refused_keeps_no_card(boss, tenant, subscription):
    refused = [
        ({"expected_total": "1.00", "reimburse": True}, 409, "changed_since_preview"),
        ({"agreement": str(agree(tenant).pk)}, 400, "invalid"),
    ]
    for more, status, code in refused:
        answer = take(boss, subscription, {"mode": "adopt", "payment_method": "pm_card_visa", **more}, key=code)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not PaymentMethod.objects.filter(member=None).exists()
    assert not TakeOver.objects.exists()


def test_a_partner_adopts_nothing_at_its_customers_cost(tenant, subscription):
    pat = let_in(tenant, roles=["billing_admin"], at=timezone.now()).as_token_holder
    body = {"mode": "adopt", "agreement": str(agree(tenant).pk)}
    for more in ({}, {"preview": True}):
        answer = Api(pat).post(path(subscription), {**body, **more}, key="k")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert fresh(subscription).owner is not None
    # What costs nothing they may: to end it.
    assert Api(pat).post(path(subscription), {"mode": "cancel"}, key="end").status_code == 200


def test_a_card_that_wants_a_step_is_added_first(boss, subscription):
    answer = take(boss, subscription, {"mode": "adopt", "payment_method": "pm_card_authenticationRequired"})
    assert (answer.status_code, answer.json()["code"]) == (400, "payment_method_not_accepted")
    assert fresh(subscription).owner is not None


def test_a_charge_that_the_card_declines_leaves_it_open(boss, plan, subscription):
    price_centrally(plan)
    order_centrally(boss, plan, 1, at=timezone.now(), payment_method="pm_card_chargeCustomerFail")
    card = PaymentMethod.objects.get(member=None)
    body = {"mode": "adopt", "payment_method": str(card.pk), "reimburse": True}
    assert take(boss, subscription, body).status_code == 200
    answer = Api(boss).post(path(subscription, "settle/"), {})
    assert (answer.status_code, answer.json()["code"]) == (402, "card_declined")
    assert Api(boss).get(path(subscription)).json()["state"] == "open"
    assert ledger.refunded() == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ("mode", "required")),
        ({"mode": "steal"}, ("mode", "invalid_choice")),
        ({"mode": "move"}, ("target_subscription", "required")),
        (
            {"mode": "move", "target_subscription": "0190a1f4-7b5e-7000-8000-000000000000"},
            ("target_subscription", "does_not_exist"),
        ),
        ({"mode": "cancel", "reimburse": True}, ("reimburse", "not_with_mode")),
        ({"mode": "cancel", "members": ["cleo@contoso.example"]}, ("members", "not_with_mode")),
        ({"mode": "adopt"}, ("payment_method", "required")),
        ({"mode": "adopt", "agreement": "0190a1f4-7b5e-7000-8000-000000000000"}, ("agreement", "does_not_exist")),
        ({"mode": "move", "members": ["nobody@contoso.example"]}, ("members", "not_a_member")),
    ],
)
def test_what_is_wrong_is_named_by_its_field(body, expected, boss, cleo, subscription):
    assert errors(take(boss, subscription, body)) == [expected]
    assert errors(Api(boss).post(path(subscription), {**body, "preview": True})) == [expected]
    assert not TakeOver.objects.exists()


def test_only_who_may_take_over_does(ana, boss, subscription, central):
    for who, status in ((ana, 403), (MembershipFactory(tenant=ana.tenant, roles=["license_admin"]), 403)):
        assert take(who, subscription, move(central)).status_code == status
        assert Api(who).post(path(subscription, "undo/"), {}).status_code == status
        assert Api(who).get(path(subscription)).status_code == status
    stranger = MembershipFactory(roles=["global_admin"])
    assert take(stranger, subscription, move(central)).status_code == 404
    assert Api(boss).get(path(subscription)).status_code == 404  # none was
    assert Api(boss).post(path(subscription, "settle/"), {}).status_code == 404


def test_meanwhile_the_purchaser_changes_nothing(boss, ana, cleo, subscription, central):
    assert take(boss, subscription, move(central)).status_code == 200
    api, at = Api(ana), f"subscriptions/{subscription.pk}/"
    refused = {
        "seats/": {"members": [cleo.user.email]},
        "quantity/": {"quantity": 5},
        "cancel/": {},
        "reactivate/": {"payment_method": "pm_card_visa"},
        "auto-renew/": {"auto_renew": False},
        "transfer/": {"to": cleo.user.email},
    }
    for action, body in refused.items():
        answer = api.post(at + action, body, key=action.replace("/", ""))
        assert answer.status_code == 409, (action, answer.content)
    card = add_card(ana, "pm_card_chargeCustomerFail", at=timezone.now()).payment_method
    changed = api.post(at + "payment-method/", {"payment_method": str(card.pk)})
    assert changed.status_code == 200, changed.content
    assert Api(boss).post(path(subscription, "undo/"), {}).status_code == 200
    assert subscription.payment_sources.get().payment_method == card  # their newer wish
    assert len(ledger.captured()) == 1
    assert findings() == []


class TestAdopted:
    """Control is the organisation's at once, and its renewal with it; money and records wait."""

    @pytest.fixture
    def adopted(self, boss, tenant, subscription):
        price_centrally(subscription.plan)
        body = {"mode": "adopt", "agreement": str(agree(tenant).pk)}
        assert take(boss, subscription, body).status_code == 200
        return subscription

    def turn(self, who, subscription, on):
        return Api(who).post(f"subscriptions/{subscription.pk}/auto-renew/", {"auto_renew": on})

    def test_meanwhile_who_buys_for_the_organisation_turns_its_renewal_off_and_on(self, boss, adopted):
        for on in (False, True, False):
            answer = self.turn(boss, adopted, on)
            assert (answer.status_code, answer.json()["auto_renew"]) == (200, on)
        assert len(ledger.captured()) == 1
        assert ledger.refunded() == []
        assert Api(boss).post(path(adopted, "settle/"), {}).status_code == 200
        assert fresh(adopted).auto_renew is False
        assert findings() == []

    def test_undone_it_renews_as_its_owner_had_it(self, boss, ana, adopted):
        assert self.turn(boss, adopted, False).status_code == 200
        assert Api(boss).post(path(adopted, "undo/"), {}).status_code == 200
        assert (fresh(adopted).owner, fresh(adopted).auto_renew) == (ana, True)
        assert findings() == []

    def test_meanwhile_its_purchaser_turns_nothing(self, ana, adopted):
        for on in (False, True):
            assert self.turn(ana, adopted, on).status_code == 403
        assert fresh(adopted).auto_renew

    def test_meanwhile_nothing_that_moves_money_is_done(self, boss, adopted):
        for action, body in {"quantity/": {"quantity": 5}, "cancel/": {}}.items():
            answer = Api(boss).post(f"subscriptions/{adopted.pk}/{action}", body, key=action)
            assert (answer.status_code, answer.json()["code"]) == (409, "taken_over"), action
