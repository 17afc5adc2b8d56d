"""A subscription is offered to somebody: by whom, to whom, and how an offer ends that is not accepted."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.models import TransferOffer
from commerce.operations.handover import offers
from commerce.operations.handover.offers import TransferAlreadyOffered, TransferNotOpen
from commerce.operations.letters import transfer_letters
from licensing.models import Subscription
from licensing.operations.seats import MemberNotActive, NotAMember
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.commerce.changes import SECOND
from tests.commerce.conftest import state_of
from tests.commerce.handing_over import accept, decline, leave, offer, withdraw
from tests.commerce.transfers.conftest import LAPSES, types, whose
from tests.factories import NOON, GuestFactory, MembershipFactory, acting, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def test_an_offer_changes_nothing_but_that_it_is_there(offered, subscription, ana, cleo):
    assert whose(subscription) == (ana, ana, ana)
    assert (offered.from_member, offered.to, offered.message) == (ana, cleo, "I change teams.")
    assert (offered.state, offered.lapses_at) == ("open", LAPSES)
    event = Event.objects.get(type="transfer.offered")
    assert (event.subject, event.actor) == (str(subscription.pk), ana.user)
    assert event.data == {"member": str(ana.pk), "to_member": str(cleo.pk)}


def test_of_two_offers_the_second_is_refused_until_the_first_has_lapsed(offered, subscription, ana):
    other = MembershipFactory(tenant=ana.tenant)
    with pytest.raises(TransferAlreadyOffered):
        offer(subscription, other, at=LAPSES - SECOND)
    assert offer(subscription, other, at=LAPSES).to == other
    assert state_of(offered) == "lapsed"


@pytest.mark.parametrize("who", ["cleo", "admin"])
def test_nobody_else_offers_what_somebody_owns(subscription, who, request):
    member = request.getfixturevalue(who)
    with pytest.raises(NotAllowed):
        offer(subscription, member, by=acting(member))
    assert not TransferOffer.objects.exists()


def test_an_admin_offers_what_a_leaver_owns(subscription, ana, cleo, admin):
    leave(ana)
    made = offer(subscription, cleo, by=acting(admin))
    assert (made.from_member, made.offered_by) == (ana, admin)
    reader = MembershipFactory(tenant=ana.tenant, roles=["license_admin"])
    withdraw(made, by=acting(admin))
    with pytest.raises(NotAllowed):
        offer(subscription, cleo, by=acting(reader))
    stranger = MembershipFactory(roles=["global_admin"])
    with pytest.raises(NotAllowed):
        offer(subscription, cleo, by=acting(stranger))


def test_only_an_active_member_of_the_organisation_is_offered_anything(subscription, ana):
    for to, refusal in (
        (MembershipFactory(), NotAMember),
        (GuestFactory(tenant=ana.tenant), NotAMember),
        (MembershipFactory(tenant=ana.tenant, state="left"), MemberNotActive),
        (MembershipFactory(tenant=ana.tenant, state="disabled"), MemberNotActive),
        (ana, BadInput),
    ):
        with pytest.raises(refusal) as refused:
            offer(subscription, to)
        assert refused.value.field == "to"
    assert not TransferOffer.objects.exists()


def test_what_has_ended_and_what_the_organisation_owns_is_not_offered(subscription, ana, cleo, admin, plan):
    Subscription.objects.update(state="disabled")
    with pytest.raises(SubscriptionInactive):
        offer(subscription, cleo)
    central = buy_centrally(admin, plan)
    with pytest.raises(NotAllowed):
        offer(central, cleo, by=acting(admin))


def test_a_message_is_plain_text_of_a_length(subscription, cleo):
    for text in ("\x00", "x" * 1001):
        with pytest.raises(BadInput) as refused:
            offer(subscription, cleo, message=text)
        assert refused.value.field == "message"


def test_declined_withdrawn_and_lapsed_are_ends_that_cannot_be_taken_back(subscription, ana, cleo):
    for end, state in ((decline, "declined"), (withdraw, "withdrawn")):
        made = offer(subscription, cleo)
        end(made)
        end(made)  # twice is once
        assert state_of(made) == state
        with pytest.raises(TransferNotOpen):
            accept(made)
    made = offer(subscription, cleo)
    assert offers.lapse_due(at=LAPSES - SECOND) == 0
    for refused in (accept, decline, withdraw):
        with pytest.raises(TransferNotOpen):
            refused(made, at=LAPSES)
    assert offers.lapse_due(at=LAPSES) == 1
    assert offers.lapse_due(at=LAPSES) == 0
    assert state_of(made) == "lapsed"
    ends = [type for type in types() if type != "transfer.offered"]
    assert ends == ["transfer.declined", "transfer.withdrawn", "transfer.lapsed"]
    assert whose(subscription) == (ana, ana, ana)


def test_every_answer_locks_the_subscription_first_as_decisions_of_leavers_do(subscription, cleo):
    """Else an answer holds the offer and waits for the task, and a decision the other way round."""
    for end in (decline, withdraw, lapse):
        made = offer(subscription, cleo)
        with CaptureQueriesContext(connection) as queries:
            end(made)
        locking = [query["sql"] for query in queries if "FOR NO KEY UPDATE" in query["sql"]]
        assert ['FROM "licensing_subscription"' in sql for sql in locking[:2]] == [True, False]


def lapse(made):
    assert offers.lapse_due(at=made.lapses_at) == 1


def test_only_who_offers_withdraws(offered, cleo, admin):
    for member in (cleo, admin):
        with pytest.raises(NotAllowed):
            withdraw(offered, by=acting(member))
    assert state_of(offered) == "open"


@pytest.mark.parametrize("state", ["left", "disabled"])
def test_what_a_leaver_offered_ends_at_once_and_the_recipient_is_told(offered, ana, cleo, admin, mailoutbox, state):
    leave(ana, state=state)
    offered.refresh_from_db()
    assert (offered.state, offered.settled_at) == ("withdrawn", NOON)
    with pytest.raises(TransferNotOpen):
        accept(offered)
    assert Event.objects.filter(type="transfer.withdrawn", subject=str(offered.subscription_id)).count() == 1
    transfer_letters.deliver_outcome(offer_id=offered.pk, site="https://x.example", sender="a@x.example")
    assert [letter.to for letter in mailoutbox] == [[cleo.user.email]]
    # Whoever decides in their place is free to: what they offer stands.
    again = offer(offered.subscription, to=cleo, by=acting(admin))
    offers.lapse_due(at=NOON)
    again.refresh_from_db()
    assert again.state == "open"


def test_what_a_leaver_offered_is_withdrawn_by_the_sweep_where_the_job_was_lost(offered, ana):
    type(ana).objects.filter(pk=ana.pk).update(state="left")
    assert offers.lapse_due(at=NOON) == 1
    assert offers.lapse_due(at=NOON) == 0
    offered.refresh_from_db()
    assert offered.state == "withdrawn"


def test_an_offer_to_somebody_who_left_lapses(offered, cleo):
    leave(cleo)
    assert offers.lapse_due(at=NOON + timedelta(minutes=1)) == 1
    assert state_of(offered) == "lapsed"
