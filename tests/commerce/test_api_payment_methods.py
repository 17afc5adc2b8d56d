"""Cards by the API: added with and without the bank's step, preferred, replaced, removed, and what each pays for."""

from unittest.mock import Mock

import pytest
from django.utils import timezone

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import CardSetup, PaymentMethod, PaymentSource, SandboxSetup
from commerce.operations.paying import card_setups
from tests import ledger
from tests.callers import Api
from tests.commerce.conftest import errors, ids
from tests.factories import MembershipFactory, acting, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

VISA, OTHER, DECLINED = "pm_card_visa", "pm_card_createDispute", "pm_card_chargeDeclined"
ASKS = "pm_card_authenticationRequired"
UNKNOWN = "00000000-0000-0000-0000-000000000000"


def add(api, token=VISA, **more):
    answer = api.post("payment-methods/", {"token": token, **more})
    assert answer.status_code == 201, answer.content
    return answer.json()


def problem(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return answer.json()


def keep(who, n):
    """So many cards, told apart by what the sandbox would never tell."""
    return PaymentMethod.objects.bulk_create(
        PaymentMethod(
            tenant=who.tenant,
            member=who,
            gateway="sandbox",
            reference=f"pm_{i}",
            fingerprint=f"{i}",
            brand="Visa",
            last4=f"{i:04}",
            exp_month=12,
            exp_year=2034,
            funding="credit",
            created_at=timezone.now(),
        )
        for i in range(n)
    )


class TestAdding:
    def test_answers_with_what_may_be_printed(self, api):
        card = add(api)
        kept = PaymentMethod.objects.get()
        assert card == {
            "id": str(kept.pk),
            "holder": "member",
            "brand": "Visa",
            "last4": "4242",
            "exp_month": 12,
            "exp_year": 2034,
            "is_default": True,
            "in_use": False,
            "created_at": card["created_at"],
        }
        assert api.get(f"payment-methods/{kept.pk}/").json() == card

    def test_the_same_token_again_is_the_same_card_and_not_a_new_one(self, api):
        card = add(api)
        again = api.post("payment-methods/", {"token": VISA})
        assert (again.status_code, again.json()) == (200, card)
        assert PaymentMethod.objects.count() == 1

    def test_one_that_was_removed_is_new_again(self, api):
        card = add(api)
        assert api.delete(f"payment-methods/{card['id']}/").status_code == 204
        assert add(api)["id"] != card["id"]

    def test_for_the_organisation_by_an_admin_alone(self, api, admin):
        problem(api.post("payment-methods/", {"token": VISA, "for_organisation": True}), 403, "not_allowed")
        card = add(Api(admin), for_organisation=True)
        assert card["holder"] == "tenant"
        assert ids(api.get("payment-methods/")) == []
        assert ids(Api(admin).get("payment-methods/")) == [card["id"]]

    @pytest.mark.parametrize("token", ["pm_bank_transfer", "pm_card_mastercard_prepaid", UNKNOWN])
    def test_refuses_what_is_no_credit_card(self, api, token):
        said = problem(api.post("payment-methods/", {"token": token}), 400, "payment_method_not_accepted")
        assert said["field"] == "token"
        assert not CardSetup.objects.exists()

    @pytest.mark.parametrize(
        "body, wrong",
        [
            ({}, ("token", "required")),
            ({"token": ""}, ("token", "blank")),
            ({"token": "x" * 256}, ("token", "max_length")),
            ({"token": VISA, "for_organisation": "false"}, ("for_organisation", "invalid")),
            ({"token": VISA, "number": "4242"}, ("number", "unknown_field")),
        ],
    )
    def test_refuses_a_body_that_is_none(self, api, body, wrong):
        assert errors(api.post("payment-methods/", body)) == [wrong]

    def test_a_declined_card_says_why_and_too_many_of_them_are_refused(self, api):
        for _ in range(10):
            said = problem(api.post("payment-methods/", {"token": DECLINED}), 402, "card_declined")
            assert said["decline_code"] == "generic_decline"
        answer = api.post("payment-methods/", {"token": VISA})
        problem(answer, 429, "too_many_declines")
        assert answer["Retry-After"] == "86400"

    def test_a_provider_that_does_not_answer_at_all_is_told(self, api, monkeypatch):
        monkeypatch.setattr(SandboxGateway, "describe", Mock(side_effect=GatewayUnavailable))
        problem(api.post("payment-methods/", {"token": VISA}), 503, "provider_unavailable")

    def test_needs_the_scope_of_purchases(self, ana):
        reader = Api(ana, scopes=["purchases:read"])
        problem(reader.post("payment-methods/", {"token": VISA}), 403, "insufficient_scope")
        problem(Api(ana, scopes=["seats:write"]).get("payment-methods/"), 403, "insufficient_scope")
        problem(Api().get("payment-methods/"), 401, "not_authenticated")


class TestTheBanksStep:
    @pytest.fixture
    def waiting(self, api):
        answer = api.post("payment-methods/", {"token": ASKS})
        assert answer.status_code == 202, answer.content
        return answer.json()

    def test_is_asked_for(self, waiting, settings):
        assert waiting["state"] == "requires_action"
        assert waiting["next_action"]["type"] == "redirect_to_url"
        assert waiting["next_action"]["url"] == f"{settings.BASE_URL}/sandbox/3ds/{waiting['id']}/"
        assert (waiting["payment_method"], waiting["decline_code"]) == (None, None)
        back = SandboxSetup.objects.using("sandbox").get(key=waiting["id"]).return_url
        assert back == f"{settings.BASE_URL}/my/payment-methods/setups/{waiting['id']}/return/"

    def test_confirmed_answers_with_the_card(self, api, waiting):
        path = f"payment-methods/setups/{waiting['id']}/"
        assert api.get(path).json() == waiting
        answer = api.post(f"{path}confirm/")
        assert (answer.status_code, answer.json()["last4"]) == (200, "3184")
        assert api.post(f"{path}confirm/").json() == answer.json()
        told = api.get(path).json()
        assert (told["state"], told["payment_method"], told["next_action"]) == (
            "succeeded",
            answer.json()["id"],
            None,
        )

    def test_declined_at_the_bank(self, api, waiting):
        SandboxGateway().answer_step(waiting["id"], approve=False)
        path = f"payment-methods/setups/{waiting['id']}/"
        assert problem(api.post(f"{path}confirm/"), 402, "card_declined")["decline_code"] == "authentication_failed"
        told = api.get(path).json()
        assert (told["state"], told["decline_code"]) == ("failed", "authentication_failed")

    def test_given_up(self, api, waiting):
        path = f"payment-methods/setups/{waiting['id']}/"
        assert api.post(f"{path}cancel/").json()["state"] == "canceled"
        problem(api.post(f"{path}confirm/"), 409, "card_setup_canceled")

    def test_an_answer_that_never_came_can_be_asked_for(self, api, ana, monkeypatch):
        with monkeypatch.context() as away:
            away.setattr(SandboxGateway, "set_up", Mock(side_effect=GatewayUnavailable))
            answer = api.post("payment-methods/", {"token": VISA})
        assert (answer.status_code, answer.json()["state"]) == (202, "started")
        path = f"payment-methods/setups/{answer.json()['id']}/"
        assert api.post(f"{path}confirm/").status_code == 202
        card_setups.reconcile(at=timezone.now() + card_setups.ASK_AFTER * 2)
        assert api.get(path).json()["state"] == "canceled"

    def test_is_nobody_elses(self, api, cleo, waiting):
        for stranger in (Api(cleo), Api(MembershipFactory())):
            path = f"payment-methods/setups/{waiting['id']}/"
            assert stranger.get(path).status_code == 404
            for deed in ("confirm", "cancel"):
                assert stranger.post(f"{path}{deed}/").status_code == 404
        assert api.get(path).json() == waiting


class TestTheList:
    def test_shows_ones_own_cards_newest_first_and_nobody_elses(self, api, cleo):
        add(Api(cleo))
        first, second = add(api), add(api, OTHER)
        assert ids(api.get("payment-methods/")) == [second["id"], first["id"]]
        assert ids(api.get("payment-methods/?ordering=created_at")) == [first["id"], second["id"]]
        api.delete(f"payment-methods/{second['id']}/")
        assert ids(api.get("payment-methods/")) == [first["id"]]

    def test_comes_in_pages_that_neither_lose_nor_repeat_a_card(self, api, ana):
        made = {str(card.pk) for card in keep(ana, 7)}
        url, seen = "payment-methods/?page_size=3", []
        while url:
            answer = api.get(url)
            seen += ids(answer)
            url = answer.json()["next"]
        assert (len(seen), set(seen)) == (7, made)

    def test_asks_the_same_number_of_questions_for_one_card_and_thirty(
        self, api, ana, plan, django_assert_max_num_queries
    ):
        buy(ana, plan)
        with django_assert_max_num_queries(50) as one:
            api.get("payment-methods/")
        keep(ana, 29)
        with django_assert_max_num_queries(50) as thirty:
            assert len(ids(api.get("payment-methods/"))) == 30
        assert len(one) == len(thirty)

    def test_takes_no_filter(self, api):
        assert errors(api.get("payment-methods/?brand=Visa")) == [("brand", "unknown_field")]


class TestChanging:
    def test_another_default(self, api):
        first, second = add(api), add(api, OTHER)
        answer = api.post(f"payment-methods/{second['id']}/default/")
        assert (answer.status_code, answer.json()["is_default"]) == (200, True)
        assert not api.get(f"payment-methods/{first['id']}/").json()["is_default"]

    def test_a_card_in_use_is_replaced_and_not_removed(self, api, ana, plan):
        subscription = buy(ana, plan, at=timezone.now())
        [card] = ids(api.get("payment-methods/"))
        assert api.get(f"payment-methods/{card}/").json()["in_use"]
        problem(api.delete(f"payment-methods/{card}/"), 409, "payment_method_in_use")
        other = add(api, OTHER)["id"]
        answer = api.post(f"payment-methods/{card}/replace/", {"by": other})
        assert answer.status_code == 200
        told = answer.json()
        assert (told["id"], told["in_use"], told["is_default"]) == (other, True, True)
        assert ids(api.get("payment-methods/")) == [other]
        assert str(PaymentSource.objects.get(subscription=subscription).payment_method_id) == other

    def test_removed_is_gone(self, api):
        card = add(api)["id"]
        answer = api.delete(f"payment-methods/{card}/")
        assert (answer.status_code, answer.content) == (204, b"")
        for call in (api.get, api.delete):
            assert call(f"payment-methods/{card}/").status_code == 404
        assert api.post(f"payment-methods/{card}/default/").status_code == 404

    def test_what_a_subscription_is_paid_by(self, api, ana, plan):
        subscription = buy(ana, plan, at=timezone.now())
        other = add(api, OTHER)["id"]
        answer = api.post(f"subscriptions/{subscription.pk}/payment-method/", {"payment_method": other})
        assert (answer.status_code, answer.json()["id"], answer.json()["in_use"]) == (200, other, True)
        assert len(ledger.captured()) == 1

    def test_somebody_elses_card_or_subscription_is_one_that_never_was(self, api, ana, cleo, plan):
        subscription, own = buy(ana, plan, at=timezone.now()), add(api, OTHER)["id"]
        card = str(PaymentSource.objects.get().payment_method_id)
        for other in (Api(cleo), Api(MembershipFactory())):
            theirs = add(other)["id"]
            for path in (f"payment-methods/{card}/", f"payment-methods/{own}/"):
                assert other.get(path).status_code == other.delete(path).status_code == 404
                assert other.post(f"{path}default/").status_code == 404
                assert other.post(f"{path}replace/", {"by": theirs}).status_code == 404
            for unknown in (theirs, UNKNOWN):
                answer = api.post(f"payment-methods/{card}/replace/", {"by": unknown})
                assert errors(answer) == [("by", "does_not_exist")]
                answer = api.post(f"subscriptions/{subscription.pk}/payment-method/", {"payment_method": unknown})
                assert errors(answer) == [("payment_method", "does_not_exist")]
            path = f"subscriptions/{subscription.pk}/payment-method/"
            assert other.post(path, {"payment_method": theirs}).status_code == 404
        assert str(PaymentSource.objects.get().payment_method_id) == card

    def test_an_admin_who_sees_a_purchase_does_not_choose_its_card(self, admin, ana, plan):
        subscription = buy(ana, plan, at=timezone.now())
        own = add(Api(admin))["id"]
        path = f"subscriptions/{subscription.pk}/payment-method/"
        problem(Api(admin).post(path, {"payment_method": own}), 403, "not_allowed")

    def test_a_checkout_is_paid_by_a_kept_card_and_never_by_a_colleagues(self, api, cleo, opened):
        mine, theirs = add(api)["id"], add(Api(cleo))["id"]
        path = f"checkouts/{opened['id']}/pay/"
        problem(api.post(path, {"payment_method": theirs}, key="a"), 400, "payment_method_not_accepted")
        assert ledger.states() == []
        assert api.post(path, {"payment_method": mine}, key="b").status_code == 200
        assert acting(cleo).home.payment_methods.get().payments.count() == 0
