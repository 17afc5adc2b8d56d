import json
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command
from django.db import models

from commerce.models import Checkout, Order, Payment
from commerce.operations.buying import checkouts, free_seats
from licensing.models import Plan, Product, Seat, Subscription
from policies.models import Market
from policies.operations import settings
from tenants.access import SYSTEM
from tenants.directory.models import Department, Domain, Membership, RoleGrant, Tenant, User
from tenants.directory.operations.people import DEMO_PASSWORD
from tenants.journal.models import Event
from tests.commerce.conftest import all_is_well
from tests.factories import NOON, PolicyFactory, acting
from tests.race import at_once

MODELS = (
    Tenant, Domain, Department, User, Membership, RoleGrant, Market, Product,
    Checkout, Order, Payment, Subscription, Seat, Event,
)  # fmt: skip

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


@pytest.fixture
def demo(capsys):
    def run(**options):
        call_command("demo", json=True, at=NOON, **options)
        return {row["kind"]: (row["added"], row["changed"]) for row in json.loads(capsys.readouterr().out)}

    return run


def rows() -> dict[type[models.Model], list]:
    return {model: list(model.objects.order_by("pk").values()) for model in MODELS}


def test_sets_up_what_the_contract_says_and_nothing_a_second_time(demo):
    first = demo()
    assert first == {
        "market": (243, 0),
        "family": (4, 0),
        "product": (6, 0),
        "plan": (12, 0),
        "price": (72, 0),
        "operator": (1, 0),
        "seller": (0, 1),
        "tenant": (9, 0),
        "person": (27, 0),
        "guest": (1, 0),
        "purchase": (5, 0),
        "agreement": (1, 0),
        "delegation": (1, 0),
    }
    before = rows()
    again = ("operator", "seller", "tenant", "person", "guest", "purchase", "agreement", "delegation")
    assert demo() == dict.fromkeys(again, (0, 0))
    assert rows() == before


def test_the_stage_is_that_of_the_contract(demo):
    demo()
    tenants = Tenant.objects.order_by("slug").values_list("slug", "country", "sector", "managed", "domains__name")
    assert list(tenants) == [
        ("cityhall", "US", "government", True, "cityhall.example"),
        ("contoso", "US", "commercial", True, "contoso.example"),
        ("driftwood", "US", "commercial", False, "driftwood.example"),
        ("fabrikam", "DE", "commercial", True, "fabrikam.example"),
        ("lakeside", "US", "education", True, "lakeside.example"),
        ("nordwind", "SE", "commercial", True, "nordwind.example"),
        ("openaid", "US", "nonprofit", True, "openaid.example"),
        ("partnerworks", "US", "commercial", True, "partnerworks.example"),
        ("tailspin", "IN", "commercial", True, "tailspin.example"),
    ]
    of_contoso = Membership.objects.filter(tenant__slug="contoso").values_list(
        "user__email", "kind", "state", "source", "role_grants__role"
    )
    assert set(of_contoso) == {
        ("ana@contoso.example", "member", "active", "cloud", None),
        ("ben@contoso.example", "member", "active", "synced", None),
        ("cleo@contoso.example", "member", "active", "cloud", None),
        ("dan@contoso.example", "member", "disabled", "cloud", None),
        ("admin@contoso.example", "member", "active", "cloud", "global_admin"),
        ("billing@contoso.example", "member", "active", "cloud", "billing_admin"),
        ("license@contoso.example", "member", "active", "cloud", "license_admin"),
        ("people@contoso.example", "member", "active", "cloud", "user_admin"),
        ("reader@contoso.example", "member", "active", "cloud", "global_reader"),
        ("greta@fabrikam.example", "guest", "active", "cloud", None),
    }
    for tenant in Tenant.objects.exclude(slug="contoso"):
        emails = set(Membership.objects.of(tenant).values_list("user__email", flat=True))
        assert {f"ana@{tenant.slug}.example", f"admin@{tenant.slug}.example"} <= emails
    assert Membership.objects.get(user__email="pat@partnerworks.example").tenant.slug == "partnerworks"
    assert User.objects.get(is_operator=True).email == "operator@seatwise.example"


def test_everybody_signs_in_with_the_password_of_the_demo(demo):
    demo()
    assert User.objects.values("password").distinct().count() == 1
    assert User.objects.first().check_password(DEMO_PASSWORD)
    assert User.objects.filter(is_demo=False).count() == 0


def test_the_purchases_are_paid_and_those_who_bought_nothing_hold_nothing(demo):
    demo()
    assert set(Subscription.objects.values_list("purchaser__user__email", "plan", "quantity", "seats_assigned")) == {
        ("ana@contoso.example", "power-automate-monthly", 3, 2),
        ("ben@contoso.example", "power-apps-annual", 1, 1),
        ("admin@contoso.example", "power-bi-premium-monthly", 2, 2),
        ("billing@contoso.example", "office-suite-annual", 10, 4),
        ("billing@contoso.example", "power-bi-premium-annual", 5, 1),
    }
    assert set(Order.objects.values_list("channel", "state", "total")) == {
        ("self_service", "paid", 45),
        ("self_service", "paid", 400),
        ("self_service", "paid", 40),
        ("central", "invoiced", 1050),
        ("central", "invoiced", 850),
    }
    assert not Seat.objects.filter(member__user__email="cleo@contoso.example").exists()


def test_there_is_a_free_seat_that_members_may_take(demo):
    demo()
    ana, plan = (
        Membership.objects.get(user__email="ana@contoso.example"),
        Plan.objects.get(pk="power-bi-premium-monthly"),
    )
    [room] = free_seats.offered(product=plan.product, member=ana)
    assert (room.subscription.plan_id, room.seats_free) == ("power-bi-premium-annual", 4)
    assert all_is_well()


def test_leaves_what_people_changed(demo):
    demo()
    Membership.objects.filter(user__email="dan@contoso.example").update(state="active")
    Tenant.objects.filter(slug="contoso").update(contact_message="Ask Ada.")
    contoso = Tenant.objects.get(slug="contoso")
    settings.let_members_claim_seats(tenant=contoso, allowed=False, by=SYSTEM, at=NOON)
    demo()
    assert not settings.members_claim_seats(contoso)
    assert Membership.objects.get(user__email="dan@contoso.example").state == "active"
    assert Tenant.objects.get(slug="contoso").contact_message == "Ask Ada."


def test_a_run_that_was_cut_off_before_paying_is_finished_by_the_next(demo, monkeypatch):
    with monkeypatch.context() as cut:
        cut.setattr("commerce.operations.buying.payments.pay_checkout", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            demo()
    assert (Checkout.objects.count(), Order.objects.count()) == (1, 0)
    assert demo()["purchase"] == (5, 0)
    assert Order.objects.count() == 5


def test_a_run_that_was_cut_off_before_the_seats_were_given_is_finished_by_the_next(demo, monkeypatch):
    with monkeypatch.context() as cut:
        cut.setattr("commerce.operations.demo_central.seats.assign", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            demo()
    assert demo()["purchase"] == (1, 0)
    assert set(Subscription.objects.filter(channel="central").values_list("seats_assigned", flat=True)) == {4, 1}


def test_what_those_who_buy_for_contoso_may_no_longer_do_is_left_out(demo, monkeypatch):
    with monkeypatch.context() as cut:
        cut.setattr("commerce.operations.demo_central.central.order", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            demo()
    RoleGrant.objects.filter(membership__user__email="billing@contoso.example").delete()
    assert demo()["purchase"] == (0, 0)
    assert not Subscription.objects.filter(channel="central").exists()


def test_what_people_left_open_or_may_no_longer_buy_is_left_to_them(demo):
    demo()
    ana = Membership.objects.get(user__email="ana@contoso.example")
    Checkout.objects.update(state="canceled")  # as if the demo had not come so far
    plan = Plan.objects.get(pk="power-automate-monthly")
    left_open = checkouts.open_checkout(plan=plan, quantity=777, by=acting(ana), at=NOON)
    PolicyFactory(tenant=ana.tenant, product_id="CFQ7TTC0H6RP", value="disabled")
    assert demo()["purchase"] == (2, 0)
    left_open.refresh_from_db()
    assert left_open.state == "open"


def test_two_at_once_buy_once():
    assert at_once(lambda _: call_command("demo", at=NOON), range(2)) == [None, None]
    assert (Tenant.objects.count(), Order.objects.count(), Product.objects.count()) == (9, 5, 6)


def test_is_for_the_demo_alone(settings):
    settings.DEMO = False
    with pytest.raises(CommandError, match="Set DEMO"):
        call_command("demo")
    assert not User.objects.exists()
