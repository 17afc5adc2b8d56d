"""How much the hourly look for what was forgotten reads: what is new, however long the history is."""

import json
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce import tasks
from commerce.models import Invoice, LedgerChecked, Movement, Order, Payment, Posting, Refund
from commerce.operations.accounts import catching_up
from commerce.operations.paying import disputes
from tests.commerce.differences import BANK, canceled, contested, set_aside
from tests.commerce.test_catching_up import forget_all, posted
from tests.factories import NOON, MembershipFactory, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
COPIES = 10_500
TODAY = NOON + 400 * DAY

# Of each table what a copy has of its own; the rest is as in the row that is copied.
COPIED = {
    Order: {"moments": ["created_at", "granted_at", "paid_at"]},
    Payment: {"refers": ["order_id"], "moments": ["started_at", "settled_at"]},
    Refund: {"refers": ["order_id", "payment_id"], "moments": ["created_at", "settled_at"]},
    Invoice: {"refers": ["order_id", "refund_id", "credits_id"], "moments": ["issued_at"]},
    Movement: {"refers": ["order_id", "payment_id", "source"], "moments": ["at"]},
}


def copy(model, refers=(), moments=()):
    """Each row of a table so many times more, with what refers to other copies, spread over the year after NOON."""
    table = model._meta.db_table
    own = {name: f"md5(old.{name}::text || n)::uuid" for name in ("id", *refers)}
    own |= {name: f"old.{name} + n % 350 * interval '1 day'" for name in moments}
    if model is Order:
        own["checkout_id"] = "NULL"
    if model is Payment or model is Refund:
        own["gateway_ref"] = "old.gateway_ref || n"
    if model is Invoice:
        own |= {"sequence": "old.sequence + 2 * n", "number": "old.number || '-' || n"}
    pairs = ", ".join(f"'{name}', {value}" for name, value in own.items())
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} SELECT new.* FROM {table} AS old, generate_series(1, {COPIES}) AS n, "  # noqa: S608 (our own tables)
            f"LATERAL jsonb_populate_record(old, jsonb_build_object({pairs})) AS new"
        )


@contextmanager
def by_hand(*models):
    """Without the triggers that only the ways of the operations satisfy."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for model in models:
            cursor.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        yield cursor
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for model in models:
            cursor.execute(f"ALTER TABLE {model._meta.db_table} ENABLE TRIGGER USER")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.fixture
def long_history(ana, plan):
    """Purchases that were paid, canceled and refunded, every day of a year; nothing of them was forgotten."""
    canceled(ana, plan)
    with by_hand(*COPIED):
        for model, own in COPIED.items():
            copy(model, **own)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert [model.objects.count() // COPIES for model in COPIED] == [1, 1, 1, 2, 4]
    assert catching_up.catch_up(at=TODAY - HOUR).total == 0


def rows_read(work):
    """How many rows the scans of all the questions had in their hands that `work` asks."""
    with CaptureQueriesContext(connection) as asked:
        work()
    questions = [query["sql"] for query in asked.captured_queries if query["sql"].startswith("SELECT")]
    plans = []
    with connection.cursor() as cursor:
        for question in questions:
            if "FOR NO KEY UPDATE" not in question:
                cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {question}")
                plans.append(cursor.fetchone()[0][0]["Plan"])
    assert plans
    return sum(map(_read, plans))


def _read(node):
    own = 0
    if "Relation Name" in node:
        kept = (
            node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        )
        own = kept * node["Actual Loops"]
    return own + sum(map(_read, node.get("Plans", [])))


def hourly(at=TODAY):
    return catching_up.catch_up(since=catching_up.begins_at(at), at=at)


def test_an_hourly_run_reads_only_what_is_new_and_finds_what_is_forgotten_in_it(long_history, plan):
    assert rows_read(hourly) < 100
    # The control: all of history, as it is read once a week.
    assert rows_read(lambda: catching_up.catch_up(at=TODAY)) > 5 * COPIES
    buy(MembershipFactory(), plan, at=TODAY - 2 * HOUR)
    new = Movement.objects.filter(at=TODAY - 2 * HOUR)
    ids = list(new.values_list("pk", flat=True))
    with by_hand(Posting, Movement) as cursor:
        cursor.execute("DELETE FROM commerce_posting WHERE movement_id = ANY(%s)", [ids])
        cursor.execute("DELETE FROM commerce_movement WHERE id = ANY(%s)", [ids])
    assert len(ids) == 2
    assert hourly().posted == 2
    assert new.count() == 2


@pytest.mark.parametrize("story", ["canceled", "set aside", "won", "lost", "open"])
def test_each_kind_of_fact_is_found_by_its_moment(ana, plan, story):
    if story == "canceled":
        canceled(ana, plan)
    elif story == "set aside":
        set_aside(ana, plan)
    else:
        payment = contested(ana, plan)
        report = BANK.contest(payment.pk)
        disputes.settle_dispute(report=report, at=report.opened_at)
        if story != "open":
            report = BANK.judge_dispute(payment.pk, won=story == "won")
            disputes.settle_dispute(report=report, at=report.opened_at)
    before = posted()
    forget_all()
    done = catching_up.catch_up(since=NOON - HOUR, at=NOON)
    assert done.posted > 0
    assert posted() == before
    assert (done.billed > 0) == (story != "set aside")
    assert (done.credited > 0) == (story == "canceled")


class TestWhatItRemembers:
    def test_the_first_run_reads_everything_and_the_next_ones_what_is_new(self):
        assert catching_up.begins_at(NOON) is None
        catching_up.catch_up(at=NOON)
        assert catching_up.begins_at(NOON + HOUR) == NOON - DAY
        hourly(NOON + 2 * DAY)
        assert catching_up.begins_at(NOON + 3 * DAY) == NOON + DAY

    def test_once_a_week_it_reads_everything(self):
        catching_up.catch_up(at=NOON)
        for hours in range(1, 7 * 24, 11):
            assert hourly(NOON + hours * HOUR).total == 0
        assert catching_up.begins_at(NOON + WEEK - HOUR) is not None
        assert catching_up.begins_at(NOON + WEEK) is None
        hourly(NOON + WEEK)
        assert LedgerChecked.objects.get().whole_at == NOON + WEEK

    def test_a_run_that_begins_after_the_last_one_ended_leaves_the_gap_open(self):
        catching_up.catch_up(at=NOON)
        catching_up.catch_up(since=NOON + DAY, at=NOON + 2 * DAY)
        assert LedgerChecked.objects.get().until == NOON

    def test_one_that_dies_is_done_again(self, ana, plan, monkeypatch):
        catching_up.catch_up(at=NOON)
        buy(ana, plan, at=NOON + HOUR)
        forget_all()
        with monkeypatch.context() as patch:
            patch.setattr(catching_up.invoices, "issue_invoice", lambda **_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                hourly(NOON + 2 * HOUR)
        assert LedgerChecked.objects.get().until == NOON
        assert hourly(NOON + 3 * HOUR).billed == 1


def test_what_was_forgotten_long_ago_is_found_by_the_full_run_alone(ana, plan, capsys):
    buy(ana, plan)
    catching_up.catch_up(at=NOON + 6 * DAY)
    forget_all()
    at = ["--at", (NOON + 7 * DAY).isoformat(), "--json"]
    for more, rows in (([], 0), (["--full", "--dry-run"], 1), (["--full"], 1), (["--full"], 0)):
        call_command("reconcile_payments", *at, *more)
        assert len(json.loads(capsys.readouterr().out)) == rows, more


def test_the_schedule_reads_what_is_new(monkeypatch):
    tasks.upkeep.compare_books()
    seen = []
    monkeypatch.setattr(catching_up, "catch_up", lambda **options: seen.append(options["since"]))
    tasks.upkeep.compare_books()
    assert seen[0] is not None
