"""Asking for an approval and giving it, by API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commerce.models import Payment
from policies.models import Approval, Approver, SpendLimit
from tests.callers import Api
from tests.commerce.conftest import errors, ids
from tests.factories import ApprovalFactory, DepartmentFactory, MembershipFactory, PolicyFactory, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def asks(ana):
    return PolicyFactory(tenant=ana.tenant, value="approval_required")


@pytest.fixture
def boss(asks, ana):
    return MembershipFactory(tenant=ana.tenant, roles=["billing_admin"], user__email="boss@contoso.example")


@pytest.fixture
def waiting(boss, opened, api):
    """What the API says of a checkout of two seats that waits."""
    answer = api.post(f"checkouts/{opened['id']}/pay/", {"payment_method": "pm_card_visa"}, key="pay")
    assert answer.status_code == 202, answer.content
    return answer.json()


def decide(who, waiting, **body):
    return Api(who).post(f"approvals/{waiting['approval']['id']}/decide/", body)


def test_the_quote_says_that_somebody_has_to_approve_it_and_why(boss, opened):
    assert opened["state"] == "open"
    assert opened["quote"]["needs_approval"] is True
    assert [reason["code"] for reason in opened["quote"]["reasons"]] == ["approval_required"]
    assert opened["approval"] is None


def test_the_quote_of_what_everybody_may_buy_needs_none(opened):
    assert (opened["quote"]["needs_approval"], opened["quote"]["reasons"]) == (False, [])


def test_paying_asks_for_it_and_charges_nothing(waiting):
    assert (waiting["state"], waiting["approval"]["state"], waiting["next_action"]) == (
        "awaiting_approval",
        "waiting",
        None,
    )
    assert not Payment.objects.exists()


def test_asking_without_a_card_asks_for_the_payment_after_the_approval(boss, opened, api):
    path = f"checkouts/{opened['id']}"
    asked = api.post(f"{path}/pay/", {}, key="ask")
    assert (asked.status_code, asked.json()["state"]) == (202, "awaiting_approval")
    assert decide(boss, asked.json(), approve=True).status_code == 200
    approved = api.get(f"{path}/").json()
    assert (approved["state"], approved["quote"]["needs_approval"]) == ("open", False)
    assert errors(api.post(f"{path}/pay/", {}, key="nothing")) == [("payment_method", "required")]
    assert not Payment.objects.exists()
    paid = api.post(f"{path}/pay/", {"payment_method": "pm_card_visa"}, key="pay")
    assert (paid.status_code, paid.json()["state"]) == (200, "completed")


def test_what_needs_no_approval_needs_a_card(opened, api):
    assert errors(api.post(f"checkouts/{opened['id']}/pay/", {}, key="ask")) == [("payment_method", "required")]
    assert api.get(f"checkouts/{opened['id']}/").json()["state"] == "open"


def test_a_cardholder_who_has_to_agree_is_led_to_the_bank(boss, opened, api):
    path = f"checkouts/{opened['id']}"
    body = {"payment_method": "pm_card_authenticationRequired"}
    answer = api.post(f"{path}/pay/", body, key="pay")
    assert (answer.status_code, answer.json()["state"]) == (202, "awaiting_approval")
    assert answer.json()["next_action"]["type"] == "redirect_to_url"
    confirmed = api.post(f"{path}/confirm/", key="confirm")
    assert (confirmed.status_code, confirmed.json()["next_action"]) == (202, None)


def test_the_buyer_reads_who_may_decide_and_who_did(waiting, boss, api):
    stands = waiting["approval"]
    assert stands["asked_at"]
    assert stands["approvers"] == [{"email": "boss@contoso.example", "name": boss.name}]
    assert decide(boss, waiting, approve=True, quantity=1, message="One will do").status_code == 200
    stands = api.get(f"checkouts/{waiting['id']}/").json()["approval"]
    assert (stands["quantity"], stands["approved_quantity"], stands["message"]) == (2, 1, "One will do")
    assert (stands["decided_by"], stands["approvers"]) == ("boss@contoso.example", [])


def test_the_approver_reads_which_policy_asked_for_it(waiting, boss):
    [ground] = Api(boss).get("approvals/").json()["results"][0]["grounds"]
    assert (ground["code"], ground["level"], ground["name"], ground["limit"]) == (
        "approval_required",
        "tenant",
        "",
        None,
    )


def test_the_approver_reads_which_limit_asked_for_it_and_what_was_taken_of_it(ana, opened, api):
    boss = MembershipFactory(tenant=ana.tenant, roles=["billing_admin"])
    ana.department = DepartmentFactory(tenant=ana.tenant, name="Sales")
    ana.save()
    SpendLimit.objects.create(
        tenant=ana.tenant,
        level="department",
        department=ana.department,
        mode="approval",
        amount=5,
        currency="USD",
        period="month",
        counts=["self_service"],
        set_at=timezone.now(),
        created_at=timezone.now(),
    )
    api.post(f"checkouts/{opened['id']}/pay/", {}, key="ask")
    [ground] = Api(boss).get("approvals/").json()["results"][0]["grounds"]
    assert (ground["code"], ground["level"], ground["name"]) == ("spend_limit_exceeded", "department", "Sales")
    assert ground["limit"] == {"amount": "5.00", "currency": "USD"}
    assert ground["committed"] == {"amount": "0.00", "currency": "USD"}
    assert float(ground["adds"]["amount"]) >= 19.98


def test_an_approver_finds_what_waits_and_approves_fewer_seats(waiting, boss, api):
    [found] = (
        Api(boss)
        .get(
            "approvals/",
        )
        .json()["results"]
    )
    assert (found["state"], found["requester"]["email"], found["quantity"]) == ("waiting", "ana@contoso.example", 2)
    assert found["total"] == {"amount": "19.98", "currency": "USD"}
    assert found["checkout"] == waiting["id"]
    answer = decide(boss, waiting, approve=True, quantity=1, message="One is enough")
    assert answer.status_code == 200, answer.content
    decided = answer.json()
    assert (decided["state"], decided["approved_quantity"], decided["decided_by"]) == ("approved", 1, boss.user.email)
    shown = api.get(f"checkouts/{waiting['id']}/").json()
    assert (shown["state"], shown["quote"]["total"]["amount"]) == ("open", "9.99")
    assert (shown["approval"]["message"], shown["quote"]["needs_approval"]) == ("One is enough", False)
    assert Api(boss).get("approvals/?state=waiting").json()["results"] == []


def test_declining_cancels_it(waiting, boss, api):
    assert decide(boss, waiting, approve=False, message="No").json()["state"] == "declined"
    shown = api.get(f"checkouts/{waiting['id']}/").json()
    assert (shown["state"], shown["approval"]["state"], shown["approval"]["message"]) == ("canceled", "declined", "No")


def test_the_second_decision_is_refused(waiting, boss):
    decide(boss, waiting, approve=True)
    answer = decide(boss, waiting, approve=False)
    assert (answer.status_code, answer.json()["code"]) == (409, "approval_not_waiting")


def test_nobody_decides_their_own(boss, plan):
    MembershipFactory(tenant=boss.tenant, roles=["global_admin"])
    own = pay(open_checkout(boss, plan, at=timezone.now()), at=timezone.now())
    path = f"approvals/{Approval.objects.get(subject=str(own.pk)).pk}/decide/"
    answer = Api(boss).post(path, {"approve": True})
    assert (answer.status_code, answer.json()["code"]) == (403, "own_approval")
    assert Api(boss).get("approvals/").json()["results"] == []


def test_what_a_rule_forbids_by_now_is_refused_with_its_reasons(waiting, boss, asks):
    asks.value = "disabled"
    asks.save()
    answer = decide(boss, waiting, approve=True)
    assert (answer.status_code, answer.json()["code"]) == (403, "purchase_refused")
    assert [reason["code"] for reason in answer.json()["reasons"]] == ["policy_disabled"]
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, ("approve", "required")),
        ({"approve": True, "quantity": 3}, ("quantity", "quantity_out_of_range")),
        ({"approve": True, "quantity": 0}, ("quantity", "quantity_out_of_range")),
        ({"approve": False, "message": "x" * 1001}, ("message", "max_length")),
    ],
)
def test_what_can_never_be_right_is_told_by_field(waiting, boss, body, found):
    assert errors(decide(boss, waiting, **body)) == [found]


@pytest.mark.parametrize("roles", [[], ["license_admin"], ["global_reader"]])
def test_whoever_approves_nothing_is_refused(waiting, ana, roles):
    who = MembershipFactory(tenant=ana.tenant, roles=roles)
    for answer in (Api(who).get("approvals/"), decide(who, waiting, approve=True)):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


class TestNamedApprovers:
    @pytest.fixture
    def sales(self, ana):
        top = DepartmentFactory(tenant=ana.tenant, name="Sales")
        ana.department = DepartmentFactory(tenant=ana.tenant, name="Sales north", parent=top)
        ana.save()
        return top

    def name(self, boss, cleo, department="Sales"):
        return Api(boss).post("policies/approvers/", {"department": department, "member": cleo.user.email})

    def test_approve_what_people_of_their_department_and_below_ask_for(self, sales, waiting, boss, cleo):
        named = self.name(boss, cleo)
        assert (named.status_code, named.json()["department"]) == (201, "Sales")
        assert ids(Api(cleo).get("approvals/")) == [waiting["approval"]["id"]]
        assert decide(cleo, waiting, approve=True).status_code == 200

    def test_are_all_that_is_needed_for_somebody_to_be_asked(self, asks, sales, ana, cleo, plan, api):
        refused = api.post("checkouts/", {"plan": plan.pk, "quantity": 1}, key="1")
        assert [reason["code"] for reason in refused.json()["reasons"]] == ["approval_required", "no_approver"]
        Approver.objects.create(tenant=ana.tenant, department=sales, member=cleo)
        assert api.post("checkouts/", {"plan": plan.pk, "quantity": 1}, key="2").status_code == 201

    def test_of_another_department_see_and_decide_nothing(self, sales, waiting, boss, cleo, ana):
        self.name(boss, cleo, DepartmentFactory(tenant=ana.tenant, name="Legal").name)
        assert ids(Api(cleo).get("approvals/")) == []
        assert decide(cleo, waiting, approve=True).status_code == 404

    def test_are_listed_and_removed(self, sales, boss, cleo):
        first, again = self.name(boss, cleo).json(), self.name(boss, cleo).json()
        assert first == again
        assert ids(Api(boss).get("policies/approvers/")) == [first["id"]]
        assert Api(boss).delete(f"policies/approvers/{first['id']}/").status_code == 204
        assert ids(Api(boss).get("policies/approvers/")) == []

    def test_are_active_members_of_the_same_organisation(self, sales, boss):
        for who in (MembershipFactory(), MembershipFactory(tenant=boss.tenant, kind="guest")):
            assert errors(self.name(boss, who)) == [("member", "not_a_member")]
        left = MembershipFactory(tenant=boss.tenant, state="left")
        assert errors(self.name(boss, left)) == [("member", "not_a_member")]
        elsewhere = DepartmentFactory(name="Elsewhere")
        assert errors(self.name(boss, boss, elsewhere.name)) == [("department", "does_not_exist")]

    def test_are_named_only_by_whoever_changes_policy(self, sales, cleo, ana):
        for role in ("license_admin", "global_reader"):
            who = MembershipFactory(tenant=ana.tenant, roles=[role])
            assert self.name(who, cleo).status_code == 403


def test_costs_the_same_for_one_and_for_thirty(boss, ana, plan):
    caller, at = Api(boss), timezone.now()

    def ask(n):
        for _ in range(n):
            ApprovalFactory(requester=MembershipFactory(tenant=ana.tenant), plan=plan, created_at=at)

    counts = []
    for n in (1, 29):
        ask(n)
        with CaptureQueriesContext(connection) as found:
            assert len(ids(caller.get("approvals/"))) in (1, 30)
        counts.append(len(found))
    assert counts[0] == counts[1]
