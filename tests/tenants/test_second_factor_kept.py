"""A second factor while it is somebody's: set up, renewed, turned off, and reset when it is lost."""

import re

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from tenants.access import SYSTEM, Actor, actor_of
from tenants.directory.models import User
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tenants.signin import codes, second_factor
from tenants.signin.models import RecoveryCode, SecondFactor
from tests.callers import signed_in
from tests.factories import MembershipFactory, OperatorFactory
from tests.tenants.second_factors import KEY, SET_UP, code_at, enrolled, is_in, now_and, password, shown_key, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]


def test_is_set_up_with_a_picture_and_a_code_and_shows_recovery_codes_once(member):
    browser = signed_in(member)
    assert "Set up" in browser.get("/my/security/").content.decode()
    page = browser.get(SET_UP)
    assert b"data:image/svg+xml" in page.content
    key = shown_key(page)
    assert shown_key(browser.get(SET_UP)) == key
    answer = browser.post(SET_UP, {"code": code_at(timezone.now(), key)})
    made = re.findall(r"<code>([a-z2-9-]+)</code>", answer.content.decode())
    assert len(set(made)) == codes.RECOVERY_CODES
    assert browser.get("/my/security/").status_code == 200  # this session has shown it
    assert made[0] not in browser.get("/my/security/").content.decode()
    assert told() == ["second_factor.enrolled"]
    kept = SecondFactor.objects.get(user=member.user).key
    assert codes.opened(kept) == key
    assert codes.in_letters(key).replace(" ", "") not in kept


def test_a_wrong_first_code_turns_nothing_on(member):
    browser = signed_in(member)
    browser.get(SET_UP)
    assert browser.post(SET_UP, {"code": "000000"}).status_code == 400
    assert User.objects.get(pk=member.user_id).second_factor_since is None
    assert told() == []


def test_a_session_from_before_it_was_set_up_ends(member):
    other = signed_in(member)
    enrolled(member)
    assert other.get("/my/security/").status_code == 302
    assert not is_in(other)


def test_recovery_codes_are_renewed_and_the_factor_turned_off_by_a_code_alone(member):
    old = enrolled(member)
    client, _answer = password(member)
    client.post("/sign-in/code/", {"code": old[0]})
    for path in ("recovery-codes", "turn-off"):
        assert client.post(f"/my/security/{path}/", {"code": "000000"}).status_code == 400
    answer = client.post("/my/security/recovery-codes/", {"code": old[1]})
    new = re.findall(r"<code>([a-z2-9-]+)</code>", answer.content.decode())
    assert len(new) == codes.RECOVERY_CODES
    assert client.post("/my/security/turn-off/", {"code": old[2]}).status_code == 400
    assert client.post("/my/security/turn-off/", {"code": new[2]}).status_code == 302
    assert User.objects.get(pk=member.user_id).second_factor_since is None
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert client.get("/my/security/").status_code == 200


def test_the_operator_resets_a_lost_factor_with_a_reason(member):
    enrolled(member)
    page = reverse("admin:tenants_membership_reset", args=[member.pk])
    browser = signed_in(OperatorFactory())
    assert (
        "Reset second factor"
        in browser.get(reverse("admin:tenants_membership_change", args=[member.pk])).content.decode()
    )
    assert browser.post(page, {"reason": ""}).status_code == 400
    assert browser.post(page, {"reason": "Telephone lost, seen in person"}).status_code == 302
    _client, answer = password(member)
    assert answer["Location"] == "/my/invoices/"
    assert Event.objects.of(member.tenant).filter(type="second_factor.reset").get().data["reason"]


def test_no_admin_resets_anybodys_factor(member):
    enrolled(member)
    admin = MembershipFactory(tenant=member.tenant, roles=["global_admin"])
    page = reverse("admin:tenants_membership_reset", args=[member.pk])
    assert signed_in(admin).post(page, {"reason": "Please"}).status_code == 403
    with pytest.raises(NotAllowed):
        second_factor.reset(user=member.user, reason="Please", by=actor_of(admin), at=timezone.now())
    assert SecondFactor.objects.filter(user=member.user).exists()


def test_nothing_to_reset_is_said(member):
    with pytest.raises(second_factor.NoSecondFactor):
        second_factor.reset(user=member.user, reason="Lost", by=SYSTEM, at=timezone.now())


def test_a_command_resets_what_is_lost_also_of_an_operator(capsys):
    operator = OperatorFactory()
    past = now_and(-4)
    second_factor.enrol(key=KEY, code=code_at(past), by=Actor(user=operator), at=past)
    call_command("reset_second_factor", operator.email.upper(), "--reason", "Telephone lost")
    assert operator.email in capsys.readouterr().out
    assert User.objects.get(pk=operator.pk).second_factor_since is None
    for arguments in ((operator.email, "--reason", "Again"), ("nobody@nowhere.example", "--reason", "Lost")):
        with pytest.raises(CommandError):
            call_command("reset_second_factor", *arguments)
