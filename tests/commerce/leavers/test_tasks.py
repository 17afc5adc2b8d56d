"""What admins decide of a leaver's purchases, and when they are reminded of it."""

from datetime import timedelta

import pytest

from commerce.models import LeaverTask, PaymentSource
from commerce.operations.handover import offers
from commerce.operations.leaving import closing, noticing, warnings
from commerce.operations.leaving.adoption import Payer
from commerce.operations.leaving.decisions import LeaverTaskClosed
from commerce.operations.paying.cards import PaymentMethodNotAccepted
from licensing.models import Subscription
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.commerce.changes import DAY, SECOND
from tests.commerce.conftest import all_is_well, state_of
from tests.commerce.handing_over import accept, come_back, decline, leave, newest, offer
from tests.commerce.leavers.conftest import decide
from tests.factories import NOON, MembershipFactory, add_card, agree, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def test_a_task_for_each_purchase_that_runs_and_one_only(ana, cleo, plan, subscription):
    second = buy(ana, plan, 1, NOON + SECOND)
    ended = buy(ana, plan, 1, NOON + 2 * SECOND)
    Subscription.objects.filter(pk=ended.pk).update(state="disabled")
    of_cleo = buy(cleo, plan, 1)
    leave(ana, at=NOON + DAY)
    leave(ana, "disabled", at=NOON + DAY)
    noticing.watch(at=NOON + DAY)
    assert {task.subscription for task in LeaverTask.objects.all()} == {subscription, second}
    assert not LeaverTask.objects.filter(subscription=of_cleo).exists()
    assert Job.objects.filter(name="commerce.tell_leaver_task").count() == 2


def test_people_go_on_working_and_nothing_is_charged_or_given_back(task, cleo, subscription):
    before = ledger.captured()
    assert state_of(task) == "open"
    now = Subscription.objects.get()
    assert (now.state, now.auto_renew, now.owner_id, now.payer_id) == ("active", True, task.member_id, task.member_id)
    assert ledger.captured() == before


def test_admins_decide_and_nobody_else(task, cleo, admin):
    stranger = MembershipFactory(roles=["global_admin"])
    reader = MembershipFactory(tenant=task.tenant, roles=["global_reader"])
    for member in (cleo, stranger, reader):
        with pytest.raises(NotAllowed):
            decide(task, "keep", member)
    assert state_of(task) == "open"
    kept = decide(task, "keep", admin)
    assert (kept.state, kept.choice, kept.decided_by) == ("decided", "keep", admin.user)
    assert Event.objects.get(type="leaver.decided").data["choice"] == "keep"


def test_letting_it_end_turns_its_renewal_off(task, admin):
    decide(task, "let_end", admin)
    now = Subscription.objects.get()
    assert (now.auto_renew, now.state) == (False, "active")
    assert state_of(task) == "decided"


def test_keeping_it_after_all_turns_its_renewal_on_again(task, admin):
    decide(task, "let_end", admin)
    decide(task, "keep", admin)
    assert Subscription.objects.get().auto_renew is True


def test_handing_over_asks_a_member_and_opens_again_if_they_decline(task, cleo, admin, subscription):
    with pytest.raises(BadInput) as refused:
        decide(task, "transfer", admin)
    assert refused.value.field == "to"
    decide(task, "transfer", admin, to=cleo, message="Please.")
    made = newest()
    assert (made.to, made.from_member, made.offered_by, made.message) == (cleo, task.member, admin, "Please.")
    assert state_of(task) == "decided"
    decline(made)
    assert (state_of(task), task.choice) == ("open", "")
    decide(task, "transfer", admin, to=cleo)
    accept(newest())
    assert state_of(task) == "closed"
    assert Subscription.objects.get().payer == cleo
    assert all_is_well()


def test_deciding_otherwise_withdraws_the_offer(task, cleo, admin):
    decide(task, "transfer", admin, to=cleo)
    decide(task, "keep", admin)
    assert newest().state == "withdrawn"
    assert (state_of(task), task.choice) == ("decided", "keep")


def test_adopting_makes_it_the_organisations_own(task, admin, subscription, plan):
    agreement = agree(task.tenant, prices=[(plan, "8.99")])
    captured = ledger.captured()
    decide(task, "adopt", admin, payer=Payer(agreement=agreement))
    now = Subscription.objects.get()
    assert (now.owner, now.payer, now.purchaser, now.channel) == (None, None, task.member, "self_service")
    source = PaymentSource.objects.get()
    assert (source.agreement, source.by_invoice, source.payment_method) == (agreement, True, None)
    assert (state_of(task), task.choice) == ("closed", "adopt")
    assert (ledger.captured(), now.term_end) == (captured, subscription.term_end)
    assert all_is_well()


def test_adopting_needs_something_of_the_organisations_that_can_pay(task, admin, cleo):
    of_cleo = add_card(cleo).payment_method
    elsewhere = agree(MembershipFactory().tenant)
    wants_a_card = agree(task.tenant, pay_by_invoice=False)
    with pytest.raises(BadInput):
        decide(task, "adopt", admin)
    for payer in (Payer(card=of_cleo), Payer(agreement=elsewhere), Payer(agreement=wants_a_card)):
        with pytest.raises(PaymentMethodNotAccepted):
            decide(task, "adopt", admin, payer=payer)
    assert Subscription.objects.get().payer == task.member
    assert state_of(task) == "open"
    own = add_card(admin, for_organisation=True).payment_method
    decide(task, "adopt", admin, payer=Payer(card=own))
    assert PaymentSource.objects.get().payment_method == own


def test_nothing_is_decided_that_is_over(task, ana, admin):
    come_back(ana)
    with pytest.raises(LeaverTaskClosed):
        decide(task, "let_end", admin)
    assert Subscription.objects.get().auto_renew


def test_what_ended_needs_no_decision(task, admin):
    Subscription.objects.update(state="disabled")
    assert closing.close_moot(at=NOON) == 1
    assert state_of(task) == "closed"


def test_a_week_before_each_charge_they_are_warned_once(task, subscription):
    Job.objects.all().delete()
    week = subscription.term_end - timedelta(days=7)
    assert warnings.warn(at=week - SECOND) == 0
    assert warnings.warn(at=week) == 1
    assert warnings.warn(at=week + DAY) == 0
    assert Job.objects.get().arguments == {"task_id": str(task.pk), "before_charge": True}
    Subscription.objects.update(term_end=subscription.term_end + timedelta(days=30))
    assert warnings.warn(at=week + timedelta(days=30)) == 1


def test_nobody_is_warned_of_what_is_not_charged_again(task, subscription, admin):
    decide(task, "let_end", admin)
    assert warnings.warn(at=subscription.term_end - DAY) == 0


def test_whoever_leaves_within_the_last_week_gets_one_letter_not_two(ana, subscription):
    at = subscription.term_end - DAY
    leave(ana, at=at)
    assert warnings.warn(at=at) == 0


def test_offers_to_a_leaver_lapse_and_their_own_are_withdrawn(ana, cleo, plan, subscription):
    of_cleo = buy(cleo, plan, 1)
    to_ana, of_ana = offer(of_cleo, ana), offer(subscription, cleo)
    leave(ana)
    offers.lapse_due(at=NOON)
    assert (state_of(to_ana), state_of(of_ana)) == ("lapsed", "withdrawn")
    assert Subscription.objects.get(pk=subscription.pk).owner == ana
    assert LeaverTask.objects.standing().exists()
