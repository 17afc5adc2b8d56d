"""The one safe repair of each kind of difference: what it does, twice, by two at once, and when it is not true."""

from threading import Barrier

import pytest
from django.db import IntegrityError

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Difference, DifferenceKind, Payment, Refund
from commerce.operations.accounts import reconciliation, repairs
from commerce.operations.paying import disputes, refunds
from tenants.access import Actor
from tenants.journal.models import Event
from tenants.refusal import NotAllowed, Refused
from tests.commerce.differences import (
    BANK,
    DAY,
    LATER,
    ONE_OF_EACH,
    charges,
    compare,
    declined_but_captured,
    everything_here,
    findings,
    found,
    mend,
    operator,
    refund_failed_later,
    refund_made_there,
    refunds_there,
    state,
)
from tests.factories import NOON, OperatorFactory, acting, admin_of
from tests.race import at_once, race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

MOVES = set(DifferenceKind) - {DifferenceKind.NOT_CAPTURED}


class TestAnyRepair:
    @pytest.mark.parametrize("kind", sorted(MOVES))
    def test_makes_it_go_away_and_leaves_everything_right(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        by = operator()
        difference = mend(found(kind), LATER + DAY, by)
        assert (difference.resolution, difference.resolved_by) == ("repaired", by.user)
        assert difference.resolved_at == LATER + DAY
        assert compare(LATER + DAY).standing == 0
        assert Difference.objects.count() == 1
        assert findings() == []

    @pytest.mark.parametrize("kind", sorted(MOVES))
    def test_stands_in_the_journal_with_who_did_it(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        by = operator()
        difference = mend(found(kind), by=by)
        event = Event.objects.get(type="difference.repaired")
        assert (event.actor, event.data["kind"], event.data["difference"]) == (by.user, kind, str(difference.pk))
        assert event.tenant == (None if kind == "unknown_charge" else ana.tenant)

    @pytest.mark.parametrize("kind", sorted(MOVES))
    def test_twice_is_refused_and_done_once(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        difference = mend(found(kind))
        before = everything_here()
        with pytest.raises(repairs.AlreadyResolved):
            mend(difference)
        assert everything_here() == before

    @pytest.mark.parametrize("kind", DifferenceKind)
    def test_is_the_operators_alone(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        difference = found(kind)
        before = everything_here()
        for by in (acting(ana), admin_of(ana.tenant)):
            with pytest.raises(NotAllowed):
                mend(difference, by=by)
        assert everything_here() == before
        assert state(difference) is None

    @pytest.mark.parametrize("kind", sorted(MOVES - {DifferenceKind.SET_ASIDE}))
    def test_of_what_the_provider_does_not_say_any_more_is_refused_and_resolved_as_gone(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        difference = found(kind)
        make_it_go_away(kind)
        before = everything_here()
        with pytest.raises(repairs.NoLongerTrue):
            mend(difference)
        assert state(difference) == "gone"
        assert everything_here() == before

    @pytest.mark.parametrize("kind", sorted(set(DifferenceKind) - {DifferenceKind.SET_ASIDE}))
    def test_waits_while_the_provider_is_away(self, ana, plan, kind, monkeypatch):
        ONE_OF_EACH[kind](ana, plan)
        difference = found(kind)

        def away(*args, **options):
            raise GatewayUnavailable

        before = everything_here()
        with monkeypatch.context() as patch:
            for call in ("find", "find_refund", "fetch", "refund", "refund_unknown", "books"):
                patch.setattr(SandboxGateway, call, away)
            with pytest.raises(reconciliation.ProviderSilent):
                mend(difference)
        assert everything_here() == before
        assert state(difference) is None
        mend(difference)

    def test_of_a_provider_that_is_not_in_use_is_refused(self, ana, plan):
        declined_but_captured(ana, plan)
        difference = found("unsettled")
        Difference.objects.update(gateway="stripe")
        with pytest.raises(repairs.OfAnotherProvider):
            mend(difference)


def make_it_go_away(kind):
    if kind == "unsettled":
        charges().update(state="declined")
    elif kind == "unknown_charge":
        charges().update(state="canceled")
    elif kind == "refund_failed":
        refunds_there().update(state="succeeded")
    elif kind == "refund_unsent":
        refund = Refund.objects.get()
        refunds_there().create(key=refund.pk, charge_id=refund.payment_id, amount=refund.amount)
    elif kind == "unknown_refund":
        refunds_there().all().delete()
    else:
        disputes.settle_dispute(report=BANK.contest(Payment.objects.get().pk), at=NOON)


@between_transactions
class TestTwoOperatorsAtOnce:
    @pytest.mark.parametrize("kind", sorted(MOVES))
    def test_repair_once(self, ana, plan, kind):
        ONE_OF_EACH[kind](ana, plan)
        difference = found(kind)
        people = [Actor(user=user) for user in OperatorFactory.create_batch(4)]
        # Somebody may see it gone between what another one does and its being written down: that is no other outcome.
        assert race(lambda by: mend(difference, by=by), people, refused=Refused) >= 1
        assert state(difference) == "repaired"
        assert Event.objects.filter(type="difference.repaired").count() == 1
        assert compare(LATER + DAY).standing == 0
        assert findings() == []

    def test_the_control_without_the_lock_of_the_order_does_it_twice(self, ana, plan, monkeypatch):
        refund_made_there(ana, plan)
        difference = found("unknown_refund")
        together = Barrier(2)

        def unlocked(payment):
            return Payment.objects.select_related("tenant", "order").get(pk=payment.pk)

        def promise(*args, **options):
            together.wait(30)
            return was(*args, **options)

        was = refunds._promise
        monkeypatch.setattr(repairs, "_locked", unlocked)
        monkeypatch.setattr(refunds, "_promise", promise)
        people = [Actor(user=user) for user in OperatorFactory.create_batch(2)]
        at_once(lambda by: mend(difference, by=by), people)
        assert Refund.objects.filter(reason="external").count() == 2

    def test_the_database_refuses_to_make_good_twice(self, ana, plan):
        refund = refund_failed_later(ana, plan)
        mend(found("refund_failed"))
        made = Refund.objects.get(replaces=refund)
        made.pk = ana.pk
        with pytest.raises(IntegrityError, match="one_replacement_at_a_time"):
            made.save(force_insert=True)
