import json
from datetime import datetime

import pytest
from django.core.management import CommandError, call_command

from policies.models import Policy
from tests.factories import (
    NOON,
    DepartmentFactory,
    ExclusionFactory,
    GuestFactory,
    MarketFactory,
    MembershipFactory,
    PolicyFactory,
    ProductFactory,
    TenantFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant(db):
    return TenantFactory(slug="contoso")


@pytest.fixture
def product(db):
    return ProductFactory(id="CFQ7TTC0H9MP", slug="power-bi-pro", name="Power BI Pro")


@pytest.fixture
def policy(capsys):
    def run(*arguments):
        call_command("policy", *arguments, "--json")
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("name", ["CFQ7TTC0H9MP", "power-bi-pro"])
def test_sets_and_gets_by_id_and_slug(policy, tenant, product, name):
    assert policy("get", "contoso", name)["source"] == "system"
    said = policy("set", "contoso", name, "disabled", "--reason", "Too dear", "--at", "2026-03-10T12:00:00Z")
    assert policy("get", "contoso", name) == said
    assert (said["product"], said["value"], said["source"], said["reason"]) == (
        "CFQ7TTC0H9MP", "disabled", "product", "Too dear",
    )  # fmt: skip
    assert datetime.fromisoformat(said["set_at"]) == NOON


def test_sets_many_products_at_once_or_none(policy, tenant, product):
    other = ProductFactory(family=product.family, name="Another", slug="another")
    with pytest.raises(CommandError, match="no product 'word'"):
        policy("set", "contoso", "power-bi-pro", "word", "disabled", "--reason", "Too dear")
    assert not Policy.objects.exists()
    said = policy("set", "contoso", "power-bi-pro", other.pk, "approval_required", "--reason", "Too dear")
    assert [(row["product"], row["value"], row["reason"]) for row in said] == [
        (product.pk, "approval_required", "Too dear"),
        (other.pk, "approval_required", "Too dear"),
    ]
    assert policy("get", "contoso", "another") == said[1]


def test_sets_what_holds_for_products_to_come(policy, tenant, product):
    assert policy("set-default", "contoso", "disabled") == {
        "tenant": "contoso",
        "default_for_new_products": "disabled",
    }
    assert (policy("get", "contoso", "power-bi-pro")["value"], policy("get", "contoso", "power-bi-pro")["source"]) == (
        "disabled", "tenant",
    )  # fmt: skip


def test_stops_all_self_service_and_lets_it_go_on(policy, tenant, product):
    MarketFactory(country="US")
    ana = MembershipFactory(tenant=tenant)
    said = policy("stop", "contoso", "--reason", "Audit")
    assert said == {"tenant": "contoso", "self_service_enabled": False}
    told = policy("explain", ana.user.email, "power-bi-pro")
    assert (told["outcome"], [reason["code"] for reason in told["reasons"]]) == ("refused", ["self_service_stopped"])
    assert policy("resume", "contoso")["self_service_enabled"] is True
    assert policy("explain", ana.user.email, "power-bi-pro")["outcome"] == "allowed"


def test_lists_every_product_with_its_source(policy, tenant, product):
    other = ProductFactory(family=product.family, name="Another")
    PolicyFactory(tenant=tenant, product=other)
    assert [(row["product"], row["value"], row["source"]) for row in policy("list", "contoso")] == [
        (other.pk, "disabled", "product"),
        ("CFQ7TTC0H9MP", "enabled", "system"),
    ]


def test_tells_people_that_an_operator_set_it_and_machines_nobody(policy, tenant, product, capsys):
    policy("set", "contoso", "power-bi-pro", "disabled", "--reason", "Too dear")
    assert not policy("get", "contoso", "power-bi-pro")["set_by"]
    call_command("policy", "get", "contoso", "power-bi-pro")
    assert "Operator, by command" in capsys.readouterr().out


def test_prints_a_table_for_people(tenant, product, capsys):
    call_command("policy", "list", "contoso")
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["product", "slug", "value", "source", "set_by", "set_at", "reason"]
    assert row.split() == ["CFQ7TTC0H9MP", "power-bi-pro", "enabled", "system"]


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["list", "nobody"], "no tenant 'nobody'"),
        (["get", "contoso", "word"], "no product 'word'"),
        (["set", "contoso", "word", "disabled", "--reason", "Why"], "no product 'word'"),
        (["set-default", "nobody", "disabled"], "no tenant 'nobody'"),
        (["explain", "nobody@contoso.example", "power-bi-pro"], "nobody called"),
        (["explain", "operator@seatwise.example", "power-bi-pro"], "no home tenant"),
        (["explain", "operator@seatwise.example", "power-bi-pro", "--tenant", "contoso"], "no such tenant"),
    ],
)
def test_what_cannot_be_done_exits_1_with_the_reason(tenant, product, arguments, reason):
    UserFactory(email="operator@seatwise.example", is_operator=True)
    with pytest.raises(CommandError, match=reason) as refused:
        call_command("policy", *arguments)
    assert refused.value.returncode == 1
    assert not Policy.objects.exists()


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["stop", "contoso", "--reason", "x" * 501], "at most 500"),
        (["set", "contoso", "power-bi-pro", "disabled", "--reason", " "], "Say why"),
        (["set", "contoso", "power-bi-pro", "disabled", "--reason", "x" * 501], "at most 500"),
    ],
)
def test_a_reason_that_is_none_is_wrong_usage(tenant, product, arguments, reason):
    with pytest.raises(CommandError, match=reason) as wrong:
        call_command("policy", *arguments)
    assert wrong.value.returncode == 2
    assert not Policy.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["forbid"],
        ["set", "contoso", "power-bi-pro"],
        ["set", "contoso", "power-bi-pro", "off"],
        ["set", "contoso", "power-bi-pro", "disabled"],
        ["set-default", "contoso"],
        ["set-default", "contoso", "off"],
        ["stop"],
        ["explain", "a@b.example"],
    ],
)
def test_arguments_that_are_missing_or_unknown_are_told(tenant, product, arguments):
    with pytest.raises(CommandError, match="Error: "):
        call_command("policy", *arguments)


@pytest.mark.parametrize(
    "arguments, name",
    [(["list", "\0"], "tenant"), (["get", "contoso", "\0"], "product"), (["explain", "\0", "power-bi-pro"], "email")],
)
def test_what_is_no_text_is_wrong_usage(tenant, product, arguments, name):
    with pytest.raises(CommandError, match=f"not readable as text: {name}") as refused:
        call_command("policy", *arguments)
    assert refused.value.returncode == 2


def test_explains_each_rule_with_the_row_it_came_from(policy, tenant, product):
    MarketFactory(country="US")
    ana = MembershipFactory(tenant=tenant, department=DepartmentFactory(tenant=tenant))
    said = policy("explain", ana.user.email.upper(), "power-bi-pro")
    assert (said["user"], said["tenant"], said["product"], said["outcome"]) == (
        ana.user.email, "contoso", "CFQ7TTC0H9MP", "allowed",
    )  # fmt: skip
    assert said["reasons"] == []
    assert all(rule["passed"] for rule in said["rules"])
    row = PolicyFactory(tenant=tenant, department=ana.department, set_by=UserFactory(email="admin@contoso.example"))
    ExclusionFactory(sector="commercial")
    said = policy("explain", ana.user.email, "power-bi-pro")
    assert said["outcome"] == "refused"
    assert {reason["code"] for reason in said["reasons"]} == {"sector_excluded", "policy_disabled"}
    [rule] = [rule for rule in said["rules"] if rule["code"] == "policy_disabled"]
    assert (rule["source"]["level"], rule["source"]["id"]) == ("group", str(row.pk))
    assert rule["source"]["set_by"] == "admin@contoso.example"


def test_explains_for_a_guest_in_the_tenant_named(policy, tenant, product):
    greta = MembershipFactory()
    GuestFactory(tenant=tenant, user=greta.user)
    assert policy("explain", greta.user.email, "power-bi-pro")["tenant"] == greta.tenant.slug
    said = policy("explain", greta.user.email, "power-bi-pro", "--tenant", "contoso")
    assert "guest_user" in {reason["code"] for reason in said["reasons"]}


def test_explains_the_day_that_is_asked_for(policy, tenant, product):
    MarketFactory(country="US", opens_on="2020-01-14")
    ana = MembershipFactory(tenant=tenant)
    before = policy("explain", ana.user.email, "power-bi-pro", "--at", "2020-01-13T23:59:00Z")
    assert [reason["code"] for reason in before["reasons"]] == ["market_not_open_yet"]
    assert policy("explain", ana.user.email, "power-bi-pro", "--at", "2020-01-14T00:00:00Z")["outcome"] == "allowed"


def test_explains_a_disabled_person_in_words(tenant, product, capsys):
    dan = MembershipFactory(tenant=tenant, state="disabled")
    call_command("policy", "explain", dan.user.email, "power-bi-pro")
    printed = capsys.readouterr().out
    assert "outcome   refused" in printed
    assert "user_not_active" in printed
    assert max(map(len, printed.splitlines())) <= 100
