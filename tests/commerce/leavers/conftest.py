"""What a leaver leaves in these tests: three seats of ana's, one of them cleo's, and the task about them."""

import pytest

from commerce.operations.leaving import decisions
from licensing.operations import seats
from policies.operations import settings
from tenants.access import SYSTEM
from tests.commerce.handing_over import leave
from tests.factories import NOON, acting, buy


@pytest.fixture
def subscription(ana, cleo, plan):
    """Three seats, of which ana and cleo hold one each."""
    bought = buy(ana, plan, 3)
    seats.assign(subscription=bought, members=[cleo], by=acting(ana), at=NOON)
    return bought


@pytest.fixture
def task(ana, subscription):
    return leave(ana)


def say(tenant, **said):
    settings.change(tenant=tenant, by=SYSTEM, at=NOON, **said)


def decide(task, choice, by, **more):
    return decisions.decide(task=task, choice=choice, by=acting(by), at=NOON, **more)
