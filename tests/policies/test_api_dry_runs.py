"""Trying a change of policy out by API, and ending what was bought with it."""

import pytest
from django.utils import timezone

from licensing.models import Channel, Subscription
from licensing.operations import subscriptions
from policies.eligibility import decide
from policies.models import Ending, Policy
from policies.operations import decisions
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tests.callers import Api
from tests.factories import MembershipFactory, PlanFactory, acting

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(ana):
    return Api(MembershipFactory(tenant=ana.tenant, roles=["billing_admin"]))


@pytest.fixture
def bought(ana, product):
    """Ana asked for the product and has it."""
    now = timezone.now()
    decisions.keep(answer=decide(ana, product, at=now), by=acting(ana), at=now)
    return subscriptions.grant(
        plan=PlanFactory(product=product),
        quantity=1,
        channel=Channel.SELF_SERVICE,
        purchaser=ana,
        order_ref="order",
        by=SYSTEM,
        at=now,
    )


def calls(product, ana):
    """Each way to forbid the product to Ana."""
    said = {"value": "disabled", "reason": "Too dear"}
    return {
        "one": ("put", f"policies/products/{product.pk}/", said),
        "many": ("put", "policies/products/", {**said, "products": [product.pk]}),
        "value": ("post", "policies/values/", {**said, "level": "member", "member": ana.user.email}),
        "default": ("put", "policies/settings/", {"default_for_new_products": "disabled", "reason": "Audit"}),
        "stop": ("put", "policies/settings/", {"self_service_enabled": False, "reason": "Audit"}),
    }


CALLS = ["one", "many", "value", "default", "stop"]


@pytest.mark.parametrize("name", CALLS)
def test_a_dry_run_tells_decisions_and_subscriptions_and_changes_nothing(admin, ana, product, bought, name):
    method, path, body = calls(product, ana)[name]
    before = Event.objects.count()
    answer = getattr(admin, method)(path, {**body, "existing": "cancel", "dry_run": True})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    [decision] = told["decisions"]["first"]
    assert (decision["member"], decision["product"]) == (ana.user.email, product.pk)
    assert (decision["old"], decision["new"]) == ("allowed", "refused")
    [subscription] = told["subscriptions"]["first"]
    assert (subscription["id"], subscription["owner"]) == (str(bought.pk), ana.user.email)
    assert (told["decisions"]["count"], told["subscriptions"]["count"]) == (1, 1)
    assert (Event.objects.count(), Policy.objects.count(), Ending.objects.count()) == (before, 0, 0)
    assert decide(ana, product, at=timezone.now()).allowed


@pytest.mark.parametrize("name", CALLS)
def test_the_change_itself_asks_for_the_end_of_what_the_dry_run_listed(admin, ana, product, bought, name):
    method, path, body = calls(product, ana)[name]
    answer = getattr(admin, method)(path, {**body, "existing": "stop_at_renewal", "dry_run": False})
    assert answer.status_code in (200, 201), answer.content
    assert [ending.subscription_id for ending in Ending.objects.all()] == [bought.pk]
    assert not decide(ana, product, at=timezone.now()).allowed
    assert Subscription.objects.get().auto_renew


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_moment_without_cancel_is_bad_input(admin, ana, product, bought, name, dry_run):
    method, path, body = calls(product, ana)[name]
    answer = getattr(admin, method)(path, {**body, "at": "2030-01-01T00:00:00Z", "dry_run": dry_run})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["at"]
    assert not Policy.objects.exists()


@pytest.mark.parametrize("name", CALLS)
def test_answers_tell_what_ends_and_what_another_value_keeps(admin, ana, product, bought, name):
    cleo = MembershipFactory(tenant=ana.tenant)
    subscriptions.grant(
        plan=bought.plan,
        quantity=1,
        channel=Channel.SELF_SERVICE,
        purchaser=cleo,
        order_ref="hers",
        by=SYSTEM,
        at=timezone.now(),
    )
    said = {"level": "member", "member": cleo.user.email, "value": "enabled", "reason": "Trusted"}
    assert admin.post("policies/values/", said).json()["existing"] is None
    method, path, body = calls(product, ana)[name]
    ended, alone = (2, 0) if name == "stop" else (1, 0) if name == "value" else (1, 1)
    tried = getattr(admin, method)(path, {**body, "existing": "cancel", "dry_run": True}).json()["subscriptions"]
    assert (tried["count"], tried["left_alone"]) == (ended, alone)
    assert bool(tried["detail"]) == bool(alone)
    answer = getattr(admin, method)(path, {**body, "existing": "stop_at_renewal"}).json()
    told = (answer[0] if name == "many" else answer)["existing"]
    assert (told["ended"], told["left_alone"]) == (ended, alone)
    assert ("left alone" in told["detail"]) == bool(alone)


def test_taking_a_value_back_is_tried_out_too(admin, ana, product, bought):
    row = admin.post(
        "policies/values/", {"level": "product", "product": product.pk, "value": "disabled", "reason": "x"}
    )
    now = timezone.now()
    decisions.keep(answer=decide(ana, product, at=now), by=acting(ana), at=now)
    path = f"policies/values/{row.json()['id']}/?reason=Back"
    told = admin.delete(f"{path}&dry_run=true")
    assert told.status_code == 200, told.content
    assert [(one["old"], one["new"]) for one in told.json()["decisions"]["first"]] == [("refused", "allowed")]
    assert Policy.objects.count() == 1
    assert admin.delete(path).status_code == 204
    assert not Policy.objects.exists()


def test_who_may_not_change_the_policy_does_not_try_it_either(ana, product, bought):
    reader = Api(MembershipFactory(tenant=ana.tenant, roles=["global_reader"]))
    for method, path, body in calls(product, ana).values():
        assert getattr(reader, method)(path, {**body, "dry_run": True}).status_code == 403
