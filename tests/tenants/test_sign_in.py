"""Sign-in by password: who gets in, what strangers learn (nothing), and how often anybody may try."""

import re
import uuid

import pytest
import redis
from django.contrib.auth import hashers
from django.test import Client

from tenants.directory.models import MemberState
from tenants.signin import limits
from tests.callers import signed_in
from tests.factories import PASSWORD, GuestFactory, MembershipFactory, OperatorFactory, UserFactory
from tests.race import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick_passwords(fresh_limits, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of tries


def sign_in(email, password=PASSWORD, client=None, address="192.0.2.1", **more):
    client = client or Client()
    return client.post("/sign-in/", {"email": email, "password": password, **more}, REMOTE_ADDR=address)


def is_in(client):
    return "_auth_user_id" in client.session


# --- In and out


def test_asks_for_the_address_first_and_then_everybody_for_a_password(client, member):
    first = client.get("/sign-in/?next=/my/subscriptions/")
    assert b"Work e-mail" in first.content
    assert b"Continue" in first.content
    assert b'type="password"' not in first.content
    for email in (member.user.email, "nobody@nowhere.test"):
        second = client.post("/sign-in/", {"email": email, "next": "/my/subscriptions/"})
        assert second.status_code == 200
        assert b'type="password"' in second.content
        assert b"Sign in" in second.content
        assert b"/my/subscriptions/" in second.content


def test_lets_a_member_in_and_on_to_where_they_were_going(client, member):
    answer = sign_in(member.user.email.upper(), client=client, next="/my/subscriptions/?page=2")
    assert (answer.status_code, answer["Location"]) == (302, "/my/subscriptions/?page=2")
    assert is_in(client)


@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "", "\0"]
)
def test_goes_nowhere_else(client, member, target):
    answer = sign_in(member.user.email, client=client, next=target)
    assert answer.get("Location", "/") == "/"


def test_a_session_gets_a_new_key(client, member):
    client.session.save()
    session = client.session
    session["typed_address"] = "x"
    session.save()
    client.cookies["sessionid"] = planted = session.session_key
    sign_in(member.user.email, client=client)
    assert is_in(client)
    assert client.session.session_key != planted


def test_signing_out_needs_a_post_and_ends_the_session(client, member):
    sign_in(member.user.email, client=client)
    assert client.get("/sign-out/").status_code == 405
    client.post("/sign-out/")
    assert not is_in(client)


def test_forged_forms_are_refused(member):
    client = Client(enforce_csrf_checks=True)
    assert sign_in(member.user.email, client=client).status_code == 403


@pytest.mark.parametrize(
    "fields", [{}, {"email": "x"}, {"email": "a\0@b.test", "password": "x"}, {"email": "a@b.test", "password": ""}]
)
def test_what_cannot_be_is_said_on_the_page(client, fields):
    answer = client.post("/sign-in/", fields)
    assert answer.status_code == 400
    assert b"Please mend this first" in answer.content


# --- What strangers learn


def page_of(answer):
    """Without what differs by nature: the form's token and the address that was typed."""
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())
    return answer.status_code, re.sub(r"[\w.-]+@[\w.-]+", "", text), sorted(answer.headers)


def test_known_and_unknown_addresses_get_the_same_answer_for_the_same_work(member, monkeypatch):
    closed = MembershipFactory(user=UserFactory(can_sign_in=True), state=MemberState.DISABLED)
    without_password = MembershipFactory()
    work = []
    encode = hashers.MD5PasswordHasher.encode
    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", lambda *a, **k: work.append(1) or encode(*a, **k))
    tries = {
        "wrong": (member.user.email, "wrong"),
        "closed": (closed.user.email, PASSWORD),
        "no password": (without_password.user.email, "wrong"),
        "unknown": ("nobody@nowhere.test", "wrong"),
    }
    seen = {}
    for name, (email, password) in tries.items():
        work.clear()
        seen[name] = (page_of(sign_in(email, password)), len(work))
    assert len({repr(answer) for answer in seen.values()}) == 1, seen


# --- Whom it no longer lets in


@pytest.mark.parametrize("state", [MemberState.DISABLED, MemberState.LEFT])
def test_a_session_ends_with_the_membership(member, state):
    client = signed_in(member)
    client.get("/sign-in/")
    assert is_in(client)
    type(member).objects.update(state=state)
    client.get("/sign-in/")
    assert not is_in(client)


def test_demo_people_are_refused_outside_the_demo(settings):
    member = MembershipFactory(user=UserFactory(can_sign_in=True, is_demo=True))
    before = signed_in(member)
    before.get("/sign-in/")
    settings.DEMO = False
    before.get("/sign-in/")
    assert not is_in(before)
    assert sign_in(member.user.email).status_code == 400


def test_an_operator_signs_in_and_belongs_to_no_tenant(client):
    operator = OperatorFactory(can_sign_in=True)
    sign_in(operator.email, client=client)
    answer = client.get("/sign-in/")
    assert (answer.wsgi_request.actor.is_operator, answer.wsgi_request.actor.membership) == (True, None)


# --- Acting for


def test_acts_at_home_until_told_otherwise(client, member):
    guest = GuestFactory(user=member.user)
    stranger = MembershipFactory()
    sign_in(member.user.email, client=client)

    def acting():
        return client.get("/sign-in/").wsgi_request.actor.membership

    assert acting() == member
    client.post("/acting-for/", {"tenant": guest.tenant.slug})
    assert acting() == guest
    for foreign in (stranger.tenant.slug, "", "\0", "x" * 5000):
        assert client.post("/acting-for/", {"tenant": foreign}).status_code == 302
        assert acting() == guest
    assert client.get("/acting-for/").status_code == 405
    guest.state = MemberState.LEFT
    guest.save()
    assert acting() == member


def test_a_stranger_acts_for_nobody(client):
    assert client.post("/acting-for/", {"tenant": "x"}).status_code == 302
    assert client.get("/sign-in/").wsgi_request.actor is None


# --- How often


def test_five_wrong_tries_a_minute_and_then_not_even_the_right_one(member):
    assert [sign_in(member.user.email, "wrong").status_code for _ in range(6)] == [400] * 5 + [429]
    refused = sign_in(member.user.email)
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert b"Wait 1 minute, then try again." in refused.content


def test_good_passwords_are_not_counted(member):
    assert {sign_in(member.user.email).status_code for _ in range(8)} == {302}


def test_an_address_that_tries_many_people_is_stopped():
    tries = [sign_in(f"{n}@nowhere.test", "wrong").status_code for n in range(31)]
    assert tries == [400] * 30 + [429]
    assert sign_in("other@nowhere.test", "wrong", address="192.0.2.2").status_code == 400


def test_a_claimed_address_does_not_count(client):
    for n in range(30):
        sign_in(f"{n}@nowhere.test", "wrong")
    answer = client.post(
        "/sign-in/",
        {"email": "x@nowhere.test", "password": "x"},
        REMOTE_ADDR="192.0.2.1",
        HTTP_X_FORWARDED_FOR="198.51.100.7",
    )
    assert answer.status_code == 429


def test_one_household_has_one_ipv6_network():
    assert limits.network("2001:db8:1:2:3::1") == limits.network("2001:db8:1:2:ffff::9")
    assert limits.network("2001:db8:1:2::1") != limits.network("2001:db8:1:3::1")


def test_without_valkey_nobody_signs_in(member, monkeypatch):
    away = redis.Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2, retry=None)
    monkeypatch.setattr(limits, "server", lambda: away)
    refused = sign_in(member.user.email)
    assert (refused.status_code, refused["Retry-After"]) == (503, "60")


def test_counters_end_by_themselves_and_name_nobody(member):
    sign_in(member.user.email, "wrong")
    keys = limits.server().keys(f"{limits.PREFIX}:*")
    assert len(keys) == 3
    assert all(0 < limits.server().ttl(key) <= 3600 for key in keys)
    assert member.user.email.encode() not in b"".join(keys)


@pytest.mark.django_db(transaction=True)
def test_of_fifty_tries_at_once_five_are_looked_at():
    email = f"{uuid.uuid4().hex}@nowhere.test"
    answers = at_once(lambda n: sign_in(email, "wrong", address=f"192.0.2.{n}").status_code, range(50))
    assert sorted(answers) == [400] * 5 + [429] * 45


def test_a_control_without_the_script_lets_more_through():
    """Reading, then counting, is what the script must not do."""

    def naive(_):
        seen = int(limits.server().get(limits.PREFIX) or 0)
        if seen < 5:
            limits.server().incr(limits.PREFIX)
        return seen < 5

    assert max(sum(at_once(naive, range(50))) for _ in range(20) if limits.server().delete(limits.PREFIX) >= 0) > 5
