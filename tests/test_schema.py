"""The API against its own document: whatever a client sends, no answer but a documented one, and never a 5xx."""

from datetime import timedelta
from itertools import count

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from commerce.deeds.purchases import STOP_RENEWAL
from commerce.models import Agreement, Checkout
from commerce.models.support import CaseKind
from commerce.operations import support
from config.wsgi import application
from licensing.models import Seat
from policies.models import SpendLimit
from tenants.directory.operations import delegations
from tenants.runs import operations as runs
from tests.callers import Api, token_for
from tests.commerce import licenses
from tests.factories import (
    ApprovalFactory,
    ApproverFactory,
    ExclusionFactory,
    GovernancePolicyFactory,
    MembershipFactory,
    PolicyFactory,
    TenantFactory,
    acting,
    add_card,
    buy,
    buy_centrally,
    open_checkout,
    plan_on_sale,
)
from tests.made_once import kept_for_a_while
from tests.outsiders.world import left_behind
from tests.tenants.hooks import given_up

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

HELD = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PREFIX = "/api/v1/"
api = schemathesis.openapi.from_wsgi(f"{PREFIX}schema/", application)


@pytest.fixture(autouse=True)
def _kept_connections(db):
    """A server closes its connections around each request; here they hold the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(scope="module")
def made(django_db_setup, django_db_blocker):
    """Once for all calls: a token, and ids of things that are there, by the parameter that names them."""
    with django_db_blocker.unblock(), kept_for_a_while("default", "sandbox"):
        member = MembershipFactory(roles=["global_admin"], user__email="ana@contoso.example")
        yield {"Authorization": f"Bearer {token_for(member)}"}, things_of(member)


def things_of(member):
    plan = plan_on_sale(product__id="CFQ7TTC0H9MP")
    return {**things_bought(member, plan), **things_decided(member, plan), **things_of_people(member, plan)}


def things_bought(member, plan):
    """What somebody and their organisation pay for, and what follows of it."""
    now = timezone.now()
    subscription, checkout = buy(member, plan, at=now), open_checkout(member, plan, at=now)
    return {
        "plan": plan.pk,
        "products": plan.product_id,
        "subscriptions": subscription.pk,
        "seat": Seat.objects.get(subscription=subscription).pk,
        "runs": runs.start(
            deed=STOP_RENEWAL, subjects=[subscription.pk], given={"reason": "Ours"}, by=acting(member), at=now
        ).pk,
        "invoices": buy_centrally(member, plan_on_sale(), at=now).orders.get().invoices.get().pk,
        "agreements": Agreement.objects.get().pk,
        "orders": subscription.orders.get().pk,
        "support-cases": support.open_case(
            kind=CaseKind.QUESTION,
            subject="How",
            body="Like that?",
            subscription=subscription,
            by=acting(member),
            at=now,
        ).pk,
        "checkouts": checkout.pk,
        "payment-methods": add_card(member, "pm_card_refundFail", now).payment_method_id,
        "setups": add_card(member, "pm_card_authenticationRequired", now).pk,
    }


def things_decided(member, plan):
    """What says whether people may, and what waits for a decision."""
    tenant, now = member.tenant, timezone.now()
    return {
        "policies": plan.product_id,
        "values": PolicyFactory(tenant=tenant, value="enabled").pk,
        "approvals": waiting_for_approval(tenant, plan).pk,
        "approvers": ApproverFactory(department__tenant=tenant, member=member, tenant=tenant).pk,
        "exclusions": ExclusionFactory(country="DE").pk,
        "license-requests": licenses.ask(member, plan_on_sale().product, member).pk,
        "spend-limits": SpendLimit.objects.create(
            tenant=tenant,
            level="product",
            product=plan_on_sale().product,
            period="month",
            amount=1,
            currency="USD",
            mode="hard",
            counts=["self_service"],
            set_at=now,
            created_at=now,
        ).pk,
        "governance-policies": GovernancePolicyFactory(tenant=tenant).pk,
    }


def things_of_people(member, plan):
    """Who is there, who was, who acts for them, and who is told."""
    tenant, now = member.tenant, timezone.now()
    webhook = given_up(member, "https://hooks.contoso.example/", at=now)
    return {
        "members": member.pk,
        "leavers": left_behind(MembershipFactory(tenant=tenant), plan, now).pk,
        "delegations": delegations.grant(
            tenant=tenant,
            partner=TenantFactory(),
            roles=["global_reader"],
            ends_at=now + timedelta(days=30),
            by=acting(member),
            at=now,
        ).pk,
        "webhook-endpoints": webhook.endpoint_id,
        "delivery": webhook.pk,
    }


def waiting_for_approval(tenant, plan):
    checkout = open_checkout(MembershipFactory(tenant=tenant), plan, at=timezone.now())
    Checkout.objects.filter(pk=checkout.pk).update(state="awaiting_approval")
    return ApprovalFactory(tenant=tenant, requester=checkout.buyer, plan=plan, subject=str(checkout.pk))


@api.parametrize()
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_documented(case, made, turn):
    headers, there = made
    if turn():
        aim(case, there)
    case.call_and_validate(headers=headers, checks=HELD)


def aim(case, there):
    """Turn a random id into one that is there, so that not every call ends with 404."""
    parts = case.operation.path.removeprefix(PREFIX).split("/")
    noun = next((name for name in ("setups", "values", "approvers") if name in parts), parts[0])
    for name in case.path_parameters or {}:
        case.path_parameters[name] = str(there[name if name in ("seat", "delivery") else noun])
    if isinstance(case.body, dict):
        known = {
            "plan": there["plan"],
            "agreement": str(there["agreements"]),
            "payment_method": "pm_card_visa",
            "token": "pm_card_visa",
            "assign_to": [],
            "value": "disabled",
        }
        case.body |= {name: known[name] for name in case.body if name in known}


@pytest.mark.parametrize(("at_once", "status"), [(50, 200), (1, 202)])
def test_merging_many_is_answered_as_documented(monkeypatch, at_once, status):
    monkeypatch.setattr(runs, "DONE_AT_ONCE", at_once)
    member = MembershipFactory(roles=["global_admin"])
    headers = {"Authorization": f"Bearer {token_for(member)}"}
    plan, now = plan_on_sale(), timezone.now()
    central = buy_centrally(member, plan, 1, now)
    others = [buy(MembershipFactory(tenant=member.tenant), plan, 1, now) for _ in range(2)]
    case = api["/api/v1/subscriptions/{id}/merge/"]["POST"].Case(
        path_parameters={"id": str(central.pk)},
        headers={"Idempotency-Key": "k"},
        body={"with": [str(one.pk) for one in others]},
        media_type="application/json",
    )
    answer = case.call_and_validate(headers=headers, checks=HELD)
    assert answer.status_code == status
    assert (answer.json()["run"] is None) == (status == 200)


@pytest.fixture
def turn():
    """True every other time."""
    calls = count()
    return lambda: next(calls) % 2 == 0


def test_the_document_names_every_call_once():
    document = Api().get("schema/").json()
    operations = [call for path in document["paths"].values() for call in path.values()]
    names = [call["operationId"] for call in operations]
    assert len(names) == len(set(names))
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert all(call["security"] and "401" in call["responses"] for call in operations)
