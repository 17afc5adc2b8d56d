"""Handing over, and deciding about leavers' purchases, through the API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commerce.models import CardSetup, TransferOffer
from licensing.models import Subscription
from tests.callers import Api
from tests.commerce.conftest import errors, ids, state_of
from tests.commerce.handing_over import DECLINED, STEP_CARD, VISA, leave, offer
from tests.factories import MembershipFactory, add_card, agree, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def path(subscription):
    return f"subscriptions/{subscription.pk}/transfer/"


@pytest.fixture
def offered(api, path, cleo):
    answer = api.post(path, {"to": cleo.user.email, "message": "Yours now?"})
    assert answer.status_code == 201, answer.content
    return answer.json()


@pytest.fixture
def task(ana, subscription):
    return leave(ana, at=timezone.now())


def code(answer):
    return answer.status_code, answer.json()["code"]


def test_an_offer_says_all_that_the_contract_names(offered, subscription, ana, cleo):
    assert offered["state"] == "open"
    assert offered["subscription"] == str(subscription.pk)
    assert offered["to"]["email"] == cleo.user.email
    assert offered["offered_by"]["email"] == ana.user.email
    assert offered["message"] == "Yours now?"
    assert (offered["next_action"], offered["card_setup"]) == (None, None)


def test_what_cannot_be_offered(api, path, admin, cleo):
    assert errors(api.post(path, {})) == [("to", "required")]
    assert errors(api.post(path, {"to": "nobody@contoso.example"})) == [("to", "not_a_member")]
    assert errors(api.post(path, {"to": "ana@contoso.example"})) == [("to", "same")]
    gone = MembershipFactory(tenant=admin.tenant, state="left", user__email="gone@contoso.example")
    assert errors(api.post(path, {"to": gone.user.email})) == [("to", "member_not_active")]
    assert code(Api(admin).post(path, {"to": cleo.user.email})) == (403, "not_allowed")
    assert Api(cleo).post(path, {"to": cleo.user.email}).status_code == 404
    assert Api(MembershipFactory()).post(path, {"to": cleo.user.email}).status_code == 404


def test_a_second_offer_is_a_conflict(api, path, offered, admin):
    assert code(api.post(path, {"to": admin.user.email})) == (409, "transfer_already_offered")


def test_the_recipient_finds_it_and_accepts_with_a_card(path, offered, cleo, ana, api):
    recipient = Api(cleo)
    assert ids(recipient.get("transfers/")) == [offered["id"]]
    assert recipient.get(path).json()["message"] == "Yours now?"
    assert errors(recipient.post(f"{path}accept/", {})) == [("payment_method", "required")]
    done = recipient.post(f"{path}accept/", {"payment_method": VISA})
    assert (done.status_code, done.json()["state"]) == (200, "accepted")
    assert recipient.post(f"{path}accept/", {"payment_method": VISA}).json() == done.json()
    shown = recipient.get(f"subscriptions/{offered['subscription']}/").json()
    assert (shown["owner"]["email"], shown["payer"]["email"]) == (cleo.user.email, cleo.user.email)
    assert shown["purchaser"]["email"] == ana.user.email
    assert code(api.post(path, {"to": cleo.user.email})) == (403, "not_allowed")


def test_a_step_is_told_confirmed_and_accepted_again_with_the_kept_card(path, offered, cleo, api):
    recipient = Api(cleo)
    waits = recipient.post(f"{path}accept/", {"payment_method": STEP_CARD})
    assert waits.status_code == 202
    assert waits.json()["next_action"]["type"] == "redirect_to_url"
    assert api.get(path).json()["next_action"] is None
    kept = recipient.post(f"payment-methods/setups/{waits.json()['card_setup']}/confirm/").json()
    done = recipient.post(f"{path}accept/", {"payment_method": kept["id"]})
    assert (done.status_code, done.json()["state"], done.json()["card_setup"]) == (200, "accepted", None)
    assert CardSetup.objects.filter(member=cleo).count() == 1


def test_a_declined_card_is_402_and_the_offer_stays(path, offered, cleo):
    assert code(Api(cleo).post(f"{path}accept/", {"payment_method": DECLINED})) == (402, "card_declined")
    assert TransferOffer.objects.get().state == "open"


def test_declining_withdrawing_and_what_follows(path, offered, cleo, api):
    assert code(api.post(f"{path}decline/")) == (403, "not_allowed")
    assert code(Api(cleo).post(f"{path}withdraw/")) == (403, "not_allowed")
    assert Api(cleo).post(f"{path}decline/").json()["state"] == "declined"
    assert code(api.post(f"{path}withdraw/")) == (409, "transfer_not_open")
    api.post(path, {"to": cleo.user.email})
    assert api.post(f"{path}withdraw/").json()["state"] == "withdrawn"
    assert code(Api(cleo).post(f"{path}accept/", {"payment_method": VISA})) == (409, "transfer_not_open")
    assert len(ids(api.get("transfers/?state=declined"))) == 1


def test_offers_are_read_with_their_people_in_few_queries_of_few_tables(offered, ana, plan, cleo):
    reads = []
    for many in (0, 3):
        for _number in range(many):
            offer(buy(ana, plan, 1, timezone.now()), cleo, at=timezone.now())
        with CaptureQueriesContext(connection) as asked:
            assert len(Api(cleo).get("transfers/").json()["results"]) == many + 1
        reads.append([query["sql"] for query in asked if "commerce_transferoffer" in query["sql"]])
        assert max(query["sql"].count(" JOIN ") for query in asked) < 8  # more, and planning takes longer than reading
    assert [len(read) for read in reads] == [1, 1]
    found = TransferOffer.objects.with_people().first()
    with CaptureQueriesContext(connection) as asked:
        assert found.tenant == found.to.tenant == found.offered_by.tenant == found.from_member.tenant
        assert all(str(row) for row in (found, found.offered_by.user, found.subscription.plan.product))
    assert len(asked) == 0


def test_a_token_that_only_reads_hands_nothing_over(path, ana, cleo, offered):
    reads = Api(cleo, scopes=("purchases:read",))
    for call in ("accept/", "decline/", "withdraw/", ""):
        assert code(reads.post(path + call)) == (403, "insufficient_scope")


# --- Leavers


def test_admins_list_and_decide(task, admin, subscription):
    caller = Api(admin)
    [row] = caller.get("leavers/?state=open").json()["results"]
    assert (row["id"], row["subscription"]) == (str(task.pk), str(subscription.pk))
    assert (row["choice"], row["quantity"], row["seats_assigned"], row["auto_renew"]) == ("", 2, 0, True)
    path = f"leavers/{task.pk}/decide/"
    assert errors(caller.post(path, {"choice": "forget"})) == [("choice", "invalid_choice")]
    assert errors(caller.post(path, {"choice": "transfer"})) == [("to", "required")]
    assert errors(caller.post(path, {"choice": "adopt"})) == [("payment_method", "required")]
    done = caller.post(path, {"choice": "let_end"}).json()
    assert (done["state"], done["choice"], done["auto_renew"]) == ("decided", "let_end", False)
    assert ids(caller.get("leavers/?state=open")) == []


def test_handing_over_and_adopting_by_api(task, admin, cleo, plan):
    caller, path = Api(admin), f"leavers/{task.pk}/decide/"
    assert caller.post(path, {"choice": "transfer", "to": cleo.user.email}).json()["choice"] == "transfer"
    assert ids(Api(cleo).get("transfers/"))
    mine = add_card(admin).payment_method
    assert errors(caller.post(path, {"choice": "adopt", "payment_method": str(mine.pk)})) == [
        ("payment_method", "does_not_exist")
    ]
    agreement = agree(task.tenant, timezone.now(), prices=[(plan, "8.99")])
    done = caller.post(path, {"choice": "adopt", "agreement": str(agreement.pk)}).json()
    assert (done["state"], done["choice"]) == ("closed", "adopt")
    assert Subscription.objects.get().owner is None
    assert TransferOffer.objects.get().state == "withdrawn"
    assert code(caller.post(path, {"choice": "keep"})) == (409, "leaver_task_closed")


def test_who_may_read_and_who_may_decide(task, cleo):
    path = f"leavers/{task.pk}/"
    reader = Api(MembershipFactory(tenant=task.tenant, roles=["global_reader"]))
    assert reader.get(path).status_code == 200
    assert code(reader.post(f"{path}decide/", {"choice": "keep"})) == (403, "not_allowed")
    assert code(Api(cleo).get("leavers/")) == (403, "not_allowed")
    stranger = Api(MembershipFactory(roles=["global_admin"]))
    assert stranger.get(path).status_code == 404
    assert stranger.post(f"{path}decide/", {"choice": "keep"}).status_code == 404
    assert state_of(task) == "open"


def test_lists_ask_as_much_for_one_as_for_many(ana, admin, plan, django_assert_max_num_queries):
    for _ in range(3):
        buy(ana, plan, 1, timezone.now())
    leave(ana, at=timezone.now())
    with django_assert_max_num_queries(9):
        assert len(Api(admin).get("leavers/").json()["results"]) == 3


def test_the_settings_are_read_and_changed(admin):
    caller = Api(admin)
    now = caller.get("policies/settings/").json()
    assert (now["leaver_default"], now["leaver_grace_days"]) == ("renew", 0)
    done = caller.put("policies/settings/", {"leaver_default": "let_end", "leaver_grace_days": 7}).json()
    assert (done["leaver_default"], done["leaver_grace_days"]) == ("let_end", 7)
    assert errors(caller.put("policies/settings/", {"leaver_default": "x"})) == [("leaver_default", "invalid_choice")]
