"""What whoever bought it reads by post of a take-over."""

import pytest

from commerce.models import TakeOver
from commerce.operations.leaving.adoption import Payer
from commerce.operations.letters import take_over_letters
from policies.operations import settings
from tenants.access import SYSTEM
from tests.commerce.changes import DAY
from tests.commerce.takeover.conftest import settle, start
from tests.factories import NOON, agree

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
POST = {"site": "http://testserver", "sender": "Seatwise <post@seatwise.example>"}


def test_its_purchaser_gets_a_letter_at_once_and_when_it_is_settled(boss, ana, subscription, central, mailoutbox):
    made = start(subscription, boss, target=central, reason="One contract.")
    take_over_letters.deliver(take_over_id=made.pk, state="open", **POST)
    settle(made, boss)
    take_over_letters.deliver(take_over_id=made.pk, state="settled", **POST)
    first, last = mailoutbox
    assert first.to == last.to == [ana.user.email]
    assert "Your organisation has taken over Power BI Pro" in first.subject
    for said in ("One contract.", "29.97", "17 March 2026"):
        assert said in first.body
    assert "29.97" in last.body
    assert "settled" in last.subject


def test_it_tells_of_the_money_of_its_own_take_over_alone(boss, tenant, subscription, mailoutbox):
    payer = Payer(agreement=agree(tenant))
    settle(start(subscription, boss, mode="adopt", payer=payer, reimburse=True), boss)
    settings.change(tenant=tenant, take_over_refunds=False, by=SYSTEM, at=NOON)
    settle(start(subscription, boss, mode="cancel", at=NOON + DAY), boss, at=NOON + 7 * DAY)
    for each in TakeOver.objects.order_by("started_at"):
        take_over_letters.deliver(take_over_id=each.pk, state="settled", **POST)
    first, last = mailoutbox
    assert ("29.97" in first.body, "29.97" in last.body) == (True, False)
