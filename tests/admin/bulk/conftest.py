"""What is chosen in these tests: three purchases of three people, by somebody who may decide about them."""

import pytest
from django.utils import timezone

from tests import factories
from tests.callers import signed_in
from tests.factories import admin_of, buy


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def many(contoso, plan, now):
    return [buy(factories.MembershipFactory(tenant=contoso, name=f"Ana {n}"), plan, at=now) for n in range(3)]


@pytest.fixture
def billing(contoso):
    return signed_in(admin_of(contoso, "billing_admin").membership)
