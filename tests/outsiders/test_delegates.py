"""A partner's person in a customer's organisation, wherever they knock: an answer, never a failure, and no money."""

import pytest
from django.utils import timezone

from commerce.models import CardSetup, Order, PaymentMethod, PaymentSource, SandboxCharge
from licensing.models import Subscription
from tenants.directory.models import RoleGrant
from tests.made_once import undone
from tests.outsiders.fields import BODIES
from tests.outsiders.routes import ACTS, every_route, takes_an_id
from tests.outsiders.test_walk import METHODS, Visitor, url_of
from tests.outsiders.world import build
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def world():
    return build()


@pytest.fixture
def delegate(world):
    pat = let_in(world.tenant, roles=["global_admin"], at=timezone.now())
    visitor = Visitor(pat.as_token_holder)
    visitor.web.force_login(pat.user)
    visitor.web.post("/acting-for/", {"tenant": world.tenant.slug})
    return visitor


def test_every_page_and_call_answers_a_delegate_and_none_fails(world, delegate):
    failed = []
    for route in every_route():
        url = url_of(route, world) if takes_an_id(route) else "/" + route
        if url in ("/sign-out/", "/acting-for/"):
            continue
        for method in METHODS:
            with undone():
                if delegate.call(method, url).status_code == 500:
                    failed.append(f"{method} {url}")
    assert failed == []


def test_nothing_that_is_right_for_its_owner_fails_for_a_delegate(world, delegate):
    failed, charged = [], []
    for act in ACTS:
        with undone():
            url, body = url_of(act.route, world) + act.query, act.body(world)
            before = state(world)
            # Whatever the answer: what it must never be is a failure, or something that is paid or owned.
            charges = SandboxCharge.objects.using("sandbox").count()
            if delegate.call(act.method, url, body).status_code == 500:
                failed.append(str(act))
            if state(world) != before or SandboxCharge.objects.using("sandbox").count() != charges:
                charged.append(str(act))
    assert failed == []
    assert charged == []


def test_no_field_makes_a_delegates_call_fail(world, delegate):
    failed = []
    for body in BODIES:
        with undone():
            url, content = body.filled(world)
            if delegate.call(body.method, url, content).status_code == 500:
                failed.append(f"{body.method} {body.route} {body.field}")
    assert failed == []


def state(world):
    """What a delegate never changes: orders, cards, what pays, who owns, who has which role."""
    return [
        sorted(map(str, rows))
        for rows in (
            Order.objects.of(world.tenant).values_list("pk", flat=True),
            PaymentMethod.objects.of(world.tenant).kept().values_list("pk", flat=True),
            CardSetup.objects.filter(tenant=world.tenant).values_list("pk", "state"),
            PaymentSource.objects.filter(tenant=world.tenant).values_list("pk", "payment_method", "agreement"),
            Subscription.objects.of(world.tenant).values_list("pk", "owner", "payer"),
            RoleGrant.objects.filter(tenant=world.tenant).values_list("membership", "role"),
        )
    ]
