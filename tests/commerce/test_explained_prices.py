"""Whoever explains a decision weighs the price as well: what a spend limit says, all edges say as the checkout does."""

import json
from decimal import Decimal
from html import unescape

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from django.utils import timezone

from commerce.operations.buying import checkouts
from policies.eligibility import PurchaseRefused
from policies.models import Decision, SpendLimit
from tests.callers import Api, signed_in
from tests.factories import (
    NOON,
    MembershipFactory,
    PriceFactory,
    TaxRateFactory,
    UserFactory,
    acting,
    admin_of,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PAGE = "admin:policies_selfserviceproduct_explain"
AUTHOR = "vera.author@contoso.example"
OUTCOMES = {"Allowed": "allowed", "Needs approval": "needs_approval", "Refused": "refused"}


@pytest.fixture
def plan():
    return plan_on_sale("9.99", product__name="Power BI Pro", product__slug="power-bi-pro")


@pytest.fixture
def ana():
    return MembershipFactory(tenant__slug="contoso", user__email="ana@contoso.example")


@pytest.fixture
def reader(ana):
    return admin_of(ana.tenant, "global_admin").membership


def limit(tenant, amount, mode="hard"):
    return SpendLimit.objects.create(
        tenant=tenant, level="tenant", period="month", amount=Decimal(amount), currency="USD", mode=mode,
        counts=["self_service"], set_by=UserFactory(email=AUTHOR), set_at=NOON, created_at=NOON,
    )  # fmt: skip


def codes_of(rules):
    return {rule["code"] for rule in rules if not rule["passed"]}


def by_checkout(ana, plan, quantity):
    try:
        checkouts.open_checkout(plan=plan, quantity=quantity, by=acting(ana), at=timezone.now())
    except PurchaseRefused as refused:
        return refused.answer.outcome, {reason["code"] for reason in refused.answer.reasons}
    kept = Decision.objects.order_by("-at").first()
    return kept.outcome, set(kept.reasons)


def by_api(caller, ana, **asked):
    asked = {"user": ana.user.email, **asked}
    product = asked.pop("product")
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    told = Api(caller).get(f"products/{product}/eligibility/?{query}").json()
    return told["outcome"], codes_of(told["rules"])


def by_command(capsys, ana, product, *options):
    capsys.readouterr()
    call_command("policy", "explain", ana.user.email, product, *options, "--json")
    told = json.loads(capsys.readouterr().out)
    return told["outcome"], codes_of(told["rules"])


def by_page(reader, ana, **asked):
    page = unescape(signed_in(reader).get(reverse(PAGE), {"user": ana.user.email, **asked}).content.decode())
    shown, table = page.partition("<table")[0].rpartition("<section")[2], page.partition("<table")[2]
    [outcome] = [code for label, code in OUTCOMES.items() if label in shown]
    return outcome, {code for code in ("spend_limit_exceeded", "no_approver") if f"<code>{code}</code>" in table}


def by_refusal(ana, plan, quantity):
    page = signed_in(ana).get(f"{reverse('buy', args=[plan.pk])}?quantity={quantity}")
    if page.status_code == 302:
        return "allowed", set()
    why = unescape(page.content.decode()).partition("<details")[2]
    return "refused", {code for code in ("spend_limit_exceeded",) if f"<code>{code}</code>" in why}


@pytest.mark.parametrize(
    ("amount", "quantity", "said"),
    [
        ("19.97", 2, ("refused", {"spend_limit_exceeded"})),
        ("19.98", 2, ("allowed", set())),
        ("9.98", 1, ("refused", {"spend_limit_exceeded"})),
        ("9.99", 1, ("allowed", set())),
    ],
)
def test_a_limit_that_the_purchase_would_pass_is_told_by_all(ana, plan, reader, capsys, amount, quantity, said):
    limit(ana.tenant, amount)
    asked = {"plan": plan.pk, "quantity": quantity}
    assert by_checkout(ana, plan, quantity) == said
    assert by_api(reader, ana, product=plan.product_id, **asked) == said
    assert by_api(ana, ana, product=plan.product_id, **asked) == said
    options = ("--plan", plan.pk, "--quantity", str(quantity))
    assert by_command(capsys, ana, plan.product_id, *options) == said
    assert by_page(reader, ana, product=plan.product_id, **asked) == said
    assert by_refusal(ana, plan, quantity) == said


def test_one_that_asks_for_an_approval_is_told_by_all(ana, plan, reader, capsys):
    limit(ana.tenant, "5", mode="approval")
    said = "needs_approval", {"spend_limit_exceeded"}
    assert by_checkout(ana, plan, 1) == said
    assert by_api(ana, ana, product=plan.product_id) == said
    assert by_command(capsys, ana, plan.product_id) == said
    assert by_page(reader, ana, product=plan.product_id) == said


def test_the_tax_counts_as_it_does_when_buying(ana, plan, reader):
    TaxRateFactory(country="US", rate=Decimal("0.10"))
    limit(ana.tenant, "10.50")
    assert by_checkout(ana, plan, 1) == by_api(reader, ana, product=plan.product_id)
    assert by_checkout(ana, plan, 1)[0] == "refused"


def test_without_a_plan_it_is_one_seat_of_the_cheapest(ana, plan, reader, capsys):
    yearly = plan_on_sale("99.90", product=plan.product, term="P1Y")
    limit(ana.tenant, "50")
    product = plan.product_id
    assert by_api(reader, ana, product=product) == ("allowed", set())
    assert by_command(capsys, ana, product) == ("allowed", set())
    told = Api(ana).get(f"products/{product}/eligibility/").json()
    assert (told["plan"], told["quantity"]) == (plan.pk, 1)
    for said in (
        by_api(reader, ana, product=product, plan=yearly.pk),
        by_page(reader, ana, product=product, plan=yearly.pk),
    ):
        assert said == ("refused", {"spend_limit_exceeded"})
    assert by_command(capsys, ana, product, "--plan", yearly.pk) == ("refused", {"spend_limit_exceeded"})
    page = signed_in(reader).get(reverse(PAGE), {"user": ana.user.email, "product": product}).content.decode()
    assert "Power BI Pro, monthly, 1 seat: $9.99" in page


def test_a_cheaper_plan_that_is_not_sold_in_this_quantity_is_passed_over(ana, plan):
    plan.max_quantity = 3
    plan.save()
    yearly = plan_on_sale("99.90", product=plan.product, term="P1Y")
    told = Api(ana).get(f"products/{plan.product_id}/eligibility/?quantity=5").json()
    assert (told["plan"], told["quantity"], told["outcome"]) == (yearly.pk, 5, "allowed")


def test_as_few_as_can_be_bought_where_no_quantity_is_named(ana, plan):
    plan.min_quantity = 5
    plan.save()
    limit(ana.tenant, "49.94")
    told = Api(ana).get(f"products/{plan.product_id}/eligibility/").json()
    assert (told["quantity"], told["outcome"]) == (5, "refused")


@pytest.mark.parametrize("quantity", [0, -1, 10_001, 10**30])
def test_a_quantity_that_cannot_be_bought_is_said_and_not_multiplied(ana, plan, quantity):
    limit(ana.tenant, "50")
    told = Api(ana).get(f"products/{plan.product_id}/eligibility/?quantity={quantity}").json()
    assert codes_of(told["rules"]) == {"quantity_out_of_range"}


def test_what_has_no_price_in_the_market_is_explained_without_one(ana, plan, reader, capsys):
    plan.prices.all().delete()
    PriceFactory(plan=plan, currency="EUR")
    limit(ana.tenant, "1")
    assert by_api(reader, ana, product=plan.product_id) == ("allowed", set())
    assert by_command(capsys, ana, plan.product_id, "--plan", plan.pk) == ("allowed", set())
    page = signed_in(reader).get(reverse(PAGE), {"user": ana.user.email, "product": plan.product_id})
    assert "it has none in this market" in page.content.decode()


def test_a_plan_of_another_product_is_refused_everywhere(ana, plan, reader):
    other = plan_on_sale()
    asked = {"user": ana.user.email, "product": plan.product_id, "plan": other.pk}
    page = signed_in(reader).get(reverse(PAGE), asked)
    assert (page.status_code, "This product has no such plan." in page.content.decode()) == (400, True)
    answer = Api(ana).get(f"products/{plan.product_id}/eligibility/?plan={other.pk}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "plan")
    with pytest.raises(CommandError, match="has no plan"):
        call_command("policy", "explain", ana.user.email, plan.product_id, "--plan", other.pk)


def test_the_command_keeps_to_a_hundred_columns(ana, plan, capsys):
    row = limit(ana.tenant, "1")
    call_command("policy", "explain", ana.user.email, plan.product_id)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 100
    words = " ".join(printed.split())
    assert f"From tenant: Said for the whole organisation, row {row.pk}, set by {AUTHOR}, 2026-03-10 12:00 UTC" in words
    assert "spend_limit_exceeded: This would pass a spending limit of your organisation." in words
    assert "To pass: Buy less, wait for the limit's next period, or an admin raises the limit." in words


def test_whoever_may_not_read_policies_is_told_the_level_and_when_but_not_whose_row(ana, plan, reader):
    row = limit(ana.tenant, "1")
    told = {}
    for caller in (ana, reader):
        rules = Api(caller).get(f"products/{plan.product_id}/eligibility/").json()["rules"]
        assert all({"level", "id", "set_by", "set_at"} == set(rule["source"]) for rule in rules)
        [told[caller]] = [rule["source"] for rule in rules if not rule["passed"]]
        page = signed_in(caller).get(reverse("buy", args=[plan.pk])).content.decode()
        assert (AUTHOR in page) is (caller is reader)
        assert "Said for the whole organisation" in page
        assert "10 Mar 2026" in page
    assert told[ana] == {"level": "tenant", "id": None, "set_by": None, "set_at": "2026-03-10T12:00:00Z"}
    assert told[reader] == told[ana] | {"id": str(row.pk), "set_by": AUTHOR}


FIGURES = "The limit is $19.97, of which $0.00 is taken; this adds $19.98."


def test_whoever_may_read_policies_is_told_the_figures(ana, plan, reader, capsys):
    limit(ana.tenant, "19.97")
    call_command("policy", "explain", ana.user.email, plan.product_id, "--plan", plan.pk, "--quantity", "2")
    assert FIGURES in " ".join(capsys.readouterr().out.split())
    page = signed_in(reader).get(reverse(PAGE), told_of(ana, plan))
    assert FIGURES in unescape(page.content.decode())
    query = f"products/{plan.product_id}/eligibility/?user={ana.user.email}&plan={plan.pk}&quantity=2"
    assert FIGURES in Api(reader).get(query).text


def test_a_buyer_is_not_told_what_others_spend(ana, plan):
    limit(ana.tenant, "19.97")
    assert "19.97" not in refusal_of(ana, plan)


def test_but_is_told_the_figures_of_a_limit_of_their_own(ana, plan):
    own = limit(ana.tenant, "19.97")
    SpendLimit.objects.filter(pk=own.pk).update(level="member", member=ana)
    assert FIGURES in refusal_of(ana, plan)


def told_of(ana, plan):
    return {"user": ana.user.email, "product": plan.product_id, "plan": plan.pk, "quantity": 2}


def refusal_of(ana, plan):
    return unescape(signed_in(ana).get(f"{reverse('buy', args=[plan.pk])}?quantity=2").content.decode())
