"""Two subscriptions of one plan that end on two days, and how they are brought to end on one."""

import pytest

from commerce.operations.changes import aligning
from tenants.ids import new_id
from tests.commerce.changes import DAY, fresh
from tests.factories import NOON, RETURN_URL, acting, buy

LATER = NOON + 10 * DAY  # the second purchase: the first one's window is over


@pytest.fixture
def early(ana, plan):
    """Two seats from 10 March to 10 April."""
    return buy(ana, plan)


@pytest.fixture
def late(ana, plan, early):
    """Three seats from 20 March to 20 April."""
    return buy(ana, plan, 3, at=LATER)


def ask(target, *others, at=LATER, by=None, **options):
    return {
        "target": fresh(target),
        "others": [fresh(one) for one in others],
        "by": by or acting(target.owner or target.purchaser),
        "at": at,
        **options,
    }


def preview(target, *others, **options):
    return aligning.preview(**ask(target, *others, **options))


def align(target, *others, **options):
    usual = {"key": new_id(), "return_url": lambda one: RETURN_URL}
    return aligning.align(**ask(target, *others, **(usual | options)))
