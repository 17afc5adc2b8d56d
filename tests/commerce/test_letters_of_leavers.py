"""Letters about the money of somebody who has left: they go to whoever answers for the organisation's spending."""

from datetime import timedelta

import pytest
from django.core import mail

from commerce.models import Invoice, Order
from commerce.operations.changes import cancellations
from commerce.operations.letters import invoice_letters, receipts
from tests.factories import NOON, MembershipFactory, acting, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

SITE = "https://seatwise.example"
BY_POST = {"site": SITE, "sender": "Seatwise <no-reply@seatwise.example>"}


@pytest.fixture
def admins(tenant):
    """Those who answer for the spending, and others who do not or no longer."""
    MembershipFactory(tenant=tenant, roles=["license_admin"])
    MembershipFactory(tenant=tenant, roles=["billing_admin"], state="left")
    MembershipFactory(roles=["billing_admin"])
    both = [["billing_admin"], ["global_admin", "billing_admin"]]
    return {MembershipFactory(tenant=tenant, roles=roles).user.email for roles in both}


@pytest.fixture
def note(ana, plan):
    subscription = buy(ana, plan)
    at = NOON + timedelta(days=1)
    cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=at)
    return Invoice.objects.get(kind="credit_note")


def deliver_receipt(note):
    receipts.deliver_receipt(order_id=note.order_id, **BY_POST)


def deliver_invoice(note):
    Order.objects.update(state="invoiced", paid_at=None, due_at=NOON)
    invoice_letters.deliver_invoice(order_id=note.order_id, **BY_POST)


def deliver_credit_note(note):
    invoice_letters.deliver_credit_note(invoice_id=note.pk, **BY_POST)


LETTERS = pytest.mark.parametrize("deliver", [deliver_receipt, deliver_invoice, deliver_credit_note])


@LETTERS
@pytest.mark.parametrize("state", ["left", "disabled"])
def test_go_to_those_who_answer_for_the_spending(ana, note, admins, deliver, state):
    type(ana).objects.filter(pk=ana.pk).update(state=state)
    deliver(note)
    assert sorted(letter.to[0] for letter in mail.outbox) == sorted(admins)
    assert len({letter.extra_headers["Message-ID"] for letter in mail.outbox}) == 2
    for letter in mail.outbox:
        assert "This letter is for Ana Alvarez, who has left" in letter.body
        assert f"{SITE}/admin/commerce/" in letter.body
        assert f"{SITE}/my/" not in letter.body
        assert letter.attachments


@LETTERS
def test_go_to_oneself_alone_as_long_as_one_is_there(ana, note, admins, deliver):
    deliver(note)
    [letter] = mail.outbox
    assert letter.to == [ana.user.email]
    assert "This letter is for" not in letter.body
    assert f"{SITE}/my/" in letter.body


@LETTERS
def test_still_go_to_the_leaver_where_nobody_is_left_to_tell(ana, note, deliver):
    type(ana).objects.filter(pk=ana.pk).update(state="left")
    deliver(note)
    assert [letter.to for letter in mail.outbox] == [[ana.user.email]]
