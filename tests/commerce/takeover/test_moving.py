"""People move to a central subscription: at once their access, a week later money and records."""

from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.models import Invoice, Purchase, Refund
from commerce.operations.takeover import settling
from commerce.operations.takeover.settling import TakeOverUndone
from commerce.operations.takeover.undoing import TakeOverSettled
from commerce.views import looks
from licensing.models import Seat, Subscription
from licensing.operations import lifecycle, seats
from licensing.operations.seats import NoSeatLeft
from policies.operations import settings
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tenants.directory.models import Membership
from tenants.journal.models import Event
from tests import ledger
from tests.commerce.changes import DAY, findings, fresh, seats_of
from tests.commerce.takeover.conftest import holders, preview, rows_of, settle, start, undo
from tests.factories import NOON, MembershipFactory, acting, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
WEEK = 7 * DAY
PAID = Decimal("29.97")


def half(subscription):
    """The middle of its term."""
    return subscription.term_start + (subscription.term_end - subscription.term_start) / 2


def types(subject):
    return list(Event.objects.filter(subject=str(subject.pk)).order_by("pk").values_list("type", flat=True))


def test_people_get_central_seats_and_the_old_subscription_gives_no_access(boss, ana, cleo, subscription, central):
    made = start(subscription, boss, target=central, reason="One contract for all.")
    assert holders(central) == {ana, cleo}
    assert (fresh(subscription).state, fresh(subscription).end_cause) == ("disabled", "taken_over")
    assert seats_of(subscription) == (3, 2)  # that the people are known
    assert (made.state, made.settles_at, made.started_by) == ("open", NOON + WEEK, boss.user)
    assert fresh(subscription).owner == ana
    assert not Refund.objects.exists()
    assert findings() == []


def test_the_old_one_ended_when_it_was_taken_over(boss, subscription, central):
    start(subscription, boss, target=central, at=NOON + DAY)
    assert Purchase.objects.with_end().get(pk=subscription.pk).ended_at == NOON + DAY


def test_the_journal_joins_old_and_new(boss, ana, cleo, subscription, central):
    made = start(subscription, boss, target=central, reason="One contract for all.")
    old = Event.objects.get(type="subscription.taken_over")
    new = Event.objects.get(type="subscription.took_over")
    assert (old.subject, old.data["target"]) == (str(subscription.pk), str(central.pk))
    assert (new.subject, new.data["subscription"]) == (str(central.pk), str(subscription.pk))
    assert set(old.data["members"]) == set(new.data["members"]) == {str(ana.pk), str(cleo.pk)}
    assert (old.data["reason"], old.data["refund"], old.data["currency"]) == ("One contract for all.", "29.97", "USD")
    undo(made, boss)
    assert types(subscription)[-2:] == ["subscription.take_over_undone", "subscription.restored"]
    assert "subscription.gave_back" in types(central)


def test_settled_it_is_deleted_and_what_is_not_used_since_the_take_over_goes_back(boss, subscription, central):
    at = half(subscription)
    made = start(subscription, boss, target=central, at=at)
    settled = settle(made, boss, at=at + 3 * DAY)
    assert (settled.state, settled.closed_by) == ("settled", boss.user)
    assert fresh(subscription).state == "deleted"
    assert holders(subscription) == set()
    [refund] = Refund.objects.all()
    # Long after the window of seven days.
    assert (refund.amount, refund.reason, refund.state) == (Decimal("14.99"), "taken_over", "succeeded")
    assert ledger.refunded() == [Decimal("14.99")]
    assert Invoice.objects.filter(kind="credit_note").get().credits.order == refund.order
    assert findings() == []


def test_settling_twice_gives_back_once(boss, subscription, central):
    made = start(subscription, boss, target=central)
    settle(made, boss)
    settle(made, boss, at=NOON + DAY)
    assert ledger.refunded() == [PAID]
    assert Event.objects.filter(type="subscription.take_over_settled").count() == 1


def test_the_sweep_settles_it_a_week_later(boss, subscription, central):
    start(subscription, boss, target=central)
    assert settling.settle_due(at=NOON + WEEK - timedelta(seconds=1)) == 0
    lifecycle.advance_due(at=NOON + WEEK + DAY)
    assert fresh(subscription).state == "disabled"  # money first
    assert settling.settle_due(at=NOON + WEEK) == 1
    assert settling.settle_due(at=NOON + WEEK) == 0
    assert fresh(subscription).state == "deleted"
    assert ledger.refunded() == [PAID]
    assert findings() == []


def test_undone_everything_stands_as_it_was(boss, subscription, central):
    before = rows_of(subscription), rows_of(central)["subscription"]
    made = start(subscription, boss, target=central, at=NOON + DAY)
    assert rows_of(subscription) != before[0]
    undone = undo(made, boss, at=NOON + 2 * DAY)
    assert undone.state == "undone"
    assert (rows_of(subscription), rows_of(central)["subscription"]) == before
    assert holders(central) == set()
    assert settling.settle_due(at=NOON + 2 * WEEK) == 0
    assert not Refund.objects.exists()
    assert findings() == []


def test_undoing_twice_changes_nothing_more_and_it_can_be_taken_over_again(boss, ana, cleo, subscription, central):
    made = start(subscription, boss, target=central)
    undo(made, boss)
    undo(made, boss, at=NOON + DAY)
    assert Event.objects.filter(type="subscription.take_over_undone").count() == 1
    start(subscription, boss, target=central, at=NOON + DAY)
    assert holders(central) == {ana, cleo}
    assert findings() == []


def test_what_is_settled_is_not_undone_and_what_is_undone_not_settled(boss, subscription, central, plan, cleo):
    made = start(subscription, boss, target=central)
    settle(made, boss)
    with pytest.raises(TakeOverSettled):
        undo(made, boss)
    assert fresh(subscription).state == "deleted"
    other = buy(cleo, plan, 1)
    made = start(other, boss, target=central)
    undo(made, boss)
    with pytest.raises(TakeOverUndone):
        settle(made, boss)
    assert fresh(other).state == "active"


# --- People


def test_some_are_moved_and_the_others_lose_access_and_are_told(boss, ana, cleo, subscription, central):
    seat = Seat.objects.get(subscription=subscription, member=cleo)
    start(subscription, boss, target=central, members=[ana])
    assert holders(central) == {ana}
    assert Job.objects.get(name="commerce.deliver_lost_seats").arguments == {"seat_ids": [str(seat.pk)]}


def test_whoever_has_a_central_seat_gets_no_second_one_and_keeps_it_when_it_is_undone(
    boss, ana, cleo, subscription, central
):
    seats.assign(subscription=central, members=[cleo], by=giver_in(boss.tenant), at=NOON)
    made = start(subscription, boss, target=central)
    assert holders(central) == {ana, cleo}
    assert Seat.objects.filter(subscription=central).count() == 2
    undo(made, boss)
    assert holders(central) == {cleo}


def giver_in(tenant):
    return acting(MembershipFactory(tenant=tenant, roles=["global_admin"]))


def test_people_who_are_gone_are_left_out(boss, ana, cleo, subscription, central):
    cleo.state = "left"
    cleo.save()
    start(subscription, boss, target=central)
    assert holders(central) == {ana}


def test_who_lost_their_old_seat_meanwhile_gets_one_again_when_it_is_undone(boss, ana, cleo, subscription, central):
    made = start(subscription, boss, target=central)
    seats.release(subscription=subscription, members=[cleo], by=acting(ana), at=NOON)
    undo(made, boss, at=NOON + DAY)
    assert holders(subscription) == {ana, cleo}
    assert findings() == []


def test_who_has_left_meanwhile_gets_no_seat_back(boss, ana, cleo, subscription, central):
    made = start(subscription, boss, target=central)
    seats.release(subscription=subscription, members=[cleo], by=acting(ana), at=NOON)
    Membership.objects.filter(pk=cleo.pk).update(state="left")
    assert undo(made, boss, at=NOON + DAY).state == "undone"
    assert (holders(subscription), holders(central)) == ({ana}, set())
    assert findings() == []


def test_undo_needs_free_seats_for_the_people_to_go_back_to(boss, ana, cleo, subscription, central):
    made = start(subscription, boss, target=central)
    seats.release(subscription=subscription, members=[cleo], by=acting(ana), at=NOON)
    Subscription.objects.filter(pk=subscription.pk).update(quantity=1)
    with pytest.raises(NoSeatLeft):
        undo(made, boss)
    assert holders(central) == {ana, cleo}
    assert fresh(subscription).state == "disabled"


# --- Money


def test_the_preview_tells_what_goes_back_line_by_line_and_changes_nothing(boss, ana, cleo, subscription, central):
    before = rows_of(subscription)
    told = preview(subscription, boss, target=central, at=half(subscription))
    assert (told.total, [line.total for line in told.lines]) == (Decimal("14.99"), [Decimal("14.99")])
    assert set(told.people.given) == {ana, cleo}
    assert rows_of(subscription) == before


def test_what_was_shown_is_what_goes_back(boss, subscription, central):
    at = half(subscription)
    told = preview(subscription, boss, target=central, at=at)
    made = start(subscription, boss, target=central, at=at + timedelta(minutes=10), as_of=at, expecting=told.total)
    settle(made, boss, at=at + WEEK)
    assert ledger.refunded() == [told.total]


def test_a_tenant_may_give_nothing_back(boss, tenant, subscription, central):
    settings.change(tenant=tenant, take_over_refunds=False, by=SYSTEM, at=NOON)
    told = preview(subscription, boss, target=central)
    assert (told.refunds, told.total, told.lines[0].why) == (False, 0, "not_given_back")
    made = start(subscription, boss, target=central)
    settings.change(tenant=tenant, take_over_refunds=True, by=SYSTEM, at=NOON)
    settle(made, boss)
    assert ledger.refunded() == []  # as it was when it was shown
    assert fresh(subscription).state == "deleted"
    assert findings() == []


def test_its_purchaser_reads_that_it_was_taken_over(boss, subscription, central):
    start(subscription, boss, target=central)
    read = looks.look_of(fresh(subscription)).sentence
    assert read.startswith(
        "Your organisation has taken it over, so nobody has access by it. Closed for good on 17 March"
    )
