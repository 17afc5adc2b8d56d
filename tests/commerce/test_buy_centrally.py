"""Buying for a tenant by command."""

import json

import pytest
from django.core.management import CommandError, call_command

from commerce.models import Order
from licensing.models import Subscription
from policies.operations import settings
from tenants.journal.models import Event
from tests.factories import NOON, MembershipFactory, RoleGrantFactory, agree, order_centrally, price_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def priced(plan):
    return price_centrally(plan)


@pytest.fixture
def bill(tenant):
    return MembershipFactory(tenant=tenant, roles=["billing_admin"], user__email="bill@contoso.example")


@pytest.fixture
def run(capsys):
    def call(*arguments):
        call_command("buy_centrally", *arguments, "--at", NOON.isoformat(), "--json")
        return json.loads(capsys.readouterr().out)

    return call


def test_by_an_agreement(tenant, bill, priced, run):
    agree(tenant, name="Volume", prices=[(priced, "5.00")])
    told = run("contoso", priced.pk, "10", "--agreement", "Volume")
    order = Order.objects.get()
    assert told == {
        "order": str(order.pk),
        "state": "invoiced",
        "subscription": str(order.subscription_id),
        "purchaser": "bill@contoso.example",
        "total": "50.00",
        "currency": "USD",
        "due_at": "2026-04-09T12:00:00Z",
    }
    placed = Event.objects.get(type="order.placed")
    assert (placed.actor, placed.data["member"]) == (None, str(bill.pk))


def test_for_somebody_who_is_named_else_for_whoever_may_longest(tenant, bill, priced, run):
    agree(tenant, name="Volume", prices=[(priced, "5.00")])
    later = RoleGrantFactory(membership__tenant=tenant, granted_at=NOON.replace(year=2027)).membership
    MembershipFactory(tenant=tenant, roles=["license_admin"])
    by_agreement = ("contoso", priced.pk, "1", "--agreement", "Volume")
    assert run(*by_agreement)["purchaser"] == "bill@contoso.example"
    assert run(*by_agreement, "--by", later.user.email.upper())["purchaser"] == later.user.email


def test_with_the_tenants_default_card(tenant, bill, priced, run):
    order_centrally(bill, priced, payment_method="pm_card_visa")
    told = run("contoso", priced.pk, "3", "--by", "bill@contoso.example")
    assert (told["state"], told["total"], told["due_at"]) == ("paid", "26.97", None)
    assert Subscription.objects.count() == 2


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("nobody", "PLAN", "1", "--agreement", "Volume"), "There is no tenant"),
        (("contoso", "none", "1", "--agreement", "Volume"), "There is no plan"),
        (("contoso", "PLAN", "1", "--agreement", "Other"), "has no agreement"),
        (("contoso", "PLAN", "1", "--agreement", "Volume", "--by", "x@y.example"), "has no active member"),
        (
            ("contoso", "PLAN", "1", "--agreement", "Volume", "--by", "cleo@contoso.example"),
            "roles in this organisation",
        ),
        (("contoso", "PLAN", "0", "--agreement", "Volume"), "quantity: 1 to"),
        (("contoso", "PLAN", "1"), "no card that can pay"),
    ],
)
def test_refuses(tenant, bill, cleo, priced, run, arguments, said):
    agree(tenant, name="Volume", prices=[(priced, "5.00")])
    with pytest.raises(CommandError, match=said) as refused:
        run(*(priced.pk if argument == "PLAN" else argument for argument in arguments))
    assert refused.value.returncode == (2 if said.startswith("quantity") else 1)
    assert not Order.objects.exists()


def test_nobody_may_buy_for_the_tenant(tenant, priced, run):
    agree(tenant, name="Volume")
    with pytest.raises(CommandError, match="Nobody may buy"):
        run("contoso", priced.pk, "1", "--agreement", "Volume")


def test_whether_members_take_free_seats_is_said_by_command(tenant, capsys):
    for word, holds in (("on", True), ("on", True), ("off", False)):
        call_command("policy", "claiming", "contoso", word, "--json")
        assert json.loads(capsys.readouterr().out) == {"tenant": "contoso", "members_claim_seats": holds}
        assert settings.members_claim_seats(tenant) == holds
    assert Event.objects.filter(type="settings.changed").count() == 2
