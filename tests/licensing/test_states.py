"""The table of states: the code's, the database's and the one that was agreed on are the same."""

import pytest
from django.db import IntegrityError, connection, transaction

from licensing import states
from licensing.models import Subscription, SubscriptionState
from tests.licensing.conftest import granted

# product.md, "Life of a subscription".
AGREED = {
    ("trial", "active"),  # it converts
    ("trial", "disabled"),  # it ends
    ("active", "expired"),  # not paid at its end
    ("active", "disabled"),  # canceled with a refund, a chargeback, a take-over
    ("expired", "active"),  # paid late
    ("expired", "disabled"),  # not paid while in grace, or ended there
    ("disabled", "active"),  # reactivated, or given back
    ("disabled", "deleted"),  # final
}
EVERY = [(before, after) for before in states.STATES for after in states.STATES]


def test_the_table_is_what_was_agreed_on():
    every = {(before, move.after) for move in states.MOVES for before in move.before}
    assert {(before, after) for before, after in every if before != after} == AGREED


def test_it_knows_the_states_of_the_model():
    assert set(states.STATES) == set(SubscriptionState.values)


def test_deleted_is_final_and_every_other_state_runs_out():
    assert set(states.WHEN_TIME_IS_OVER) == set(states.STATES) - {"deleted"}
    for state, event in states.WHEN_TIME_IS_OVER.items():
        assert states.after(event, state) != state


@pytest.mark.parametrize(
    "event, state",
    [("subscription.deleted", "active"), ("subscription.renewed", "disabled"), ("subscription.revived", "deleted")],
)
def test_what_is_not_in_the_table_is_a_defect(event, state):
    with pytest.raises(states.ImpossibleMove):
        states.after(event, state)


@pytest.mark.django_db
@pytest.mark.parametrize("before, after", EVERY)
def test_the_database_refuses_what_the_table_does_not_allow(before, after):
    row = Subscription.objects.filter(pk=granted().pk)
    with connection.cursor() as cursor:  # as it could have come to be, whatever the way
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE licensing_subscription DISABLE TRIGGER state_moves_by_the_table")
        row.update(**_stands(before))
        cursor.execute("ALTER TABLE licensing_subscription ENABLE TRIGGER state_moves_by_the_table")
    if before == after or (before, after) in AGREED:
        assert row.update(**_stands(after)) == 1
    else:
        with pytest.raises(IntegrityError, match="subscription_state_moves_by_the_table"), transaction.atomic():
            row.update(**_stands(after))
    row.update(quantity=3)  # everything else changes as ever


def _stands(state):
    ends_at = None if state == "deleted" else granted_end()
    return {"state": state, "state_ends_at": ends_at, "seats_assigned": 0}


def granted_end():
    return Subscription.objects.get().term_end
