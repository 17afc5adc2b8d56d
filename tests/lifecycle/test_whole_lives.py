"""Subscriptions live by chance, and what must always hold does; a defect that is put in on purpose is found."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.lifecycle.machine import Lives
from tests.lifecycle.seeded import QUICKLY_FOUND, SEEDED, SELDOM
from tests.lifecycle.world import reached

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

STEPS = {"deadline": None, "database": None, "report_multiple_bugs": False, "suppress_health_check": list(HealthCheck)}
# Always the same lives, so that the defects below are found in them, and in none without.
SHORT = settings(**STEPS, derandomize=True, max_examples=8, stateful_step_count=20, phases=[Phase.generate])
# Other ones each time; the shortest way to what is found is printed.
LONG = settings(**STEPS, max_examples=200, stateful_step_count=30)
# What the lives of the short form come to at least once.
EVENTS = {
    "subscription.renewed",
    "subscription.expired",
    "subscription.disabled",
    "subscription.reactivated",
    "subscription.canceled",
    "renewal.failed",
    "refund.succeeded",
    "member.left",
    "policy.changed",
}


def test_what_must_always_hold_does_after_each_step():
    reached.clear()
    run_state_machine_as_test(Lives, settings=SHORT)
    assert {name for name in EVENTS if not reached[name]} == set(), reached


@pytest.mark.faults
@pytest.mark.parametrize("lives", SELDOM.values())
def test_and_where_people_do_what_is_seldom(lives):
    reached.clear()
    run_state_machine_as_test(lives, settings=SHORT)
    assert reached["in grace"]


@pytest.mark.faults
def test_also_in_hundreds_of_lives():
    run_state_machine_as_test(Lives, settings=LONG)


@pytest.mark.parametrize(
    "bug",
    [pytest.param(bug, marks=() if bug in QUICKLY_FOUND else pytest.mark.faults, id=bug.__name__) for bug in SEEDED],
)
def test_a_defect_is_found(monkeypatch, bug):
    """The control is the first test: the same lives without it."""
    bug(monkeypatch)
    with pytest.raises(AssertionError, match=SEEDED[bug]):
        run_state_machine_as_test(SELDOM.get(bug, Lives), settings=SHORT)
