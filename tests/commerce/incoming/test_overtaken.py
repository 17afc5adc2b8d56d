"""Events whose handling takes so long that somebody else is faster: the first word holds."""

from datetime import timedelta

import pytest

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import IncomingEvent
from commerce.operations.paying import incoming
from tests.commerce.conftest import all_is_well
from tests.commerce.provider import bought, owed, send
from tests.factories import NOON

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("at_last", ["there is no answer", "there is nothing to say"])
def test_who_comes_too_late_changes_nothing(ana, plan, at_last):
    bought(ana, plan)
    event = send(owed("charge.captured")[0])
    after = NOON + incoming.LEASE + SECOND

    def slow(self, kind, reference):
        patch.undo()
        incoming.handle(event_id=event.pk, at=after)
        if at_last == "there is no answer":
            raise GatewayUnavailable

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SandboxGateway, "fetch", slow)
        incoming.handle(event_id=event.pk, at=NOON)
    [kept] = IncomingEvent.objects.all()
    assert (kept.state, kept.note, kept.attempts, kept.settled_at) == ("handled", "", 2, after)
    assert all_is_well()
