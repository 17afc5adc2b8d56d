"""The letters that follow a renewal that its card did not pay: at once, by the steps, and each once."""

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce import tasks
from commerce.models import DunningStep, HardDecline
from commerce.operations.renewing import dunning
from policies.operations import settings
from tenants.delivery.models import Job
from tests.commerce.changes import DAY, SECOND
from tests.commerce.declining import DUE, OTHER, RETRIES, buy_with_bad_card, deliver, now, pay_with
from tests.commerce.renewing import advance, renewal_of, sweep
from tests.factories import MembershipFactory, acting, admin_of, plan_on_sale
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestLetters:
    def test_go_to_the_payer_at_once_and_after_each_step(self, ana, subscription):
        sweep(DUE)
        assert deliver() == [(ana.user.email, "A payment failed: Power BI Pro, monthly")]
        body = mail.outbox[0].body
        assert "could not be charged" in body
        assert "The bank declined the charge and gave no reason." in body
        assert "tried again on 11 April 2026 at 09:00" in body
        assert "until 10 May 2026" in body
        assert f"/my/subscriptions/{subscription.pk}/card/" in body
        for moment in RETRIES:
            advance(moment)
            sweep(moment)
            assert len(deliver()) == 1
        assert mail.outbox[0].subject == "Another card is needed: Power BI Pro, monthly"
        assert f"/my/subscriptions/{subscription.pk}/reactivate/" in mail.outbox[0].body

    def test_are_one_however_often_they_are_sent(self, subscription):
        sweep(DUE)
        job = Job.objects.get(name="commerce.tell_failed_renewal")
        tasks.letters.tell_failed_renewal(job_id=str(job.pk))
        tasks.letters.tell_failed_renewal(job_id=str(job.pk))
        assert len(mail.outbox) == 1
        sweep(RETRIES[0])
        deliver()
        deliver()
        ids = list(Job.objects.filter(name="commerce.tell_failed_renewal").values_list("arguments__about", flat=True))
        assert sorted(ids) == ["1-0", "2-1"]

    def test_are_not_sent_on_days_whose_step_has_none(self, subscription):
        DunningStep.objects.filter(day=1).update(mail=False)
        sweep(DUE)
        deliver()
        sweep(RETRIES[0])
        assert deliver() == []

    def test_remind_on_the_days_of_the_steps_while_another_card_is_waited_for(self, subscription):
        HardDecline.objects.create(code="generic_decline")
        sweep(DUE)
        assert deliver()[0][1] == "Another card is needed: Power BI Pro, monthly"
        for moment in RETRIES:
            assert dunning.remind_due(at=moment - SECOND) == 0
            assert dunning.remind_due(at=moment) == 1
            assert dunning.remind_due(at=moment) == 0
            assert len(deliver()) == 1
        assert dunning.remind_due(at=RETRIES[-1] + 30 * DAY) == 0

    def test_remind_on_days_that_have_a_letter_and_no_try(self, subscription):
        DunningStep.objects.filter(day=1).update(retry=False)
        sweep(DUE)
        assert now(subscription) == ("retrying", RETRIES[1])
        assert dunning.remind_due(at=RETRIES[0]) == 1
        assert now(subscription) == ("retrying", RETRIES[1])
        assert dunning.remind_due(at=RETRIES[1]) == 0

    def test_stop_when_it_is_paid(self, subscription):
        HardDecline.objects.create(code="generic_decline")
        sweep(DUE)
        pay_with(subscription, OTHER)
        dunning.resume(renewal_id=renewal_of(subscription).pk, at=DUE + SECOND)
        sweep(DUE + SECOND)
        assert dunning.remind_due(at=RETRIES[0]) == 0
        assert deliver() == []

    def test_go_to_admins_too_if_the_organisation_wishes(self, ana, subscription):
        admin = admin_of(ana.tenant, "billing_admin").home
        admin_of(ana.tenant, "license_admin")
        sweep(DUE)
        assert len(deliver()) == 1
        settings.change(tenant=ana.tenant, tell_admins_of_failed_charges=True, by=acting(admin), at=DUE)
        sweep(RETRIES[0])
        assert {to for to, _subject in deliver()} == {ana.user.email, admin.user.email}
        theirs = next(letter for letter in mail.outbox if letter.to == [admin.user.email])
        assert "which Ana Alvarez pays for" in theirs.body
        assert f"/admin/commerce/purchase/{subscription.pk}/" in theirs.body

    def test_of_a_day_cost_the_same_for_one_and_for_many(self, plan):
        HardDecline.objects.create(code="generic_decline")
        counts = []
        for many in (1, 30):
            for _number in range(many):
                buy_with_bad_card(MembershipFactory(), plan)
            sweep(DUE)
            counts.append(queries(lambda: dunning.remind_due(at=RETRIES[0])))
        assert counts[0] == counts[1]


def queries(do):
    with CaptureQueriesContext(connection) as seen:
        do()
    return len(seen)


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_two_sweeps_at_once_remind_once():
    HardDecline.objects.get_or_create(code="generic_decline")
    for _number in range(3):
        buy_with_bad_card(MembershipFactory(), plan_on_sale())
    sweep(DUE)
    told = []
    race(lambda _n: told.append(dunning.remind_due(at=RETRIES[0])), range(4), refused=())
    assert sum(told) == 3
    assert Job.objects.filter(name="commerce.tell_failed_renewal").count() == 2 * 3
