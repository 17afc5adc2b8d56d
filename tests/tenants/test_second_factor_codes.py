"""Which codes of a second factor are good, for whom, and how often."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tenants.access import SYSTEM, actor_of
from tenants.signin import codes, second_factor
from tenants.signin.models import RecoveryCode, SecondFactor
from tests.factories import NOON, MembershipFactory
from tests.tenants.second_factors import KEY, code_at, enrolled, is_in, password

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]

STEP = timedelta(seconds=30)


@pytest.fixture
def long_enrolled(member):
    past = NOON - 20 * STEP
    second_factor.enrol(key=KEY, code=code_at(past), by=actor_of(member), at=past)
    return member


def is_good(member, code, at=NOON):
    try:
        second_factor.prove(code=code, user=member.user, by=actor_of(member), at=at)
    except second_factor.WrongCode:
        return False
    return True


def test_a_telephone_may_be_wrong_by_half_a_minute_and_no_more(long_enrolled):
    for steps, good in ((-2, False), (2, False), (-1, True), (1, True)):
        assert is_good(long_enrolled, code_at(NOON + steps * STEP)) is good, steps


def test_a_code_of_a_fast_telephone_is_good_once_too(long_enrolled):
    code = code_at(NOON + STEP)
    assert [is_good(long_enrolled, code, at=NOON + n * STEP) for n in range(3)] == [True, False, False]
    assert not is_good(long_enrolled, code_at(NOON))  # an older one
    assert is_good(long_enrolled, code_at(NOON + 2 * STEP), at=NOON + STEP)


def test_a_recovery_code_is_good_for_its_own_person_alone(member):
    made, other = enrolled(member), MembershipFactory()
    enrolled(other)
    assert not is_good(other, made[0])
    assert RecoveryCode.objects.left(other.user).count() == codes.RECOVERY_CODES
    assert is_good(member, made[0])


def test_whoever_has_one_sets_up_no_second_one_beside_it(long_enrolled):
    kept = SecondFactor.objects.values().get()
    key = codes.new_key()
    with pytest.raises(second_factor.SecondFactorExists):
        second_factor.enrol(key=key, code=code_at(NOON, key), by=actor_of(long_enrolled), at=NOON)
    assert SecondFactor.objects.values().get() == kept


def test_a_session_that_showed_a_factor_which_was_lost_ends_with_the_next_one(member):
    made = enrolled(member)
    client, _answer = password(member)
    client.post("/sign-in/code/", {"code": made[0]})
    assert client.get("/my/security/").status_code == 200
    second_factor.reset(user=member.user, reason="Telephone lost", by=SYSTEM, at=timezone.now())
    member.user.refresh_from_db()
    enrolled(member)
    assert client.get("/my/security/").status_code == 302
    assert not is_in(client)


def test_good_codes_count_for_no_limit(member):
    for code in enrolled(member)[:6]:
        client, _answer = password(member, Client())
        assert client.post("/sign-in/code/", {"code": code}).status_code == 302
        assert is_in(client)
