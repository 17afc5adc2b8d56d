"""A second factor at sign-in: nobody comes in without it, and each code comes in once."""

import pytest
from django.urls import reverse
from django.utils import timezone

from tenants.access import actor_of
from tenants.journal.models import Event
from tenants.signin import challenge, codes, second_factor
from tests.factories import MembershipFactory
from tests.race import race
from tests.tenants.second_factors import code_at, enrolled, is_in, now_and, password

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]


def test_the_password_alone_signs_nobody_in(member):
    enrolled(member)
    client, answer = password(member)
    assert answer["Location"] == reverse("sign-in-code")
    assert not is_in(client)
    for path in ("/my/security/", "/my/invoices/"):
        assert "/sign-in/" in client.get(path)["Location"]


def test_the_code_signs_in_and_leads_on_with_another_session(member):
    enrolled(member)
    client, _answer = password(member)
    before = client.session.session_key
    answer = client.post("/sign-in/code/", {"code": code_at(timezone.now())})
    assert (answer.status_code, answer["Location"]) == (302, "/my/invoices/")
    assert is_in(client)
    assert client.session.session_key != before
    assert challenge.HALF_WAY not in client.session
    assert client.get("/my/security/").status_code == 200


def test_a_code_is_good_once_and_so_is_every_older_one(member):
    enrolled(member)
    code = code_at(timezone.now())
    client, _answer = password(member)
    assert client.post("/sign-in/code/", {"code": code}).status_code == 302
    again, _answer = password(member)
    for used in (code, code_at(now_and(-1))):
        assert again.post("/sign-in/code/", {"code": used}).status_code == 400
    assert not is_in(again)


def test_a_recovery_code_is_good_once_however_it_is_typed(member):
    made = enrolled(member)
    client, _answer = password(member)
    assert client.post("/sign-in/code/", {"code": f" {made[3].upper().replace('-', ' ')} "}).status_code == 302
    again, _answer = password(member)
    assert again.post("/sign-in/code/", {"code": made[3]}).status_code == 400
    assert Event.objects.get(type="recovery_code.used").data == {"left": codes.RECOVERY_CODES - 1}


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "００００００", "\0", "x" * 1000])
def test_what_is_no_code_is_refused(member, code):
    enrolled(member)
    client, _answer = password(member)
    assert client.post("/sign-in/code/", {"code": code}).status_code == 400
    assert not is_in(client)


def test_the_password_counts_for_ten_minutes(member):
    enrolled(member)
    client, _answer = password(member)
    session = client.session
    session[challenge.HALF_WAY] |= {"until": timezone.now().isoformat()}
    session.save()
    assert client.post("/sign-in/code/", {"code": code_at(timezone.now())})["Location"] == "/sign-in/"
    assert not is_in(client)


def test_without_a_password_there_is_no_code_to_type(client, db):
    assert client.get("/sign-in/code/")["Location"] == "/sign-in/"
    assert client.post("/sign-in/code/", {"code": "123456"})["Location"] == "/sign-in/"


def test_tries_of_codes_are_counted_for_the_person_from_wherever_they_come(member):
    enrolled(member)
    for n in range(5):
        client, _answer = password(member)
        assert client.post("/sign-in/code/", {"code": "000000"}, REMOTE_ADDR=f"192.0.2.{n}").status_code == 400
    answer = client.post("/sign-in/code/", {"code": code_at(timezone.now())}, REMOTE_ADDR="192.0.2.99")
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert not is_in(client)


def test_somebody_who_was_disabled_meanwhile_does_not_come_in(member):
    enrolled(member)
    client, _answer = password(member)
    member.state = "disabled"
    member.save()
    assert client.post("/sign-in/code/", {"code": code_at(timezone.now())})["Location"] == "/sign-in/"
    assert not is_in(client)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_type_the_same_code_at_once_one_comes_in():
    member = MembershipFactory()
    enrolled(member)
    at, actor = timezone.now(), actor_of(member)
    code = code_at(at)

    def prove(_n):
        second_factor.prove(code=code, user=member.user, by=actor, at=at)

    assert race(prove, range(4), refused=second_factor.WrongCode) == 1


def test_codes_of_both_kinds_outlive_a_change_of_the_services_secret(member, settings):
    made = enrolled(member)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another secret"
    for code in (code_at(timezone.now()), made[0]):
        client, _answer = password(member)
        assert client.post("/sign-in/code/", {"code": code}).status_code == 302, code


def test_a_key_that_was_sealed_with_another_secret_is_none(member, settings):
    enrolled(member)
    settings.SECRET_KEY = "another secret"
    client, _answer = password(member)
    assert client.post("/sign-in/code/", {"code": code_at(timezone.now())}).status_code == 400
