import socket
import uuid

import pytest

from tenants.access import Right
from tenants.delivery import jobs
from tenants.journal.models import Event
from tenants.runs.deeds import DEEDS, deed
from tenants.signin import limits
from tests.factories import DomainFactory, MembershipFactory, TenantFactory, UserFactory, admin_of
from tests.tenants.hooks import Clock, receiving
from tests.tenants.toy_runs import NAME, Toy


@pytest.fixture
def fresh_limits(monkeypatch):
    """Of calls and tries, counted for this test alone."""
    monkeypatch.setattr(limits, "PREFIX", f"test:{uuid.uuid4().hex}")  # other workers count beside us


@pytest.fixture
def member():
    """Somebody with a password."""
    return MembershipFactory(user=UserFactory(can_sign_in=True))


@pytest.fixture
def tenant():
    return DomainFactory(name="contoso.test").tenant


@pytest.fixture
def admin(tenant):
    return MembershipFactory(tenant=tenant, roles=["global_admin"])


@pytest.fixture
def toy():
    """A deed that runs do many times; see its module."""
    toy = Toy()
    deed(NAME, title="Found departments", right=Right.MANAGE_PEOPLE)(toy)
    yield toy
    del DEEDS[NAME]


@pytest.fixture
def ana(db):
    return admin_of(TenantFactory())


@pytest.fixture
def operator(db):
    return UserFactory(is_operator=True)


@pytest.fixture
def sent(monkeypatch):
    """What goes to the broker; it takes as many messages as `most` says."""
    sent = []
    monkeypatch.setattr(jobs, "send", lambda job_id, name: bool(sent.append(name)) or True)
    return sent


def nothing_was_written():
    return not Event.objects.exists()


@pytest.fixture
def receiver():
    """A real server that hears what is posted to it."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def leads_to(monkeypatch):
    """Names lead where the test says; the service asks nobody else."""

    def lead(*answers):
        asked = iter(answers)

        def look_up(host, port, **_options):
            found = next(asked)
            return [(socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, port)) for one in found]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return lead
