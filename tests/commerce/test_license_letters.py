"""What people are told of licence requests, the reminders, and how long requests are kept."""

from datetime import timedelta

import pytest
from django.core import mail

from policies import tasks
from policies.models import LicenseRequest, LicenseRequestPerson
from policies.operations import request_letters, requests
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tests.commerce.licenses import DAY, ask, decide, jobs, state_of
from tests.factories import NOON, MembershipFactory, acting, buy_centrally
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


@pytest.fixture
def bo(tenant):
    return MembershipFactory(tenant=tenant, roles=["global_admin", "license_admin"], user__email="bo@contoso.example")


def work():
    """The letters of the jobs that wait, as who got which subject."""
    mail.outbox.clear()
    for job in Job.objects.filter(done_at=None, name__startswith="policies.tell_license").order_by("created_at", "id"):
        getattr(tasks, job.name.partition(".")[2])(str(job.pk))
    return sorted((letter.to[0], letter.subject) for letter in mail.outbox)


class TestOfANewRequest:
    def test_each_who_decides_is_told_once(self, tenant, ana, cleo, bo, plan):
        for role in ("user_admin", "billing_admin", "global_reader"):
            MembershipFactory(tenant=tenant, roles=[role], user__email=f"{role}@contoso.example")
        MembershipFactory(tenant=tenant, roles=["license_admin"], state="left")
        MembershipFactory(roles=["global_admin"])
        request = ask(ana, plan.product, ana, cleo, reason="For <b>reports</b> & more")
        subject = "Ana Alvarez asks for Power BI Pro"
        assert work() == [("bo@contoso.example", subject), ("user_admin@contoso.example", subject)]
        body = mail.outbox[0].body
        assert "Cleo Costa (cleo@contoso.example)" in body
        assert "For <b>reports</b> & more" in body
        assert f"/admin/policies/licenserequest/{request.pk}/change/" in body

    def test_nobody_when_it_was_withdrawn_meanwhile(self, ana, bo, plan):
        request = ask(ana, plan.product)
        requests.withdraw(request=request, by=acting(ana), at=NOON)
        assert work() == []


class TestOfADecision:
    def test_who_asked_and_each_of_the_people_are_told(self, ana, cleo, bo, plan):
        buy_centrally(bo, plan, 1)
        request = ask(ana, plan.product, ana, cleo)
        work()
        decide(request, bo, approve=[cleo], message="Enjoy")
        decided = "Your request for Power BI Pro was decided"
        assert work() == [(ana.user.email, decided), (cleo.user.email, "You have a seat of Power BI Pro")]
        first, second = mail.outbox
        assert "- Cleo Costa: has a seat" in first.body
        assert "Still waiting for a decision:\n- Ana Alvarez" in first.body
        assert "Enjoy" in first.body
        assert "Enjoy" in second.body
        decide(request, bo, decline=[ana])
        assert work() == [(ana.user.email, decided)]
        assert "- Ana Alvarez: declined" in mail.outbox[0].body
        assert "Cleo" not in mail.outbox[0].body

    def test_whoever_may_buy_is_led_there_and_told_until_when(self, ana, cleo, bo, plan):
        request = ask(ana, plan.product, cleo)
        work()
        decide(request, bo, approve=[cleo], how="exception", until=NOON + 3 * DAY)
        work()
        [letter] = [letter for letter in mail.outbox if letter.to == [cleo.user.email]]
        assert letter.subject == "You may buy Power BI Pro yourself"
        assert f"/buy/{plan.pk}/" in letter.body
        assert "13 March 2026" in letter.body

    def test_whoever_has_left_is_told_nothing(self, ana, cleo, bo, plan):
        request = ask(ana, plan.product, cleo)
        for member in (ana, cleo):
            member.state = "left"
            member.save()
        work()
        decide(request, bo, decline=[cleo])
        assert work() == []


class TestReminders:
    def reminders(self, at):
        before = Job.objects.count()
        sent = request_letters.remind(at=at)
        assert Job.objects.count() == before + sent
        return sent

    def test_come_after_two_days_and_after_five_each_once(self, ana, bo, plan):
        ask(ana, plan.product)
        work()
        found = [self.reminders(NOON + days) for days in (2 * DAY - timedelta(seconds=1), 2 * DAY, 3 * DAY)]
        found += [self.reminders(NOON + days) for days in (5 * DAY, 6 * DAY, 30 * DAY)]
        assert found == [0, 1, 0, 1, 0, 0]
        reminder = ("bo@contoso.example", "Still waiting: Ana Alvarez asks for Power BI Pro")
        assert work() == [reminder, reminder]
        assert len({letter.extra_headers["Message-ID"] for letter in mail.outbox}) == 2

    def test_of_two_that_are_late_only_the_later_is_sent(self, ana, bo, plan):
        ask(ana, plan.product)
        assert [self.reminders(NOON + 6 * DAY), self.reminders(NOON + 7 * DAY)] == [1, 0]

    def test_none_of_what_was_decided_but_of_what_is_left(self, ana, cleo, bo, plan):
        request = ask(ana, plan.product, ana, cleo)
        decide(request, bo, decline=[ana])
        assert self.reminders(NOON + 2 * DAY) == 1
        decide(request, bo, decline=[cleo])
        assert self.reminders(NOON + 5 * DAY) == 0

    @between_transactions
    def test_of_several_sweeps_at_once_one_sends(self, ana, bo, plan):
        ask(ana, plan.product)
        before = len(jobs())
        race(lambda _sweep: request_letters.remind(at=NOON + 2 * DAY), range(4))
        assert len(jobs()) == before + 1


class TestTheEnd:
    def test_what_nobody_decides_in_twelve_months_ends_and_who_asked_is_told(self, ana, bo, plan):
        request = ask(ana, plan.product)
        work()
        late = NOON + requests.KEPT
        assert request_letters.expire_overdue(at=late - timedelta(seconds=1)) == 0
        assert [request_letters.expire_overdue(at=late), request_letters.expire_overdue(at=late)] == [1, 0]
        assert (state_of(request), LicenseRequestPerson.objects.get().state) == ("expired", "expired")
        assert Event.objects.filter(type="license_request.expired", actor=None).count() == 1
        assert work() == [(ana.user.email, "Nobody decided your request for Power BI Pro")]

    def test_what_ended_is_deleted_after_twelve_months_and_stays_in_the_journal(self, ana, cleo, bo, plan):
        withdrawn, decided, waiting = ask(ana, plan.product), ask(cleo, plan.product), ask(bo, plan.product)
        requests.withdraw(request=withdrawn, by=acting(ana), at=NOON)
        decide(decided, bo, decline=[cleo], at=NOON + DAY)
        assert request_letters.forget(at=NOON + requests.KEPT - timedelta(seconds=1)) == 0
        assert request_letters.forget(at=NOON + requests.KEPT) == 1
        assert set(LicenseRequest.objects.all()) == {decided, waiting}
        assert request_letters.forget(at=NOON + requests.KEPT + DAY) == 1
        assert list(LicenseRequest.objects.all()) == [waiting]
        assert LicenseRequestPerson.objects.count() == 1
        assert Event.objects.filter(type__startswith="license_request.").count() == 5

    def test_the_sweep_does_all_of_it(self, ana, plan):
        ask(ana, plan.product)
        assert tasks.remind_of_license_requests() >= 1
