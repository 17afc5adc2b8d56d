"""A query of purchases as a file by e-mail, every day, week or month: once each time, with the rights of then."""

import csv
import io
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError

import pytest
from django.core import mail
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from commerce.models import Every, ExportSchedule
from commerce.operations.letters import export_letters
from commerce.operations.procurement import columns, saved_filters, schedules
from tenants.access import actor_at
from tenants.delivery.models import Job
from tenants.directory.operations import organisations
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.callers import signed_in
from tests.factories import NOON, MembershipFactory, acting, admin_of, buy
from tests.race import race
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

# NOON is a Tuesday; the organisation's time is UTC.
MORNING = datetime(2026, 3, 11, 7, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
def billing(ana):
    return admin_of(ana.tenant, "billing_admin")


def add(by, at=NOON, **said):
    return schedules.add(**{"name": "Mine", "query": {}, "format": "csv", "every": "day", "by": by, "at": at, **said})


def post(at):
    """What waits is sent, each once."""
    mail.outbox.clear()
    for job in Job.objects.filter(name=schedules.JOB, done_at=None):
        due_at, schedule = parse_datetime(job.arguments["due_at"]), job.arguments["schedule_id"]
        export_letters.deliver(
            schedule_id=schedule, due_at=due_at, site="https://s.example", sender="s@s.example", at=at
        )
        Job.objects.filter(pk=job.pk).update(done_at=at)
    return mail.outbox


def rows(letter):
    [(_name, content, kind)] = letter.attachments
    assert kind.startswith("text/csv")
    text = content if isinstance(content, str) else content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


@pytest.mark.parametrize(
    ("every", "due"), [("day", (3, 11)), ("week", (3, 16)), ("month", (4, 1))], ids=["day", "week", "month"]
)
def test_it_is_due_at_seven_of_the_next_such_day(ana, every, due):
    found = schedules.next_time(Every(every), after=NOON, zone=ana.tenant.zone)
    assert found == datetime(2026, *due, 7, tzinfo=UTC)


def test_each_time_it_is_sent_once_and_only_once_for_all_that_was_missed(ana, plan, billing):
    buy(ana, plan, 2)
    add(billing)
    assert schedules.send_due(at=MORNING - SECOND) == 0
    assert [schedules.send_due(at=MORNING), schedules.send_due(at=MORNING)] == [1, 0]
    [letter] = post(MORNING)
    assert letter.to == [billing.user.email]
    assert [row["Quantity"] for row in rows(letter)] == ["2"]
    assert schedules.send_due(at=MORNING + 5 * DAY) == 1
    assert len(post(MORNING)) == 1
    assert ExportSchedule.objects.get().next_at == MORNING + 6 * DAY


def test_a_worker_that_dies_after_sending_leaves_a_copy_that_is_known_as_one(ana, plan, billing):
    add(billing)
    schedules.send_due(at=MORNING)
    post(MORNING)
    Job.objects.update(done_at=None)
    copies = [*mail.outbox, *post(MORNING)]
    assert len(copies) == 2
    assert len({letter.extra_headers["Message-ID"] for letter in copies}) == 1
    schedules.send_due(at=MORNING + DAY)
    [tomorrow] = post(MORNING + DAY)
    assert tomorrow.extra_headers["Message-ID"] != copies[0].extra_headers["Message-ID"]


def test_it_holds_what_its_query_finds(ana, plan, billing):
    buy(ana, plan, 2)
    add(billing, query={"channel": "central"})
    schedules.send_due(at=MORNING)
    assert rows(post(MORNING)[0]) == []


def test_it_holds_what_the_person_may_read_when_it_is_sent(ana, plan, billing):
    buy(ana, plan, 2)
    add(billing)
    billing.membership.role_grants.update(role="license_admin")
    schedules.send_due(at=MORNING)
    [row] = rows(post(MORNING)[0])
    assert "Price paid" not in row
    billing.membership.role_grants.update(role="user_admin")
    schedules.send_due(at=MORNING + DAY)
    assert post(MORNING + DAY) == []


def test_it_keeps_the_columns_that_were_chosen_when_it_was_made(ana, plan, billing):
    buy(ana, plan, 2)
    add(billing, query={"state": "active"}, columns=["in_state", "price_paid"])
    schedules.send_due(at=MORNING)
    [letter] = post(MORNING)
    [row] = rows(letter)
    assert list(row) == ["Product", "Plan", "Currency", "Price paid", "Refunded", "State"]
    assert "/admin/commerce/purchase/?state=active&columns=product&columns=in_state&columns=price_paid\n" in letter.body
    # Of the chosen ones those that the person may read by then.
    billing.membership.role_grants.update(role="license_admin")
    schedules.send_due(at=MORNING + DAY)
    [row] = rows(post(MORNING + DAY)[0])
    assert list(row) == ["Product", "Plan", "State"]


def test_one_that_chose_what_stands_there_anyway_has_all_columns_that_come_later_too(billing):
    for name, chosen in (("First", columns.FIRST_SHOWN), ("None", ())):
        schedule = add(billing, name=name, columns=chosen)
        assert (schedule.query, schedule.columns) == ({}, [])


def test_a_partners_person_is_sent_nothing_after_their_delegation(ana, plan):
    delegate = let_in(ana.tenant, at=NOON, lasts=timedelta(days=2))
    add(actor_at(delegate.user, ana.tenant, at=NOON))
    schedules.send_due(at=MORNING)
    assert len(post(MORNING)) == 1
    schedules.send_due(at=MORNING + 2 * DAY)
    assert post(MORNING + 2 * DAY) == []


def test_a_workbook_is_one(ana, plan, billing):
    buy(ana, plan, 2)
    add(billing, format="xlsx")
    schedules.send_due(at=MORNING)
    [(name, content, _kind)] = post(MORNING)[0].attachments
    assert (name, content[:2]) == ("purchases-2026-03-11.xlsx", b"PK")


@pytest.mark.parametrize("limit", ["MOST_ROWS", "MOST_BYTES"])
def test_a_file_that_is_too_large_comes_as_a_link(ana, plan, billing, limit, monkeypatch):
    monkeypatch.setattr(export_letters, limit, 1)
    for _ in range(2):
        buy(MembershipFactory(tenant=ana.tenant), plan, 1)
    add(billing, query={"state": "active"}, columns=["buyer"])
    schedules.send_due(at=MORNING)
    [letter] = post(MORNING)
    assert letter.attachments == []
    asked = "state=active&columns=product&columns=buyer&format=csv"
    assert f"https://s.example/admin/commerce/purchase/export/?{asked}\n" in letter.body


def test_a_query_that_names_what_is_gone_says_so(ana, plan, billing):
    add(billing)
    ExportSchedule.objects.update(query={"department": "gone"})
    schedules.send_due(at=MORNING)
    [letter] = post(MORNING)
    assert letter.attachments == []
    assert "could not be made" in letter.body


def test_what_is_removed_is_not_sent_any_more_not_even_what_waits(ana, billing):
    schedule = add(billing)
    schedules.send_due(at=MORNING)
    schedules.remove(schedule=schedule.pk, by=billing, at=MORNING)
    assert post(MORNING) == []
    types = Event.objects.of(ana.tenant).filter(type__startswith="export_schedule").values_list("type", flat=True)
    assert set(types) == {"export_schedule.added", "export_schedule.removed"}


class TestRefused:
    @pytest.mark.parametrize(
        "said", [{"name": ""}, {"format": "pdf"}, {"every": "hour"}, {"query": {"state": "nonsense"}}]
    )
    def test_what_cannot_be(self, billing, said):
        with pytest.raises(BadInput):
            add(billing, **said)
        assert not ExportSchedule.objects.exists()

    def test_the_same_name_again(self, billing):
        add(billing)
        with pytest.raises(schedules.ScheduleExists):
            add(billing)

    def test_too_many(self, billing, monkeypatch):
        monkeypatch.setattr(schedules, "MOST", 1)
        add(billing)
        with pytest.raises(schedules.TooManySchedules):
            add(billing, name="Another")

    def test_those_who_may_not_export(self, ana):
        for nobody in (acting(ana), admin_of(ana.tenant, "user_admin")):
            with pytest.raises(NotAllowed):
                add(nobody)


def kept_at_once(keep, monkeypatch, refused):
    """One may still be kept, and six come for it; each has counted before another one writes, if it gets that far."""
    gate = Barrier(6)

    def own(rows):
        found = own_count(rows)
        with suppress(BrokenBarrierError):
            gate.wait(1)
        return found

    own_count = QuerySet.count
    monkeypatch.setattr(QuerySet, "count", own)
    return race(keep, range(6), refused=refused)


LIMITED = [
    (schedules, schedules.TooManySchedules, lambda by, n: add(by, name=f"Mine {n}")),
    (
        saved_filters,
        saved_filters.TooManyFilters,
        lambda by, n: saved_filters.keep(name=str(n), query={}, by=by, at=NOON),
    ),
]


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
@pytest.mark.parametrize(("room", "refused", "keep"), LIMITED)
@pytest.mark.parametrize("locked", [True, False])
def test_who_comes_six_times_at_once_keeps_no_more_than_one_may(room, refused, keep, locked, monkeypatch):
    """Without the lock, the control, all six are kept."""
    monkeypatch.setattr(room, "MOST", 1)
    if not locked:
        monkeypatch.setattr(organisations, "lock", lambda tenant: None)
    by = admin_of(MembershipFactory().tenant, "billing_admin")
    kept = kept_at_once(lambda n: keep(by, n), monkeypatch, refused)
    assert (kept == 1) == locked


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_of_several_sweeps_at_once_one_sends():
    add(admin_of(MembershipFactory().tenant, "billing_admin"))
    race(lambda _n: schedules.send_due(at=MORNING), range(4))
    assert Job.objects.filter(name=schedules.JOB).count() == 1


class TestPages:
    def test_one_asks_for_it_finds_it_and_removes_it(self, ana, billing):
        browser = signed_in(billing.membership)
        page = reverse("admin:commerce_purchase_schedule") + "?state=active"
        assert browser.get(page).status_code == 200
        sent = browser.post(page, {"name": "Running", "every": "week", "format": "xlsx"})
        assert sent["Location"] == reverse("admin:commerce_purchase_schedules")
        schedule = ExportSchedule.objects.get()
        assert (schedule.query, schedule.every, schedule.format) == ({"state": "active"}, "week", "xlsx")
        assert "Running" in browser.get(sent["Location"]).content.decode()
        other = signed_in(admin_of(ana.tenant).membership)
        remove = reverse("admin:commerce_purchase_remove_schedule", args=[schedule.pk])
        assert other.post(remove).status_code == 404
        assert "Running" not in other.get(sent["Location"]).content.decode()
        assert browser.post(remove).status_code == 302
        assert not ExportSchedule.objects.exists()

    def test_it_says_which_columns_come(self, billing):
        browser = signed_in(billing.membership)
        page = reverse("admin:commerce_purchase_schedule") + "?state=active&columns=buyer"
        assert "Columns: Product, Purchaser<" in browser.get(page).text
        sent = browser.post(page, {"name": "Running", "every": "week", "format": "csv"})
        assert ExportSchedule.objects.get().columns == ["product", "buyer"]
        text = browser.get(sent["Location"]).text
        assert ">Product, Purchaser<" in text
        assert "/admin/commerce/purchase/?state=active&amp;columns=product&amp;columns=buyer" in text
        event = Event.objects.get(type="export_schedule.added")
        assert event.data["filters"] == ["state"]

    def test_the_list_of_purchases_leads_there(self, ana, billing):
        text = signed_in(billing.membership).get(reverse("admin:commerce_purchase_changelist")).content.decode()
        assert reverse("admin:commerce_purchase_schedule") in text

    def test_a_refusal_stands_at_its_field(self, billing):
        add(billing)
        page = reverse("admin:commerce_purchase_schedule")
        answer = signed_in(billing.membership).post(page, {"name": "Mine", "every": "week", "format": "csv"})
        assert answer.status_code == 400
        assert "name" in answer.context["form"].errors
