"""A database of earlier days, with neither invoices nor ledger: what is missing is written once, and all is well."""

import json

import pytest
from django.core.management import call_command
from django.db import connection

from commerce import tasks
from commerce.models import Invoice, InvoiceCounter, InvoiceLine, MonthlySpend, Movement, Order, Posting
from commerce.operations.accounts import catching_up
from commerce.operations.accounts.catching_up import CaughtUp
from commerce.operations.paying import disputes, settlement
from tests.commerce.differences import BANK, LATER, canceled, contested, findings, set_aside
from tests.commerce.test_settlement import charge_for, late_payment
from tests.factories import NOON, MembershipFactory, buy
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


def forget(*models):
    """As if they had never been written."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for model in models:
            cursor.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
            cursor.execute(f"DELETE FROM {model._meta.db_table}")  # noqa: S608 (names of our own tables)
            cursor.execute(f"ALTER TABLE {model._meta.db_table} ENABLE TRIGGER USER")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def forget_all():
    forget(Posting, Movement, InvoiceLine, MonthlySpend)
    forget(Invoice, InvoiceCounter)


def posted():
    return sorted(
        (m.kind, str(m.source), m.currency, m.at, sorted((p.account, p.amount) for p in m.postings.all()))
        for m in Movement.objects.with_postings()
    )


@pytest.fixture
def earlier(ana, plan):
    """Two purchases: one was canceled, one was paid twice."""
    canceled(MembershipFactory(tenant=ana.tenant), plan)
    buy(ana, plan)
    order = Order.objects.get(buyer=ana)
    payment = late_payment(order)
    settlement.settle_payment(payment=payment, charge=charge_for(payment), at=NOON)
    assert findings() == []
    before = posted()
    forget_all()
    return before


def test_bills_credits_and_posts_what_is_missing(earlier):
    assert len(findings()) > 3
    assert catching_up.lacking() == CaughtUp(billed=2, credited=1, posted=8)
    assert catching_up.catch_up(at=LATER) == CaughtUp(billed=2, credited=1, posted=8)
    assert posted() == earlier
    assert set(Invoice.objects.values_list("kind", "issued_at")) == {("invoice", LATER), ("credit_note", LATER)}
    assert findings() == []


def test_names_each_row_that_was_forgotten(earlier, caplog):
    catching_up.catch_up(at=LATER)
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(told) == 2 + 1 + 8
    assert all(any(str(order.pk) in line for line in told) for order in Order.objects.all())
    caplog.clear()
    catching_up.catch_up(at=LATER)
    assert not caplog.records


def test_does_nothing_the_second_time(earlier):
    catching_up.catch_up(at=LATER)
    assert catching_up.catch_up(at=LATER).total == 0
    assert catching_up.lacking().total == 0


def test_does_nothing_where_nothing_is_missing(ana, plan):
    buy(ana, plan)
    assert catching_up.catch_up(at=LATER).total == 0


@pytest.mark.parametrize("left_out", ["billed", "posted"])
def test_goes_on_where_it_was_interrupted(earlier, left_out):
    catching_up.catch_up(at=LATER)
    forget(Posting, Movement, MonthlySpend) if left_out == "posted" else forget(InvoiceLine, Invoice, InvoiceCounter)
    catching_up.catch_up(at=LATER)
    assert posted() == earlier
    assert findings() == []


def test_remembers_the_currency_in_which_something_was_set_aside(ana, plan):
    set_aside(ana, plan, currency="EUR")
    before = posted()
    forget_all()
    catching_up.catch_up(at=LATER)
    assert posted() == before
    assert Movement.objects.get().currency == "EUR"


@pytest.mark.parametrize("won", [True, False, None])
def test_posts_disputes(ana, plan, won):
    payment = contested(ana, plan)
    disputes.settle_dispute(report=BANK.contest(payment.pk), at=BANK.contest(payment.pk).opened_at)
    if won is not None:
        report = BANK.judge_dispute(payment.pk, won=won)
        disputes.settle_dispute(report=report, at=report.opened_at)
    before = posted()
    forget_all()
    catching_up.catch_up(at=LATER)
    assert posted() == before
    assert findings() == []


def test_is_a_part_of_the_command(earlier, capsys):
    call_command("reconcile_payments", "--at", LATER.isoformat(), "--json", "--dry-run")
    [row] = json.loads(capsys.readouterr().out)
    assert row == {"kind": "caught_up", "billed": 2, "credited": 1, "posted": 8}
    assert not Invoice.objects.exists()
    for expected in ([row], []):
        call_command("reconcile_payments", "--at", LATER.isoformat(), "--json")
        assert json.loads(capsys.readouterr().out) == expected
    assert findings() == []


def test_is_a_part_of_the_schedule(earlier):
    assert tasks.upkeep.compare_books() == 0
    assert findings() == []


@between_transactions
def test_three_at_once_write_each_once(ana, plan):
    for person in MembershipFactory.create_batch(3, tenant=ana.tenant):
        buy(person, plan)
    before = posted()
    forget_all()
    assert race(lambda _: catching_up.catch_up(at=LATER), range(3)) == 3
    assert posted() == before
    assert Invoice.objects.count() == 3
    assert findings() == []
