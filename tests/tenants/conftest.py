import pytest

from tenants.journal.models import Event
from tests.factories import DomainFactory, MembershipFactory


@pytest.fixture
def tenant():
    return DomainFactory(name="contoso.test").tenant


@pytest.fixture
def admin(tenant):
    return MembershipFactory(tenant=tenant, roles=["global_admin"])


def nothing_was_written():
    return not Event.objects.exists()
