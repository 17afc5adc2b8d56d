"""Trials with a card: thirty days from noon, by somebody whose midnight is that of UTC."""

from datetime import timedelta

import pytest

from tests.factories import NOON, MembershipFactory, open_checkout, pay, plan_on_sale

DAY = timedelta(days=1)
END = NOON + 30 * DAY
MIDNIGHT = END.replace(hour=0)


@pytest.fixture
def plan():
    return plan_on_sale(product__trial_days=30, product__trial_seats=5)


@pytest.fixture
def ana():
    return MembershipFactory(tenant__time_zone="UTC")


@pytest.fixture
def trial(ana, plan):
    return start(ana, plan).trial


def opened(buyer, plan, at=NOON, **options):
    return open_checkout(buyer, plan, with_trial=True, at=at, **options)


def start(buyer, plan, card="pm_card_visa", at=NOON, **options):
    return pay(opened(buyer, plan, at=at, **options), card, at=at)
