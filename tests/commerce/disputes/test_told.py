"""What the provider tells of a dispute: in any order, at the same moment, by events; and the letters that follow."""

from itertools import permutations

import pytest
from django.core import mail

from commerce import tasks
from commerce.models import Dispute, Refund
from commerce.operations.changes import cancellations
from commerce.operations.paying import disputes
from licensing.models import Subscription
from tenants.delivery.models import Job
from tests.commerce.conftest import all_is_well, state_of
from tests.commerce.disputes.conftest import LATER, PRICE, SOON, contest, journal, judge, money_of, settle
from tests.commerce.provider import BANK, bought, owed, tell
from tests.factories import MembershipFactory, acting
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestInAnyOrder:
    @pytest.mark.parametrize("verdict", ["won", "lost"])
    def test_of_what_is_reported_the_end_is_the_same(self, ana, plan, verdict):
        """Also by answers that are old: two tasks asked one after the other, and settle the other way round."""
        ends = set()
        for order in permutations(["open", "open", verdict, verdict]):
            payment = bought(MembershipFactory(tenant=ana.tenant), plan)
            for outcome in order:
                settle(payment, outcome, reference=f"dp_{payment.pk.hex}")
            dispute = Dispute.objects.get(payment=payment)
            subscription = Subscription.objects.get(orders=payment.order)
            ends.add(
                (dispute.state, dispute.amount, dispute.ended_subscription, subscription.state, *money_of(payment))
            )
        access = "active" if verdict == "won" else "disabled"
        disputed = 0 if verdict == "won" else PRICE
        assert ends == {(verdict, PRICE, verdict == "lost", access, PRICE, 0, disputed)}
        assert all_is_well()


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_twenty_at_once_take_the_money_once(ana, plan):
    payment = bought(ana, plan)
    BANK.contest(payment.pk)
    told = BANK.judge_dispute(payment.pk, won=False)
    assert race(lambda _n: disputes.settle_dispute(report=told, at=SOON), range(20)) == 20
    assert money_of(payment) == (PRICE, 0, PRICE)
    assert sorted(journal()) == ["dispute.lost", "dispute.opened", "subscription.disabled"]
    assert all_is_well()


class TestLetters:
    def sent(self):
        for job in Job.objects.filter(name="commerce.tell_dispute", done_at=None).order_by("created_at"):
            tasks.letters.tell_dispute(job_id=str(job.pk))
        letters, mail.outbox[:] = list(mail.outbox), []
        return letters

    def test_tell_its_owner_and_those_who_answer_for_the_spending(self, payment, ana, admin):
        for role in ("global_admin", "license_admin", "global_reader"):
            MembershipFactory(tenant=ana.tenant, roles=[role], user__email=f"{role}@contoso.example")
        MembershipFactory(roles=["global_admin"])  # of another organisation
        contest(payment)
        letters = self.sent()
        assert {to for letter in letters for to in letter.to} == {
            ana.user.email, admin.user.email, "global_admin@contoso.example",
        }  # fmt: skip
        assert all(len(letter.to) == 1 for letter in letters)
        assert len({letter.extra_headers["Message-ID"] for letter in letters}) == 3

    def test_say_what_happened_and_what_can_be_done(self, payment, ana, subscription):
        contest(payment)
        [opened] = self.sent()
        assert opened.subject == "A charge is contested at the bank: Power BI Pro, monthly"
        assert "$19.98 on 10 March 2026" in opened.body
        assert "Nobody can use Power BI Pro, monthly meanwhile" in opened.body
        assert f"/my/subscriptions/{subscription.pk}/" in opened.body
        judge(payment, won=True)
        [won] = self.sent()
        assert won.subject == "The bank found a contested charge right: Power BI Pro, monthly"
        assert "Power BI Pro, monthly can be used." in won.body
        assert "Nobody" not in won.body

    def test_say_until_when_what_was_lost_can_be_had_again(self, payment, ana):
        contest(payment)
        judge(payment, won=False)
        _opened, lost = self.sent()
        assert lost.subject == "The bank took a contested charge back: Power BI Pro, monthly"
        assert "Until 8 June 2026 it can be reactivated" in lost.body

    def test_come_once(self, payment):
        for _again in range(3):
            contest(payment)
        assert len(self.sent()) == 1
        assert self.sent() == []


class TestFromTheCardThatIsContested:
    def test_the_whole_story_is_told_by_events(self, ana, plan):
        payment = bought(ana, plan, card="pm_card_createDispute")
        subscription = Subscription.objects.get()
        assert state_of(subscription) == "active"
        for event in owed():
            assert tell(event, at=SOON).state == "handled"
        assert state_of(subscription) == "disabled"
        BANK.judge_dispute(payment.pk, won=True)
        tell(owed("dispute.closed")[0], at=LATER)
        assert state_of(subscription) == "active"
        assert all_is_well()

    def test_a_refund_before_the_news_came_fails_at_the_provider_and_the_loss_is_known(self, ana, plan):
        payment = bought(ana, plan, card="pm_card_createDispute")
        subscription = Subscription.objects.get()
        cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=SOON)
        assert Refund.objects.get().state == "failed"
        for event in owed():
            tell(event, at=SOON)
        assert money_of(payment) == (PRICE, 0, PRICE)
        assert all_is_well()
