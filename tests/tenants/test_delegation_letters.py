"""What both sides of a delegation read by post: each letter once, and none that is not true any more."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone

from tenants import tasks
from tenants.delivery.models import Job
from tenants.directory.delegations import Delegation
from tenants.directory.operations import delegation_letters, delegations
from tests.factories import NOON, MembershipFactory, RoleGrantFactory, TenantFactory, admin_of
from tests.race import between_transactions, race
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def here():
    """The customer's global admin, whose clock is Berlin's."""
    return admin_of(TenantFactory(name="Customer Inc.", time_zone="Europe/Berlin"))


@pytest.fixture
def there():
    return admin_of(TenantFactory(slug="known-later", name="Known Later Ltd"))


def offer(here, there, *, lasts, at=None):
    at = at or timezone.now()
    return delegations.grant(
        tenant=here.tenant, partner=there.tenant, roles=["billing_admin"], ends_at=at + lasts, by=here, at=at
    )


def accepted(here, there, *, lasts, at=None):
    at = at or timezone.now()
    found = delegations.accept(delegation=offer(here, there, lasts=lasts, at=at), by=there, at=at)
    Job.objects.all().delete()
    return found


def waiting():
    return list(Job.objects.filter(done_at=None, name="tenants.tell_delegation").order_by("created_at", "pk"))


def post():
    """The letters that wait, as who gets which subject."""
    mail.outbox.clear()
    for job in waiting():
        tasks.tell_delegation(str(job.pk))
    return [(letter.to[0], letter.subject) for letter in mail.outbox]


def asked(*, at):
    """What the sweep asks for at a moment."""
    before = {job.pk for job in waiting()}
    told = delegation_letters.tell_due(at=at)
    new = [job.arguments["what"] for job in waiting() if job.pk not in before]
    assert told == len(new)
    return new


class TestWhatIsDecided:
    def test_an_offer_is_told_to_the_partners_global_admins_with_who_what_and_until_when(self, here, there):
        RoleGrantFactory(membership__tenant=there.tenant, role="billing_admin")
        MembershipFactory(tenant=there.tenant, roles=["global_admin"], state="left")
        granted = offer(here, there, lasts=30 * DAY)
        assert post() == [(there.user.email, "Customer Inc. wants to let your people in")]
        body = mail.outbox[0].body
        zone = here.tenant.zone
        for said in (
            str(granted.granted_by),
            "Billing admin",
            f"{granted.ends_at.astimezone(zone):%H:%M} CE",
            f"/admin/tenants/delegation/{granted.pk}/change/",
        ):
            assert said in body
        assert post() == []

    def test_an_offer_that_was_withdrawn_meanwhile_is_only_told_as_that(self, here, there):
        granted = offer(here, there, lasts=30 * DAY)
        delegations.revoke(delegation=granted, by=here, at=timezone.now())
        assert post() == [
            (here.user.email, "Your offer to known-later is over"),
            (there.user.email, "The offer of Customer Inc. is over"),
        ]
        assert "withdrawn" in mail.outbox[1].body

    def test_what_the_partner_says_is_told_to_the_customer_once(self, here, there):
        granted = offer(here, there, lasts=30 * DAY)
        post()
        for _twice in range(2):
            delegations.accept(delegation=granted, by=there, at=timezone.now())
        assert post() == [(here.user.email, "Known Later Ltd acts for your organisation now")]

    def test_an_offer_that_is_declined_tells_no_name_behind_the_short_one(self, here, there):
        granted = offer(here, there, lasts=30 * DAY)
        post()
        for _twice in range(2):
            delegations.revoke(delegation=granted, by=there, at=timezone.now())
        assert post() == [(here.user.email, "known-later does not act for your organisation")]
        assert "Known Later Ltd" not in mail.outbox[0].body

    @pytest.mark.parametrize(("who", "said"), [("here", "has taken back"), ("there", "has given up")])
    def test_whoever_ends_it_both_sides_are_told_once(self, here, there, who, said):
        delegation = accepted(here, there, lasts=30 * DAY)
        for _twice in range(2):
            delegations.revoke(delegation=delegation, by={"here": here, "there": there}[who], at=timezone.now())
        assert post() == [
            (here.user.email, "Known Later Ltd no longer acts for you"),
            (there.user.email, "You no longer act for Customer Inc."),
        ]
        assert all(said in letter.body for letter in mail.outbox)
        assert asked(at=delegation.ends_at) == []

    def test_nothing_is_asked_for_where_the_change_does_not_happen(self, here, there):
        with transaction.atomic():
            offer(here, there, lasts=DAY)
            transaction.set_rollback(True)
        assert waiting() == []


class TestTheEnd:
    def test_is_told_30_and_7_days_before_and_when_it_is_there_each_once(self, here, there):
        delegation = accepted(here, there, lasts=60 * DAY, at=NOON)
        ends, second = delegation.ends_at, timedelta(seconds=1)
        moments = [ends - 30 * DAY, ends - 29 * DAY, ends - 7 * DAY, ends - 6 * DAY, ends, ends + DAY]
        assert asked(at=ends - 30 * DAY - second) == []
        assert [asked(at=at) for at in moments] == [["ending"], [], ["ending"], [], ["expired"], []]

    def test_both_sides_read_when_in_the_customers_time(self, here, there):
        delegation = accepted(here, there, lasts=31 * DAY)
        assert asked(at=timezone.now() + DAY) == ["ending"]
        moment = f"{delegation.ends_at.astimezone(here.tenant.zone):%H:%M} CE"
        first, second = post()
        assert first[0] == here.user.email
        assert first[1].startswith("Known Later Ltd acts for you until")
        assert second[0] == there.user.email
        assert all(moment in letter.subject and moment in letter.body for letter in mail.outbox)
        assert len({letter.extra_headers["Message-ID"] for letter in mail.outbox}) == 2

    def test_late_only_the_latest_is_told(self, here, there):
        delegation = accepted(here, there, lasts=60 * DAY, at=NOON)
        assert asked(at=delegation.ends_at - 5 * DAY) == ["ending"]
        assert asked(at=delegation.ends_at + DAY) == ["expired"]

    def test_what_was_granted_for_less_is_not_told_of_moments_before_that(self, here, there):
        delegation = accepted(here, there, lasts=10 * DAY, at=NOON)
        assert [asked(at=NOON + days * DAY) for days in (0, 3, 10)] == [[], ["ending"], ["expired"]]
        assert Delegation.objects.get(pk=delegation.pk).told == 3

    def test_renewed_it_is_told_anew_and_a_letter_that_waited_is_not_sent(self, here, there):
        delegation = accepted(here, there, lasts=5 * DAY)
        Delegation.objects.update(told=2)
        over = delegation.ends_at
        Delegation.objects.update(ends_at=timezone.now(), granted_at=NOON)
        assert asked(at=timezone.now()) == ["expired"]
        Delegation.objects.update(ends_at=over)
        delegations.renew(delegation=delegation, ends_at=over + 60 * DAY, by=here, at=timezone.now())
        assert post() == []
        assert asked(at=over + 30 * DAY) == ["ending"]

    def test_an_offer_that_nobody_accepts_is_told_of_when_it_has_run_out(self, here, there):
        delegation = offer(here, there, lasts=60 * DAY, at=NOON)
        Job.objects.all().delete()
        assert asked(at=delegation.ends_at - 6 * DAY) == []
        assert asked(at=delegation.ends_at) == ["expired"]
        assert [subject for _to, subject in post()] == [
            "Your offer to known-later is over",
            "The offer of Customer Inc. is over",
        ]
        assert "nobody accepted it" in mail.outbox[0].body

    def test_an_offer_that_is_accepted_late_is_not_told_what_has_passed(self, here, there):
        granted = offer(here, there, lasts=60 * DAY, at=NOON)
        delegations.accept(delegation=granted, by=there, at=NOON + 40 * DAY)
        Job.objects.all().delete()
        assert asked(at=NOON + 41 * DAY) == []
        assert asked(at=NOON + 53 * DAY) == ["ending"]

    def test_what_ended_long_ago_is_no_news(self, here, there):
        delegation = accepted(here, there, lasts=60 * DAY, at=NOON)
        assert asked(at=delegation.ends_at + delegation_letters.NEWS_FOR) == []

    def test_the_sweep_goes_by_the_clock_of_the_customer(self, here, there):
        accepted(here, there, lasts=60 * DAY)
        assert tasks.tell_ending_delegations() == 0
        here.tenant.is_sandbox, here.tenant.clock_ahead = True, 31 * DAY
        here.tenant.save()
        assert tasks.tell_ending_delegations() == 1
        assert [job.arguments["what"] for job in waiting()] == ["ending"]

    def test_asks_in_as_many_queries_when_nothing_is_due_however_many_there_are(self, here, django_assert_num_queries):
        for _each in range(5):
            let_in(here.tenant, at=NOON)
        with django_assert_num_queries(3):
            assert delegation_letters.tell_due(at=NOON) == 0


@between_transactions
class TestWorkersAtOnce:
    def test_ask_for_each_letter_once(self, here, there):
        accepted(here, there, lasts=60 * DAY, at=NOON)
        race(lambda _sweep: delegation_letters.tell_due(at=NOON + 31 * DAY), range(5))
        assert [job.arguments["what"] for job in waiting()] == ["ending"]

    def test_would_ask_for_it_several_times_if_the_row_did_not_decide(self, here, there, monkeypatch):
        """The control: the same story, with a row that is read and then written."""
        accepted(here, there, lasts=60 * DAY, at=NOON)

        def careless(delegation, count):
            with transaction.atomic():
                Delegation.objects.filter(pk=delegation.pk).update(told=count)
                delegation_letters.jobs.enqueue(
                    "tenants.tell_delegation", delegation_id=str(delegation.pk), what="ending"
                )
            return True

        found = Delegation.objects.get()
        monkeypatch.setattr(delegation_letters, "_due", lambda count, at: _Found([found] if count == 1 else []))
        monkeypatch.setattr(delegation_letters, "_tell", careless)
        race(lambda _sweep: delegation_letters.tell_due(at=NOON + 31 * DAY), range(5))
        assert len(waiting()) == 5

    def test_send_a_letter_that_was_asked_for_once(self, here, there):
        offer(here, there, lasts=60 * DAY)
        [job] = waiting()
        mail.outbox.clear()
        race(lambda _worker: tasks.tell_delegation(str(job.pk)), range(5))
        assert [letter.to for letter in mail.outbox] == [[there.user.email]]


class _Found(list):
    """Rows that several sweeps have read before any of them wrote."""

    def order_by(self, *_fields):
        return self

    def iterator(self):
        return iter(self)
