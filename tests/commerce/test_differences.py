"""Comparing the provider's books with our rows: what is found, kept once, listed, and gone by itself."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import BooksCompared, Difference, DifferenceKind, Payment
from commerce.operations.accounts import reconciliation, repairs
from tenants.journal.models import Event
from tests.commerce.differences import (
    DAY,
    LATER,
    ONE_OF_EACH,
    PRICE,
    charges,
    compare,
    contested,
    declined_but_captured,
    findings,
    found,
    never_asked_about,
    never_captured,
    refund_made_there,
    refunds_there,
    set_aside,
    stranger,
)
from tests.factories import NOON, MembershipFactory, buy, open_checkout, pay
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


def both_sides(difference):
    return (difference.here, difference.here_amount), (difference.there, difference.there_amount)


class TestWhatIsFound:
    def test_nothing_where_both_say_the_same(self, ana, plan):
        buy(ana, plan)
        canceled_one = MembershipFactory(tenant=ana.tenant)
        pay(open_checkout(canceled_one, plan), "pm_card_authenticationRequired")
        assert compare().standing == 0
        assert not Difference.objects.exists()

    @pytest.mark.parametrize("kind", DifferenceKind)
    def test_each_kind(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        difference = found(kind)
        assert (difference.gateway, difference.found_at, difference.seen_at) == ("sandbox", LATER, LATER)
        assert difference.resolved_at is None
        assert difference.currency == "USD"

    def test_a_payment_that_is_not_written_down(self, ana, plan):
        payment = declined_but_captured(ana, plan)
        difference = found("unsettled")
        assert (difference.tenant, difference.payment) == (ana.tenant, payment)
        assert both_sides(difference) == (("failed", 0), ("captured", PRICE))
        assert difference.reference == f"pi_{payment.pk.hex}"

    def test_a_payment_in_progress_only_after_a_minute(self, ana, plan):
        never_asked_about(ana, plan)
        assert compare(NOON + timedelta(seconds=60)).standing == 0
        assert found("unsettled").here == "requires_action"

    def test_a_charge_of_nobody(self, ana, plan):
        charge = stranger()
        difference = found("unknown_charge")
        assert (difference.tenant, difference.payment, difference.reference) == (None, None, f"pi_{charge.key.hex}")
        assert both_sides(difference) == (("", None), ("captured", charge.amount))

    def test_no_charge_of_nobody_that_took_nothing_or_went_back(self):
        stranger()
        charges().update(state="declined")
        assert compare().standing == 0
        charge = stranger()
        SandboxGateway().refund_by_hand(key=charge.pk, charge_key=charge.pk, amount=charge.amount)
        assert compare().standing == 0

    def test_what_was_set_aside_with_its_own_currency(self, ana, plan):
        set_aside(ana, plan, currency="EUR")
        difference = found("set_aside")
        assert (difference.currency, difference.there_amount) == ("EUR", PRICE)

    @pytest.mark.parametrize("amount", [0, 5])
    def test_a_payment_that_was_not_captured_or_with_another_amount(self, ana, plan, amount):
        if amount:
            buy(ana, plan)
            charges().update(amount=amount)
        else:
            never_captured(ana, plan)
        assert both_sides(found("not_captured")) == (("succeeded", PRICE), ("captured" if amount else "", amount))

    def test_a_refund_made_there_and_what_of_it_is_written_down(self, ana, plan):
        refund_made_there(ana, plan)
        assert both_sides(found("unknown_refund")) == (("", 0), ("succeeded", 5))

    def test_a_dispute_that_was_decided_meanwhile(self, ana, plan):
        payment = contested(ana, plan)
        repairs.disputes.settle_dispute(report=SandboxGateway().contest(payment.pk), at=NOON)
        assert compare().standing == 0
        SandboxGateway().judge_dispute(payment.pk, won=True)
        assert both_sides(found("unknown_dispute")) == (("open", PRICE), ("won", PRICE))

    @pytest.mark.parametrize("kind", DifferenceKind)
    def test_the_audit_speaks_of_each(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        assert len(findings()) >= 1
        compare()
        difference = Difference.objects.get()
        assert f"difference {difference.pk}: {kind} {difference.reference}" in findings()


class TestFoundAgain:
    def test_it_is_the_same_row(self, ana, plan):
        declined_but_captured(ana, plan)
        first = found("unsettled")
        charges().update(amount="7.00")
        again = found("unsettled", LATER + DAY)
        assert (again.pk, again.found_at, again.seen_at) == (first.pk, LATER, LATER + DAY)
        assert again.there_amount == 7
        assert Event.objects.filter(type="difference.found").count() == 1

    def test_gone_by_itself_it_is_resolved(self, ana, plan):
        payment = refund_made_there(ana, plan)
        difference = found("unknown_refund")
        refunds_there().all().delete()
        assert compare(LATER + DAY).gone == 1
        difference.refresh_from_db()
        assert (difference.resolution, difference.resolved_at, difference.resolved_by) == ("gone", LATER + DAY, None)
        assert Event.objects.get(type="difference.gone").tenant is None
        SandboxGateway().refund_by_hand(key=payment.pk, charge_key=payment.pk, amount=1)
        compare(LATER + DAY)
        assert Difference.objects.count() == 2

    @pytest.mark.parametrize("kind", DifferenceKind)
    def test_one_of_an_earlier_window_is_asked_about_alone(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        difference = found(kind)
        now = timezone.now()
        reconciliation.compare_books(since=now + 30 * DAY, until=now + 31 * DAY, at=LATER + DAY)
        difference.refresh_from_db()
        assert (difference.resolved_at, difference.seen_at) == (None, LATER + DAY)

    @between_transactions
    def test_four_that_compare_at_once_keep_one_row(self, ana, plan):
        declined_but_captured(ana, plan)
        stranger()
        assert race(lambda _: compare(), range(4)) == 4
        assert sorted(Difference.objects.values_list("kind", flat=True)) == ["unknown_charge", "unsettled"]

    def test_the_database_refuses_a_second_open_row(self, ana, plan):
        declined_but_captured(ana, plan)
        difference = found("unsettled")
        difference.pk = None
        with pytest.raises(IntegrityError, match="one_open_difference_of_a_kind"), transaction.atomic():
            difference.save(force_insert=True)


class TestWindows:
    def test_begin_with_the_first_payment_less_a_day(self, ana, plan):
        buy(ana, plan)
        assert reconciliation.window(at=LATER) == (NOON - DAY, LATER)

    def test_begin_where_the_last_complete_run_ended_less_a_day(self, ana, plan):
        buy(ana, plan)
        reconciliation.compare_books(at=NOON + 5 * DAY)
        assert reconciliation.window(at=NOON + 6 * DAY) == (NOON + 4 * DAY, NOON + 6 * DAY)

    def test_that_end_earlier_or_leave_something_out_do_not_count_as_the_last(self, ana, plan):
        buy(ana, plan)
        reconciliation.compare_books(at=NOON + 5 * DAY)
        reconciliation.compare_books(since=NOON, until=NOON + DAY, at=NOON + 6 * DAY)
        reconciliation.compare_books(since=NOON + 8 * DAY, until=NOON + 9 * DAY, at=NOON + 9 * DAY)
        assert BooksCompared.objects.get().until == NOON + 5 * DAY

    def test_that_are_long_are_read_in_parts_and_go_on_where_they_were_cut_short(self, ana, plan, monkeypatch):
        buy(ana, plan)
        read = []

        def books(self, since, until):
            if len(read) == 2:
                raise GatewayUnavailable
            read.append((since, until))
            return iter(())

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "books", books)
            with pytest.raises(reconciliation.ProviderSilent):
                reconciliation.compare_books(at=NOON + 100 * DAY)
        assert [(until - since).days for since, until in read] == [30, 30]
        assert BooksCompared.objects.get().until == NOON + 59 * DAY
        assert reconciliation.window(at=NOON + 100 * DAY)[0] == NOON + 58 * DAY

    def test_tell_of_a_charge_of_nobody_that_went_back_in_a_later_part(self, monkeypatch):
        charge = stranger()
        charges().update(created_at=NOON)
        SandboxGateway().refund_by_hand(key=charge.pk, charge_key=charge.pk, amount=charge.amount)
        assert compare().standing == 0
        assert Difference.objects.get().resolution == "gone"

    def test_that_were_not_read_to_the_end_are_read_again(self, ana, plan, monkeypatch):
        stranger()
        now = timezone.now()
        buy(ana, plan, at=now)
        today = {"since": now - DAY, "until": now + DAY, "at": now + DAY}

        def away(self, key):
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "find", away)
            charges().filter(pk=Payment.objects.get().pk).delete()
            with pytest.raises(reconciliation.ProviderSilent):
                reconciliation.compare_books(**today)
        assert Difference.objects.get().kind == "unknown_charge"
        assert not BooksCompared.objects.exists()
        assert reconciliation.compare_books(**today).standing == 2


class TestTheCommand:
    @pytest.fixture
    def run(self, capsys):
        def call(**options):
            window = {"since": (NOON - DAY).isoformat(), "until": (timezone.now() + DAY).isoformat()}
            arguments = [f"--{name}={value}" for name, value in {**window, **options}.items() if value is not True]
            flags = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is True]
            call_command("reconcile_payments", *arguments, *flags, "--at", LATER.isoformat(), "--json")
            return json.loads(capsys.readouterr().out)

        return call

    def test_lists_what_differs_with_its_repair(self, ana, plan, run):
        refund_made_there(ana, plan)
        [row] = run()
        assert row == {
            "kind": "unknown_refund",
            "tenant": "contoso",
            "reference": row["reference"],
            "here": "0.00 USD",
            "there": "succeeded 5.00 USD",
            "repair": "Write the refund down",
            "id": str(Difference.objects.get().pk),
            "since": row["since"],
        }

    def test_a_dry_run_lists_the_same_and_keeps_nothing(self, ana, plan, run):
        refund_made_there(ana, plan)
        [row] = run(dry_run=True)
        assert (row["kind"], row["there"]) == ("unknown_refund", "succeeded 5.00 USD")
        assert not Difference.objects.exists()
        assert not BooksCompared.objects.exists()

    def test_asks_first_about_what_is_in_progress(self, ana, plan, run):
        never_asked_about(ana, plan)
        for rows in (run(dry_run=True), run()):
            assert [row["kind"] for row in rows] == ["payment"]

    def test_prints_a_table(self, ana, plan, run, capsys):
        stranger()
        run()
        call_command("reconcile_payments", "--at", LATER.isoformat())
        assert "Give the charge back" in capsys.readouterr().out

    def test_exits_1_while_the_provider_is_away(self, ana, plan, run, monkeypatch):
        never_captured(ana, plan)

        def away(self, *_):
            raise GatewayUnavailable

        monkeypatch.setattr(SandboxGateway, "find", away)
        with pytest.raises(CommandError, match="does not answer") as failed:
            run()
        assert failed.value.returncode == 1

    def test_a_window_that_ends_before_it_begins_is_wrong_usage(self, run):
        with pytest.raises(CommandError, match="is not after") as failed:
            run(since=NOON.isoformat(), until=NOON.isoformat())
        assert failed.value.returncode == 2
