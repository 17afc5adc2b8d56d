"""Asking a purchaser to cancel: who may, reminders, answers, letters, and what closes a request."""

from datetime import timedelta

import pytest
from django.utils import timezone

from commerce.models import CancellationRequest
from commerce.operations.buying.trials import start_trial
from commerce.operations.centralising import requests
from commerce.operations.centralising.requests import EndsAnyway, NobodyToAsk, RequestClosed
from commerce.operations.changes import cancellations
from commerce.operations.letters import cancellation_request_letters
from licensing.models import Subscription
from licensing.operations.subscriptions import set_auto_renew
from tenants.delivery.models import Job
from tenants.directory.models import Membership
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.callers import Api, signed_in
from tests.factories import (
    NOON,
    MembershipFactory,
    TenantFactory,
    acting,
    admin_of,
    buy,
    buy_centrally,
    plan_on_sale,
)
from tests.race import at_once

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

LATER = NOON + timedelta(days=10)
BY_POST = {"site": "https://seatwise.example", "sender": "Seatwise <no-reply@seatwise.example>"}


@pytest.fixture
def boss(tenant):
    return acting(MembershipFactory(tenant=tenant, name="Bo Boss", roles=["billing_admin"]))


@pytest.fixture
def bought(ana, plan):
    return buy(ana, plan, 2)


def ask(subscription, by, message="", at=LATER):
    return requests.ask(subscription=subscription, message=message, by=by, at=at)


def keep(request, by, reason="A project", at=LATER):
    return requests.keep(request=request, reason=reason, by=by, at=at)


def after(days):
    return requests.close_due(at=LATER + timedelta(days=days)), requests.remind_due(at=LATER + timedelta(days=days))


def letters(name):
    return [job.arguments for job in Job.objects.filter(name=name).order_by("pk")]


class TestAsking:
    def test_is_kept_and_told_once(self, bought, boss, ana):
        made = ask(bought, boss, "Central seats are cheaper.")
        assert ask(bought, boss, "Again") == made
        assert (made.member, made.asked_by, made.state) == (ana, boss.user, "asked")
        assert len(letters("commerce.deliver_cancellation_request")) == 1
        told = Event.objects.of(bought.tenant).get(type="cancellation_request.made")
        assert (told.subject, told.data) == (str(bought.pk), {"member": str(ana.pk)})

    @pytest.mark.parametrize("role", [None, "license_admin", "user_admin", "global_reader"])
    def test_is_for_those_who_end_purchases(self, bought, ana, role):
        somebody = acting(MembershipFactory(tenant=ana.tenant, roles=[role] if role else []))
        for by in (somebody, acting(ana), admin_of(TenantFactory())):
            with pytest.raises(NotAllowed):
                ask(bought, by)
        assert not CancellationRequest.objects.exists()

    def test_needs_somebody_to_ask(self, bought, boss, ana, plan, tenant):
        with pytest.raises(NobodyToAsk):
            ask(buy_centrally(admin_of(tenant).membership, plan, 1), boss)
        Membership.objects.filter(pk=ana.pk).update(state="left")
        with pytest.raises(NobodyToAsk):
            ask(bought, boss)

    def test_needs_something_that_goes_on(self, bought, boss, ana):
        set_auto_renew(subscription=bought, auto_renew=False, by=acting(ana), at=LATER)
        with pytest.raises(EndsAnyway):
            ask(bought, boss)
        assert not CancellationRequest.objects.exists()

    def test_needs_something_that_is_ever_charged(self, boss, ana):
        tried = plan_on_sale(product__trial_days=30)
        trial = start_trial(plan=tried, quantity=1, assign_to=[], by=acting(ana), at=LATER).trial
        Subscription.objects.filter(pk=trial.pk).update(auto_renew=True)
        with pytest.raises(EndsAnyway):
            ask(trial, boss)
        assert not CancellationRequest.objects.exists()

    def test_keeps_no_message_that_cannot_be_kept(self, bought, boss):
        for message in ("x" * 1001, "a\0b"):
            with pytest.raises(BadInput):
                ask(bought, boss, message)

    @between_transactions
    def test_of_two_admins_at_once_one_asks(self, bought, boss):
        told = at_once(lambda _: ask(bought, boss).pk, range(4))
        assert len(set(told)) == CancellationRequest.objects.count() == 1


class TestAnswers:
    def test_to_keep_it_say_why_and_stop_the_reminders(self, bought, boss, ana):
        request = keep(ask(bought, boss), acting(ana))
        assert (request.state, request.reason, request.remind_at) == ("kept", "A project", None)
        assert len(letters("commerce.tell_cancellation_answer")) == 1
        keep(request, acting(ana))
        assert len(letters("commerce.tell_cancellation_answer")) == 1
        assert after(9) == (0, 0)

    def test_to_cancel_later_leaves_the_reminders(self, bought, boss, ana):
        request = requests.promise(request=ask(bought, boss), by=acting(ana), at=LATER)
        assert (request.state, after(2)) == ("promised", (0, 1))
        assert keep(request, acting(ana)).state == "kept"

    def test_are_of_whoever_was_asked(self, bought, boss, cleo):
        request = ask(bought, boss)
        for by in (boss, acting(cleo), acting(MembershipFactory())):
            with pytest.raises(NotAllowed):
                keep(request, by)
            with pytest.raises(NotAllowed):
                requests.promise(request=request, by=by, at=LATER)
        assert CancellationRequest.objects.get().state == "asked"

    def test_to_keep_it_need_a_reason(self, bought, boss, ana):
        with pytest.raises(BadInput):
            keep(ask(bought, boss), acting(ana), reason=" ")

    def test_come_too_late_once_it_is_closed(self, bought, boss, ana):
        request = ask(bought, boss)
        requests.withdraw(request=request, by=boss, at=LATER)
        with pytest.raises(RequestClosed):
            keep(request, acting(ana))
        with pytest.raises(NotAllowed):
            requests.withdraw(request=request, by=acting(ana), at=LATER)


class TestReminders:
    def test_go_out_after_two_and_five_days(self, bought, boss):
        ask(bought, boss)
        assert [after(days) for days in (0, 1.9, 2, 2, 4.9, 5, 5, 30)] == [
            (0, 0), (0, 0), (0, 1), (0, 0), (0, 0), (0, 1), (0, 0), (0, 0),
        ]  # fmt: skip
        assert [job["reminder"] for job in letters("commerce.deliver_cancellation_request")] == [0, 1, 2]

    def test_are_one_where_nobody_swept_for_long(self, bought, boss):
        ask(bought, boss)
        assert (after(9), after(9)) == ((0, 1), (0, 0))

    def test_do_not_go_out_for_what_was_canceled_meanwhile(self, bought, boss, ana):
        ask(bought, boss)
        cancellations.cancel_subscription(subscription=bought, reason="Over", by=acting(ana), at=LATER)
        assert requests.remind_due(at=LATER + timedelta(days=2)) == 0
        assert after(2) == (1, 0)
        assert CancellationRequest.objects.get().state == "canceled"

    def test_nor_to_whom_it_does_not_belong_any_more(self, bought, boss, cleo):
        ask(bought, boss)
        Subscription.objects.filter(pk=bought.pk).update(owner=cleo)
        assert requests.remind_due(at=LATER + timedelta(days=2)) == 0
        assert after(2) == (1, 0)
        assert CancellationRequest.objects.get().state == "moot"
        again = ask(bought, boss)
        assert again.member == cleo


class TestLetters:
    def test_ask_with_the_message_and_a_link(self, bought, boss, ana, mailoutbox):
        request = ask(bought, boss, "Central seats are cheaper.")
        cancellation_request_letters.deliver_request(request_id=request.pk, reminder=0, **BY_POST)
        cancellation_request_letters.deliver_request(request_id=request.pk, reminder=1, **BY_POST)
        first, reminder = mailoutbox
        assert first.to == [ana.user.email]
        assert "Bo Boss asks you to cancel 2 × Power BI Pro" in first.body
        assert "Central seats are cheaper." in first.body
        assert f"/my/cancellation-requests/{request.pk}/" in first.body
        assert reminder.subject.startswith("Reminder")

    def test_do_not_ask_for_what_is_over(self, bought, boss, ana, mailoutbox):
        request = ask(bought, boss)
        set_auto_renew(subscription=bought, auto_renew=False, by=acting(ana), at=LATER)
        cancellation_request_letters.deliver_request(request_id=request.pk, reminder=1, **BY_POST)
        assert not mailoutbox

    def test_tell_the_admin_what_was_answered(self, bought, boss, ana, mailoutbox):
        request = keep(ask(bought, boss), acting(ana))
        cancellation_request_letters.deliver_answer(request_id=request.pk, **BY_POST)
        [letter] = mailoutbox
        assert letter.to == [boss.user.email]
        assert "Ana Alvarez wants to keep" in letter.subject
        assert "A project" in letter.body


class TestPages:
    @pytest.fixture
    def request_of_ana(self, ana, plan, boss):
        return ask(buy(ana, plan, 2, timezone.now()), boss, "Central seats are cheaper.", at=timezone.now())

    def test_lead_from_the_subscription_to_cancelling_it(self, request_of_ana, ana):
        browser = signed_in(ana)
        page = f"/my/cancellation-requests/{request_of_ana.pk}/"
        assert page in browser.get(f"/my/subscriptions/{request_of_ana.subscription_id}/").text
        text = browser.get(page).text
        assert "Central seats are cheaper." in text
        assert f"/my/subscriptions/{request_of_ana.subscription_id}/cancel/" in text

    def test_take_an_answer(self, request_of_ana, ana):
        browser, page = signed_in(ana), f"/my/cancellation-requests/{request_of_ana.pk}/"
        browser.post(f"{page}promise/")
        assert CancellationRequest.objects.get().state == "promised"
        assert browser.post(f"{page}keep/", {"reason": ""}).status_code == 400
        browser.post(f"{page}keep/", {"reason": "We need it"})
        assert CancellationRequest.objects.get().reason == "We need it"
        assert "You keep it: We need it" in browser.get(page).text

    def test_say_when_nobody_waits_any_more(self, request_of_ana, ana, boss):
        requests.withdraw(request=request_of_ana, by=boss, at=timezone.now())
        browser, page = signed_in(ana), f"/my/cancellation-requests/{request_of_ana.pk}/"
        assert "Nobody waits for your answer" in browser.get(page).text
        assert "Nobody waits" in browser.post(f"{page}promise/", follow=True).text
        assert browser.post(f"{page}keep/", {"reason": "We need it"}).status_code == 400

    def test_are_nobody_elses(self, request_of_ana, cleo, boss):
        for member in (cleo, boss.membership, MembershipFactory()):
            assert signed_in(member).get(f"/my/cancellation-requests/{request_of_ana.pk}/").status_code == 404


class TestTheApi:
    @pytest.fixture
    def path(self, ana, plan):
        return f"subscriptions/{buy(ana, plan, 2, timezone.now()).pk}/request-cancellation/"

    def test_asks_once(self, path, boss, ana):
        told = [Api(boss.membership).post(path, {"message": "Please"}) for _ in range(2)]
        assert [answer.status_code for answer in told] == [201, 201]
        assert told[0].json() == told[1].json()
        assert told[0].json()["state"] == "asked"
        assert told[0].json()["asked"]["email"] == ana.user.email

    def test_refuses_who_may_not_or_where_nothing_goes_on(self, path, boss, ana, tenant):
        for member, status in (
            (ana, 403),
            (admin_of(tenant, "license_admin").membership, 403),
            (admin_of(tenant, "user_admin").membership, 404),
            (admin_of(TenantFactory()).membership, 404),
        ):
            assert Api(member).post(path, {}).status_code == status
        Subscription.objects.update(auto_renew=False)
        answer = Api(boss.membership).post(path, {})
        assert (answer.status_code, answer.json()["code"]) == (409, "ends_anyway")
        assert Api(boss.membership).post(path, {"message": "x" * 1001}).status_code == 400
        assert not CancellationRequest.objects.exists()
