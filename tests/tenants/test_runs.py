"""One deed with many rows: each once and by itself, by who may at that moment, whatever dies or fails on the way."""

import pytest

from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tenants.directory.models import RoleGrant
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tenants.runs import operations as runs
from tenants.runs import rows, work
from tenants.runs.deeds import UnknownDeed
from tenants.runs.models import Run, RunRow
from tests.factories import NOON, TenantFactory, admin_of
from tests.tenants.toy_runs import NAME, NotToday, founded, journal, outcomes, start

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestAFewRows:
    def test_are_done_at_once_each_with_what_came_of_it(self, toy, ana):
        run = start(ana)
        assert founded() == ["0000", "0001", "0002"]
        assert list(run.rows.order_by("position").values_list("state", "detail", "done_at")) == [
            ("done", "New: 0000", NOON),
            ("done", "New: 0001", NOON),
            ("done", "New: 0002", NOON),
        ]
        assert (run.finished_at, run.leased_until, run.size) == (NOON, None, 3)
        assert [(by.user, at) for _subject, by, at in toy.seen] == [(ana.user, NOON)] * 3
        assert not Job.objects.exists()

    def test_stand_in_the_journal_with_what_came_of_them(self, toy, ana):
        toy.refuses.add("0001")
        start(ana, given={"word": "", "reason": "New offices"})
        assert journal() == [
            ("run.started", {"deed": NAME, "rows": 3, "reason": "New offices"}),
            ("run.finished", {"deed": NAME, "rows": {"done": 2, "refused": 1}}),
        ]
        assert set(Event.objects.filter(type__startswith="run.").values_list("actor", flat=True)) == {ana.user.pk}

    def test_a_subject_that_is_named_twice_is_done_once(self, toy, ana):
        assert start(ana, subjects=["a", "b", "a"]).size == 2
        assert founded() == ["a", "b"]

    def test_what_takes_too_long_goes_on_in_the_background(self, toy, ana, monkeypatch):
        monkeypatch.setattr(runs, "WAITS_AT_MOST", 0)
        run = start(ana)
        assert (founded(), run.finished_at) == ([], None)
        assert Job.objects.get().arguments == {"run": str(run.pk)}

    def test_asked_for_twice_by_one_page_are_done_once(self, toy, ana):
        first = start(ana)
        assert start(ana, id=first.pk) == first
        assert (len(toy.seen), Run.objects.count()) == (3, 1)


class TestARefusal:
    def test_is_kept_by_its_code_and_sentence_and_leaves_nothing_behind(self, toy, ana):
        toy.refuses.add("0001")
        run = start(ana)
        assert outcomes(run) == [("done", ""), ("refused", "not_today"), ("done", "")]
        assert run.rows.get(position=1).detail == "Not today."
        assert founded() == ["0000", "0002"]

    def test_of_bad_input_is_kept_by_what_is_wrong_with_it(self, toy, ana):
        def bad(subject):
            raise BadInput("No.", field="name", code="too_odd")

        toy.before = bad
        assert outcomes(start(ana, 1)) == [("refused", "too_odd")]


class TestADefect:
    def test_is_tried_three_times_and_set_aside_while_the_others_go_on(self, toy, ana):
        toy.fails["0000"] = 99
        run = start(ana)
        assert outcomes(run) == [("set_aside", ""), ("done", ""), ("done", "")]
        assert founded() == ["0001", "0002"]
        row = run.rows.get(position=0)
        assert (row.tries, row.last_error, row.detail) == (3, "ZeroDivisionError: of …@…", str(rows.FAILED))
        # The others had their turn first.
        assert [subject for subject, _by, _at in toy.seen] == ["0000", "0001", "0002", "0000", "0000"]
        assert journal()[-1] == ("run.finished", {"deed": NAME, "rows": {"done": 2, "set_aside": 1}})

    def test_that_passes_is_forgotten(self, toy, ana):
        toy.fails["0000"] = 2
        assert outcomes(start(ana)) == [("done", "")] * 3
        assert founded() == ["0000", "0001", "0002"]

    def test_that_kills_its_process_each_time_is_set_aside_too(self, toy, ana):
        run = start(ana, 60)
        for _killed in range(3):
            # The try is counted before it; then the process dies.
            RunRow.objects.filter(pk=rows.next_of(run, at=NOON).pk).update(tries=3)
        work.go_on(run.pk, at=NOON, seconds=30)
        assert run.rows.filter(state="set_aside").count() == 3
        assert run.rows.filter(state="done").count() == 57

    def test_can_be_tried_again_by_who_may(self, toy, ana):
        toy.fails["0001"] = 3
        run = start(ana)
        with pytest.raises(NotAllowed):
            runs.try_again(run=run, by=admin_of(ana.tenant, "billing_admin"), at=NOON)
        run = runs.try_again(run=run, by=ana, at=NOON)
        assert run.finished_at is None
        work.continue_run(run.pk)
        assert outcomes(run) == [("done", "")] * 3
        with pytest.raises(runs.NothingFailed):
            runs.try_again(run=run, by=ana, at=NOON)


class TestWhoMay:
    def test_nobody_without_the_deeds_right_begins(self, toy, ana):
        with pytest.raises(NotAllowed):
            start(admin_of(ana.tenant, "billing_admin"))
        assert not Run.objects.exists()

    def test_no_member_begins_what_nobody_knows(self, ana):
        with pytest.raises(UnknownDeed):
            start(ana)

    def test_a_role_that_is_taken_away_in_the_middle_acts_at_the_next_row(self, toy, ana):
        def takes_it_away(subject):
            if subject == "0001":
                RoleGrant.objects.filter(membership=ana.membership).delete()

        toy.before = takes_it_away
        run = start(ana)
        assert outcomes(run) == [("done", ""), ("done", ""), ("refused", "not_allowed")]
        assert founded() == ["0000", "0001"]

    def test_somebody_who_is_disabled_in_the_middle_does_no_further_row(self, toy, ana):
        def disables(subject):
            if subject == "0001":
                ana.membership.state = "disabled"
                ana.membership.save()

        toy.before = disables
        assert outcomes(start(ana)) == [("done", ""), ("done", ""), ("refused", "not_allowed")]

    def test_the_system_does_what_a_command_begins(self, toy, ana):
        toy.before = lambda subject: (_ for _ in ()).throw(NotToday)
        run = start(SYSTEM, 1)
        assert (run.tenant, run.started_by, outcomes(run)) == (None, None, [("refused", "not_today")])

    def test_others_see_it_only_if_they_read_the_journal(self, toy, ana):
        run = start(ana)
        seen_by = {role: run in Run.objects.visible_to(admin_of(ana.tenant, role)) for role in ROLES}
        assert seen_by == dict.fromkeys(ROLES, False) | {
            "global_admin": True,
            "billing_admin": True,
            "global_reader": True,
        }
        assert run in Run.objects.visible_to(ana)
        assert run not in Run.objects.visible_to(admin_of(TenantFactory()))

    def test_whoever_started_it_sees_it_without_reading_the_journal(self, toy, ana):
        by = admin_of(ana.tenant, "user_admin")
        theirs, others = start(by, subjects=["own"]), start(ana)
        assert set(Run.objects.visible_to(by)) == {theirs}
        assert set(Run.objects.visible_to(ana)) == {theirs, others}


ROLES = ["global_admin", "billing_admin", "license_admin", "user_admin", "global_reader"]
