import pytest

from tests.factories import TenantFactory


@pytest.fixture
def partner():
    return TenantFactory(slug="partnerworks", time_zone="UTC")
