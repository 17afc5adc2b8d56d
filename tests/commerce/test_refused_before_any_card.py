"""Everybody of the demo who may not buy is told so, with the right code, before any card is asked for."""

import pytest
from django.core.management import call_command
from django.urls import reverse

from commerce.models import Checkout, Payment, SandboxCharge
from licensing.models import Plan
from policies.models import Decision
from tenants.directory.models import Membership
from tests.callers import Api, signed_in
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PLAN = "power-bi-pro-monthly"
OF_THE_DEMO = [
    ("ana@tailspin.example", "tailspin", PLAN, "market_closed"),
    ("admin@tailspin.example", "tailspin", PLAN, "market_closed"),
    ("ana@cityhall.example", "cityhall", PLAN, "sector_excluded"),
    ("ana@openaid.example", "openaid", PLAN, "sector_excluded"),
    ("ana@lakeside.example", "lakeside", PLAN, "sector_excluded"),
    ("ana@driftwood.example", "driftwood", PLAN, "tenant_not_managed"),
    ("greta@fabrikam.example", "contoso", PLAN, "guest_user"),
    ("ana@contoso.example", "contoso", "office-suite-monthly", "product_not_self_service"),
]
CLOSED = ["CU", "EH", "IN", "IR", "KP", "SD", "SY"]


@pytest.fixture
def demo():
    """The demo as `make run` has it; what was tried there so far."""
    call_command("demo", verbosity=0)
    return tries()


def tries() -> tuple[int, int, int]:
    return Checkout.objects.count(), Payment.objects.count(), SandboxCharge.objects.using("sandbox").count()


def of(email: str, tenant: str) -> Membership:
    return Membership.objects.select_related("user", "tenant").get(user__email=email, tenant__slug=tenant)


def assert_no_card_was_asked_for(before: tuple[int, int, int]) -> None:
    assert tries() == before


def test_by_api_and_page(demo, subtests):
    for email, tenant, plan, code in OF_THE_DEMO:
        with subtests.test(email=email, tenant=tenant, code=code):
            assert_refused(of(email, tenant), plan, code)
    assert_no_card_was_asked_for(demo)


def assert_refused(member: Membership, plan: str, code: str) -> None:
    answer = Api(member).post("checkouts/", {"plan": plan, "quantity": 1}, key="k")
    assert (answer.status_code, answer.json()["code"]) == (403, "purchase_refused")
    assert [reason["code"] for reason in answer.json()["reasons"]] == [code]
    assert answer.json()["contact"] == {
        "email": member.tenant.contact_email,
        "url": member.tenant.contact_url,
        "message": member.tenant.contact_message,
    }
    page = signed_in(member).get(reverse("buy", kwargs={"plan_id": plan}))
    text = page.content.decode()
    assert page.status_code == 403
    assert "You can't buy this yourself" in text
    assert member.tenant.contact_email in text
    assert "pm_card" not in text
    assert set(Decision.objects.filter(member=member, plan=plan).values_list("outcome", flat=True)) == {"refused"}


def test_in_every_closed_country(demo, subtests):
    for country in CLOSED:
        ana = MembershipFactory(tenant__country=country)
        for plan in Plan.objects.filter(product__self_service=True):
            with subtests.test(country=country, plan=plan.pk):
                answer = Api(ana).post("checkouts/", {"plan": plan.pk, "quantity": 1}, key=plan.pk)
                assert [reason["code"] for reason in answer.json()["reasons"]] == ["market_closed"]
    assert_no_card_was_asked_for(demo)


def test_a_disabled_account_gets_nowhere(demo, client):
    dan = of("dan@contoso.example", "contoso")
    assert Api(dan).post("checkouts/", {"plan": PLAN, "quantity": 1}, key="k").status_code == 401
    client.post("/sign-in/", {"email": "dan@contoso.example", "password": "seatwise-demo"})
    assert "_auth_user_id" not in client.session
    asked = Api(of("admin@contoso.example", "contoso")).get(
        "products/CFQ7TTC0H9MP/eligibility/?user=dan@contoso.example"
    )
    assert [reason["code"] for reason in asked.json()["reasons"]] == ["user_not_active"]
    assert_no_card_was_asked_for(demo)


def test_those_who_may_are_let_through(demo):
    """The control: the same calls by people of the demo who may buy."""
    for email, tenant in (("ana@contoso.example", "contoso"), ("ben@contoso.example", "contoso")):
        assert Api(of(email, tenant)).post("checkouts/", {"plan": PLAN, "quantity": 1}, key="k").status_code == 201
    for slug in ("fabrikam", "nordwind", "partnerworks"):
        buyer = of(f"ana@{slug}.example", slug)
        assert Api(buyer).post("checkouts/", {"plan": PLAN, "quantity": 1}, key="k").status_code == 201
