from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core import mail

from commerce.models import Invoice, Order
from commerce.operations.billing import invoice_payments
from commerce.operations.letters import receipts
from commerce.tasks.letters import deliver_receipt
from tenants.delivery.models import Job
from tests.commerce.changes import change
from tests.factories import (
    NOON,
    MembershipFactory,
    TenantFactory,
    UserFactory,
    acting,
    buy,
    buy_centrally,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

SITE = "https://seatwise.example"
SENDER = "Seatwise <no-reply@seatwise.example>"


def deliver(order):
    receipts.deliver_receipt(order_id=order.pk, site=SITE, sender=SENDER)
    return mail.outbox[-1]


def test_tells_the_buyer_what_was_bought_and_how_to_go_on(ana, plan):
    subscription = buy(ana, plan)
    order = Order.objects.get()
    letter = deliver(order)
    assert letter.to == [ana.user.email]
    assert letter.subject == f"Receipt: {plan}"
    for told in ("2 × $9.99", "$19.98", str(order.pk), f"{SITE}/my/subscriptions/{subscription.pk}/", "vendor"):
        assert told in letter.body


def test_of_an_invoice_that_was_paid_leads_to_the_procurement_view(tenant, plan):
    bill = MembershipFactory(tenant=tenant, roles=["billing_admin"])
    subscription = buy_centrally(bill, plan)
    invoice_payments.pay_invoice(
        invoice=Invoice.objects.get(), payment_method="pm_card_visa", return_url=SITE, by=acting(bill), at=NOON
    )
    letter = deliver(Order.objects.get())
    assert letter.to == [bill.user.email]
    for told in (f"the invoice for {plan} is paid", f"{SITE}/admin/commerce/purchase/{subscription.pk}/change/"):
        assert told in letter.body


def test_of_more_seats_tells_for_how_much_of_the_term_they_are(ana, plan):
    subscription = buy(ana, plan)
    middle = subscription.term_start + (subscription.term_end - subscription.term_start) / 2
    change(subscription, 4, at=middle, card="pm_card_visa")
    body = deliver(Order.objects.get(kind="seats")).body
    for told in ("you added seats", "2 × $9.99 (15.5 of 31 days)", "$9.99"):
        assert told in body


def test_of_an_invoice_that_was_paid_later_tells_what_was_credited_before(ana, plan):
    buy(ana, plan)
    Order.objects.update(due_at=NOON, credited=Decimal("9.99"))
    body = deliver(Order.objects.get()).body
    for told in ("is paid.", "Credited: −$9.99", "Amount paid: $9.99"):
        assert told in body
    assert "7 days" not in body


def test_tells_times_on_the_clock_of_the_tenant(plan):
    ben = MembershipFactory(tenant=TenantFactory(time_zone="Asia/Tokyo"))
    buy(ben, plan, at=datetime(2026, 3, 10, 20, tzinfo=UTC))
    letter = deliver(Order.objects.get())
    assert "11 March 2026, 05:00 JST" in letter.body
    assert "11 April 2026, 05:00 JST" in letter.body


@pytest.mark.parametrize(
    "amount, currency, country, total", [("1001", "JPY", "JP", "2,002"), ("1.25", "KWD", "KW", "2.500")]
)
def test_shows_amounts_in_the_digits_of_their_currency(amount, currency, country, total):
    buy(MembershipFactory(tenant__country=country), plan_on_sale(amount, currency, country))
    body = deliver(Order.objects.get()).body
    assert total in body
    assert f"{total}0" not in body
    assert "2,002." not in body


def test_a_second_copy_is_known_as_one(ana, plan):
    buy(ana, plan)
    order = Order.objects.get()
    ids = {deliver(order).extra_headers["Message-ID"] for _ in range(2)}
    assert ids == {f"<receipt-{order.pk}@seatwise.example>"}


def test_a_name_is_text_and_never_markup_or_a_header(plan):
    ben = MembershipFactory(user=UserFactory(name="x"), name="<b>Ben</b> & Söhne\nBcc: all@people.example")
    buy(ben, plan)
    letter = deliver(Order.objects.get())
    assert "<b>Ben</b> & Söhne" in letter.body
    assert letter.recipients() == [ben.user.email]


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_is_a_job_of_the_purchase_done_once(ana, plan):
    buy(ana, plan)
    job = Job.objects.get()
    assert (job.name, job.arguments) == ("commerce.deliver_receipt", {"order_id": str(Order.objects.get().pk)})
    for _ in range(2):
        deliver_receipt(job_id=str(job.pk))
    assert len(mail.outbox) == 1
