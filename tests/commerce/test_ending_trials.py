"""Whoever tries a product is reminded a week before it ends, once."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.operations.buying import trials
from commerce.operations.changes import cancellations
from commerce.operations.letters import trial_letters
from licensing.models import TrialUse
from licensing.operations import trials as licensed_trials
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tests.factories import NOON, MembershipFactory, acting, admin_of, plan_on_sale
from tests.race import at_once

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DAY = timedelta(days=1)
END = NOON + 30 * DAY
WEEK_BEFORE = END - 7 * DAY


@pytest.fixture
def ana():
    return MembershipFactory()


def start(buyer, days=30):
    plan = plan_on_sale(product__trial_days=days, product__trial_seats=5)
    return trials.start_trial(plan=plan, quantity=1, by=acting(buyer), at=NOON).trial


def told():
    return [job.arguments["subscription_id"] for job in Job.objects.filter(name="commerce.deliver_ending_trial")]


def deliver(trial, at=WEEK_BEFORE):
    mail.outbox.clear()
    trial_letters.deliver_ending(subscription_id=trial.pk, site="https://s.example", sender="s@s.example", at=at)
    return mail.outbox


def test_its_holder_is_told_a_week_before_and_once(ana):
    trial = start(ana)
    assert trial_letters.tell_ending(at=WEEK_BEFORE - timedelta(seconds=1)) == 0
    assert trial_letters.tell_ending(at=WEEK_BEFORE) == 1
    assert trial_letters.tell_ending(at=WEEK_BEFORE + DAY) == 0
    assert told() == [str(trial.pk)]
    assert Event.objects.get(type="trial.ending").subject == str(trial.pk)


def test_the_letter_goes_to_its_holder_alone_and_says_when(ana):
    admin_of(ana.tenant)
    [letter] = deliver(start(ana))
    assert letter.to == [ana.user.email]
    assert "9 April 2026" in letter.subject
    assert "Nothing is charged" in letter.body


@pytest.mark.parametrize(("days", "count"), [(7, 0), (8, 1)])
def test_of_a_trial_of_a_week_or_less_only_its_start_is_told(ana, days, count):
    start(ana, days)
    found = [trial_letters.tell_ending(at=NOON + hours * timedelta(hours=12)) for hours in range(2 * days)]
    assert sum(found) == count
    assert Job.objects.filter(name="commerce.deliver_trial").count() == 1


def test_one_that_was_extended_is_told_of_its_new_end(ana):
    trial = start(ana)
    trial_letters.tell_ending(at=WEEK_BEFORE)
    licensed_trials.extend(subscription=trial, by=admin_of(ana.tenant), at=WEEK_BEFORE + DAY)
    assert trial_letters.tell_ending(at=WEEK_BEFORE + 2 * DAY) == 0
    assert trial_letters.tell_ending(at=WEEK_BEFORE + 30 * DAY) == 1
    assert told() == [str(trial.pk)] * 2


def test_one_that_has_ended_is_not_told(ana):
    trial = start(ana)
    cancellations.cancel_subscription(subscription=trial, reason="", by=acting(ana), at=NOON)
    assert trial_letters.tell_ending(at=WEEK_BEFORE) == 0
    assert deliver(trial) == []
    assert trial_letters.tell_ending(at=END) == 0


def test_whoever_has_left_gets_no_letter(ana):
    trial = start(ana)
    ana.state = "left"
    ana.save()
    assert deliver(trial) == []


def test_a_sweep_that_comes_late_still_tells_until_the_end(ana):
    start(ana)
    assert trial_letters.tell_ending(at=END - timedelta(minutes=1)) == 1
    TrialUse.objects.update(told_of_end=None)
    assert trial_letters.tell_ending(at=END) == 0


def test_finding_them_costs_one_query_for_none_of_thirty(ana):
    for count in (1, 29):
        for _ in range(count):
            start(MembershipFactory(tenant=ana.tenant))
        trial_letters.tell_ending(at=WEEK_BEFORE)
        with CaptureQueriesContext(connection) as queries:
            trial_letters.tell_ending(at=WEEK_BEFORE)
        assert len(queries) == 1


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_of_two_sweeps_at_once_one_tells(ana):
    trial = start(ana)
    assert sum(at_once(lambda _: trial_letters.tell_ending(at=WEEK_BEFORE), [1, 2])) == 1
    assert told() == [str(trial.pk)]
