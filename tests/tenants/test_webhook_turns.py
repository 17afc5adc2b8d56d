"""Whose turn it is: one that fails, is slow, paused or removed holds up nobody else."""

import pytest

from tenants.delivery.webhooks import following, turns
from tenants.delivery.webhooks.models import WebhookDelivery, WebhookEndpoint
from tenants.outbound import Answer
from tests.callers import Api
from tests.factories import RoleGrantFactory
from tests.tenants.hooks import Deaf, deliver, happen, listen

pytestmark = pytest.mark.django_db


def test_one_that_fails_is_asked_once_and_holds_up_no_other(admin):
    other = RoleGrantFactory(role="global_admin").membership
    for who, url in ((admin, "https://deaf.example/"), (other, "https://hooks.example/")):
        listen(who, url)
        happen(who.tenant, *["order.paid"] * 20)
    asked = []

    def post(url, **message):
        asked.append(url)
        return Answer(status=500 if "deaf" in url else 200)

    deliver(post=post)
    assert asked.count("https://deaf.example/") == 1
    assert asked.count("https://hooks.example/") == 21


def test_a_slow_one_goes_to_the_end_of_the_line_after_its_turn(admin, clock):
    other = RoleGrantFactory(role="global_admin").membership
    for who, url in ((admin, "https://slow.example/"), (other, "https://hooks.example/")):
        listen(who, url, at=clock())
        happen(who.tenant, *["order.paid"] * 3)
    asked = []

    def post(url, **message):
        asked.append(url)
        if "slow" in url:
            clock.move(seconds=9)
        return Answer(status=200)

    clock.move(seconds=1)
    deliver(clock, post)
    assert asked.count("https://slow.example/") == 4
    first_of_other = asked.index("https://hooks.example/")
    assert asked[first_of_other : first_of_other + 4] == ["https://hooks.example/"] * 4
    assert first_of_other <= 1


def test_the_rest_of_a_turn_is_left_when_it_is_paused_meanwhile(admin):
    listen(admin, "https://hooks.example/")
    happen(admin.tenant, "order.paid")

    def post(url, **message):
        WebhookEndpoint.objects.update(state="paused")
        return Answer(status=200)

    assert deliver(post=post) == {"delivered": 1}
    assert WebhookDelivery.objects.filter(state="due").count() == 1


def test_one_that_is_removed_meanwhile_leaves_nothing_behind(admin):
    endpoint, _secret = listen(admin, "https://hooks.example/")
    happen(admin.tenant, "order.paid")

    def post(url, **message):
        assert Api(admin).delete(f"webhook-endpoints/{endpoint.pk}/").status_code == 204
        return Answer(status=200)

    deliver(post=post)
    assert not WebhookDelivery.objects.exists()


def takes(clock, *, sound_only=False):
    taken = turns.take(at=clock(), began=clock(), sound_only=sound_only)
    return taken and WebhookEndpoint.objects.get(pk=taken.endpoint).url


def test_one_tenant_takes_one_hand_however_many_addresses_it_has(admin, clock):
    other = RoleGrantFactory(role="global_admin").membership
    for who, url in ((admin, "https://a.example/"), (admin, "https://b.example/"), (other, "https://c.example/")):
        listen(who, url, at=clock())
        clock.move(seconds=1)
    following.follow_all(now=clock, goes_on=lambda: True)
    assert [takes(clock) for _hand in range(3)] == ["https://a.example/", "https://c.example/", None]


def test_some_hands_serve_only_those_that_do_not_fail(admin, clock):
    listen(admin, "https://a.example/", at=clock())
    deliver(clock, Deaf())
    clock.move(seconds=5)
    assert takes(clock, sound_only=True) is None
    assert takes(clock) == "https://a.example/"
