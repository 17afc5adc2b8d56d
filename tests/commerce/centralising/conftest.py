"""What people bought themselves, and a centralisation of it that has come so far."""

from datetime import timedelta

import pytest

from commerce.models import Centralisation
from commerce.operations.centralising import costs, purchasers, requests, steps
from commerce.operations.changes import cancellations
from licensing.operations import seats
from tests.factories import NOON, MembershipFactory, acting, admin_of, buy, buy_centrally

LATER = NOON + timedelta(days=10)


@pytest.fixture
def boss(tenant):
    return admin_of(tenant)


@pytest.fixture
def bought(ana, cleo, plan):
    """Three seats of Ana's: she and Cleo use one each."""
    subscription = buy(ana, plan, 3)
    seats.assign(subscription=subscription, members=[cleo], by=acting(ana), at=NOON)
    return subscription


@pytest.fixture
def bens(tenant, plan):
    """One seat that Ben bought himself."""
    return buy(MembershipFactory(tenant=tenant, name="Ben Berg"), plan, 1)


def begun(bought, boss, at=LATER):
    return steps.start(tenant=bought.tenant, product=bought.plan.product, by=boss, at=at)


def chosen(bought, boss, *members):
    return steps.choose(centralisation=begun(bought, boss), members=members, by=boss, at=LATER)


def looked_at(bought, boss, *members):
    return steps.accept_cost(centralisation=chosen(bought, boss, *members), by=boss, at=LATER)


def assigned(bought, boss, *members, seats_bought=5):
    buy_centrally(boss.membership, bought.plan, seats_bought)
    return steps.assign(centralisation=looked_at(bought, boss, *members), by=boss, at=LATER)


def purchases_to_ask(row):
    return [each.purchase for each in costs.to_ask(row)]


def asked(bought, boss, *members, message=""):
    row = assigned(bought, boss, *members)
    return purchasers.ask(centralisation=row, subscriptions=purchases_to_ask(row), message=message, by=boss, at=LATER)


def cancel(subscription, at=LATER):
    by = acting(subscription.owner)
    return cancellations.cancel_subscription(subscription=subscription, reason="Asked to", by=by, at=at)


def sweep(at=LATER):
    return requests.close_due(at=at), requests.remind_due(at=at), purchasers.finish_due(at=at)


def step_of(row):
    return Centralisation.objects.get(pk=row.pk).step
