"""A checkout that waits for an approver, and what follows."""

from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.models import Checkout, Payment, PaymentMethod
from commerce.operations.buying import approvals as deciding
from commerce.operations.buying import checkouts, payments
from commerce.operations.paying import charging
from commerce.tasks.money import _back_to
from licensing.models import Seat, Subscription
from policies.eligibility import PurchaseRefused
from policies.models import Approval, Decision
from policies.operations import approvals
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.commerce.approving import approval_of, approve, charge, decline, jobs
from tests.commerce.conftest import all_is_well, state_of
from tests.factories import NOON, MembershipFactory, PolicyFactory, acting, add_card, confirm, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DAY = timedelta(days=1)
STEP = "pm_card_authenticationRequired"


@pytest.fixture
def asks(ana):
    """The tenant wants somebody to approve everything."""
    return PolicyFactory(tenant=ana.tenant, value="approval_required")


@pytest.fixture
def boss(asks, ana):
    return MembershipFactory(tenant=ana.tenant, roles=["billing_admin"], name="Bo Boss")


@pytest.fixture
def waiting(boss, ana, plan):
    checkout = pay(open_checkout(ana, plan, 3))
    assert checkout.state == "awaiting_approval"
    return checkout


class TestAsking:
    def test_keeps_the_card_and_charges_nothing(self, waiting, ana):
        approval = approval_of(waiting)
        assert (approval.state, approval.requester, approval.quantity) == ("waiting", ana, 3)
        assert (approval.amount, approval.currency, approval.codes) == (Decimal("29.97"), "USD", ["approval_required"])
        assert waiting.kept_card == PaymentMethod.objects.get(member=ana)
        assert waiting.expires_at == approval.lapses_at == NOON + 14 * DAY
        assert not Payment.objects.exists()
        assert ledger.states() == []
        assert jobs() == ["commerce.tell_approvers"]
        assert Event.objects.of(ana.tenant).filter(type="approval.requested", actor=ana.user).count() == 1

    def test_takes_a_card_that_is_kept_already(self, boss, ana, plan):
        card = add_card(ana).payment_method
        assert pay(open_checkout(ana, plan), str(card.pk)).kept_card == card

    def test_twice_asks_once(self, waiting):
        assert pay(waiting).state == "awaiting_approval"
        assert Approval.objects.count() == 1
        assert jobs() == ["commerce.tell_approvers"]

    def test_a_declined_card_leaves_it_open(self, boss, ana, plan):
        checkout = open_checkout(ana, plan)
        with pytest.raises(charging.CardDeclined):
            pay(checkout, "pm_card_chargeDeclined")
        assert state_of(checkout) == "open"
        assert not Approval.objects.exists()

    def test_a_card_whose_holder_has_to_confirm_is_kept_when_they_have(self, boss, ana, plan):
        checkout = pay(open_checkout(ana, plan), STEP)
        assert (checkout.state, checkout.kept_card) == ("awaiting_approval", None)
        assert checkout.card_setup.state == "requires_action"
        confirm(checkout)
        assert checkout.card_setup.payment_method is None
        checkout = Checkout.objects.get(pk=checkout.pk)
        assert checkout.card_setup.payment_method.member == ana

    def test_with_nobody_to_ask_it_is_refused_before_any_card(self, asks, ana, plan):
        with pytest.raises(PurchaseRefused) as refused:
            open_checkout(ana, plan)
        assert [reason["code"] for reason in refused.value.answer.reasons] == ["approval_required", "no_approver"]
        assert not Checkout.objects.exists()

    def test_the_buyer_may_cancel_while_it_waits(self, waiting, ana):
        checkouts.cancel_checkout(checkout=waiting, by=acting(ana), at=NOON)
        assert (state_of(waiting), approval_of(waiting).state) == ("canceled", "withdrawn")


class TestApproving:
    def test_charges_the_kept_card_at_the_quoted_price(self, waiting, boss, ana):
        decided = approve(waiting, boss)
        assert (decided.state, decided.approved_quantity, decided.decided_by) == ("approved", 3, boss.user)
        assert jobs() == ["commerce.tell_approvers", "commerce.charge_approved", "commerce.tell_approval"]
        assert charge(waiting).state == "completed"
        assert ledger.captured() == [Decimal("29.97")]
        assert Subscription.objects.get().quantity == 3
        assert [seat.member for seat in Seat.objects.open()] == [ana]
        assert all_is_well()

    def test_by_the_sweep_when_the_job_was_lost(self, waiting, boss):
        approve(waiting, boss)
        assert deciding.charge_due(return_to=_back_to, at=NOON) == 1
        assert deciding.charge_due(return_to=_back_to, at=NOON) == 0
        assert (state_of(waiting), len(ledger.captured())) == ("completed", 1)

    def test_for_fewer_seats_quotes_again_from_the_same_price(self, waiting, boss):
        approve(waiting, boss, quantity=2, message="Two will do")
        assert charge(waiting).total == Decimal("19.98")
        assert ledger.captured() == [Decimal("19.98")]
        assert Subscription.objects.get().quantity == 2

    def test_for_fewer_seats_than_people_were_named_for_seats_the_first(self, boss, ana, cleo, plan):
        checkout = pay(open_checkout(ana, plan, 2, assign_to=[cleo, ana]))
        approve(checkout, boss, quantity=1)
        charge(checkout)
        assert [seat.member for seat in Seat.objects.open()] == [cleo]

    def test_after_a_card_was_declined_when_nobody_had_to_approve_yet(self, ana, plan):
        checkout = open_checkout(ana, plan, 3)
        with pytest.raises(charging.CardDeclined):
            pay(checkout, "pm_card_chargeDeclined")
        PolicyFactory(tenant=ana.tenant, value="approval_required")
        boss = MembershipFactory(tenant=ana.tenant, roles=["global_admin"])
        approve(pay(checkout), boss, quantity=2)
        assert charge(checkout).state == "completed"
        assert ledger.captured() == [Decimal("19.98")]
        assert all_is_well()

    @pytest.mark.parametrize("quantity", [0, 4, -1])
    def test_never_for_more_than_was_asked(self, waiting, boss, quantity):
        with pytest.raises(BadInput):
            approve(waiting, boss, quantity=quantity)
        assert (state_of(waiting), approval_of(waiting).state) == ("awaiting_approval", "waiting")

    @pytest.mark.parametrize(("seats", "charged"), [(2, [Decimal("19.98")]), (3, [])])
    def test_is_worth_as_many_seats_as_it_names(self, waiting, boss, seats, charged):
        """The second wall: a checkout is quoted again for what was approved, so it does not come to this by itself."""
        approve(waiting, boss, quantity=2)
        total = seats * Decimal("9.99")
        Checkout.objects.filter(pk=waiting.pk).update(quantity=seats, subtotal=total, total=total)
        charge(waiting)
        assert ledger.captured() == charged

    def test_of_a_policy_that_was_turned_off_is_refused_and_the_buyer_told(self, waiting, boss, asks, ana):
        asks.value = "disabled"
        asks.save()
        with pytest.raises(PurchaseRefused):
            approve(waiting, boss)
        assert (state_of(waiting), approval_of(waiting).state) == ("awaiting_approval", "waiting")
        assert jobs()[-1] == "commerce.tell_refused_approval"
        assert Decision.objects.latest("at", "id").outcome == "refused"
        assert ledger.states() == []

    def test_charges_nothing_when_the_policy_is_turned_off_before_the_charge(self, waiting, boss, asks):
        approve(waiting, boss)
        asks.value = "disabled"
        asks.save()
        assert (charge(waiting).state, waiting.kept_card) == ("open", None)
        assert ledger.states() == []
        assert jobs()[-1] == "commerce.ask_to_pay"
        with pytest.raises(PurchaseRefused):
            pay(waiting)
        assert ledger.states() == []

    def test_still_holds_when_the_one_who_gave_it_has_left(self, waiting, boss):
        approve(waiting, boss)
        boss.state = "left"
        boss.save()
        assert charge(waiting).state == "completed"

    def test_a_card_that_is_declined_then_leaves_the_approval_for_another(self, ana, plan):
        card = "pm_card_chargeCustomerFail"
        pay(open_checkout(ana, plan), card)
        PolicyFactory(tenant=ana.tenant, value="approval_required")
        boss = MembershipFactory(tenant=ana.tenant, roles=["global_admin"])
        checkout = pay(open_checkout(ana, plan, 3), card)
        approve(checkout, boss, quantity=1)
        assert (charge(checkout).state, checkout.kept_card) == ("open", None)
        assert jobs()[-1] == "commerce.ask_to_pay"
        assert charge(checkout).state == "open"
        assert pay(checkout).state == "completed"
        assert ledger.captured() == [Decimal("19.98"), Decimal("9.99")]
        assert approval_of(checkout).state == "approved"
        assert all_is_well()

    def test_a_card_that_needs_its_holder_tells_the_buyer(self, boss, ana, plan):
        checkout = pay(open_checkout(ana, plan), STEP)
        confirm(checkout)
        approve(checkout, boss)
        assert charge(checkout).state == "requires_action"
        assert Job.objects.order_by("created_at").last().arguments == {"checkout_id": str(checkout.pk), "why": "step"}
        assert confirm(checkout).state == "completed"
        assert len(ledger.captured()) == 1

    def test_without_a_card_asks_for_the_payment(self, boss, ana, plan):
        checkout = open_checkout(ana, plan)
        payments.ask_for_approval(checkout=checkout, return_url="", by=acting(ana), at=NOON)
        approve(checkout, boss)
        assert charge(checkout).state == "open"
        assert "commerce.charge_approved" not in jobs()
        assert pay(checkout).state == "completed"

    def test_whose_card_is_removed_asks_for_another(self, waiting, boss):
        approve(waiting, boss)
        PaymentMethod.objects.update(removed_at=NOON, is_default=False)
        assert charge(waiting).state == "open"
        assert Job.objects.order_by("created_at").last().arguments["why"] == "card"
        assert pay(waiting).state == "completed"

    def test_holds_for_a_day_at_least_when_it_comes_late(self, waiting, boss):
        late = NOON + 14 * DAY - timedelta(minutes=1)
        approve(waiting, boss, at=late)
        waiting.refresh_from_db()
        assert waiting.expires_at == late + DAY


class TestDeciding:
    def test_declining_ends_it_with_a_message(self, waiting, boss):
        decided = decline(waiting, boss, message=" Ask again in May ")
        assert (decided.state, decided.message, decided.decided_at) == ("declined", "Ask again in May", NOON)
        assert state_of(waiting) == "canceled"
        assert jobs()[-1] == "commerce.tell_approval"
        with pytest.raises(checkouts.CheckoutCanceled):
            pay(waiting)
        assert ledger.states() == []

    def test_nobody_decides_what_they_asked_for(self, boss, plan):
        MembershipFactory(tenant=boss.tenant, roles=["global_admin"])
        own = pay(open_checkout(boss, plan))
        for decision in (approve, decline):
            with pytest.raises(approvals.OwnApproval) as refused:
                decision(own, boss)
        assert (refused.value.code, refused.value.http_status) == ("own_approval", 403)
        assert approval_of(own).state == "waiting"

    @pytest.mark.parametrize("role", ["license_admin", "user_admin", "global_reader"])
    def test_other_roles_decide_nothing(self, waiting, role):
        for decision in (approve, decline):
            with pytest.raises(NotAllowed):
                decision(waiting, MembershipFactory(tenant=waiting.tenant, roles=[role]))
        with pytest.raises(NotAllowed):
            approve(waiting, MembershipFactory(roles=["global_admin"]))
        assert approval_of(waiting).state == "waiting"

    def test_twice_is_refused(self, waiting, boss):
        approve(waiting, boss)
        for decision in (approve, decline):
            with pytest.raises(approvals.ApprovalNotWaiting):
                decision(waiting, boss)

    def test_after_fourteen_days_is_too_late(self, waiting, boss):
        with pytest.raises(approvals.ApprovalLapsed):
            approve(waiting, boss, at=NOON + 14 * DAY)
        assert checkouts.expire_overdue(at=NOON + 14 * DAY) == 1
        assert (state_of(waiting), approval_of(waiting).state) == ("expired", "lapsed")
        assert jobs()[-1] == "commerce.tell_approval"
        assert Event.objects.filter(type="approval.lapsed").count() == 1

    def test_a_sweep_that_comes_late_leaves_what_was_approved(self, waiting, boss):
        assert checkouts.expire_overdue(at=NOON + 13 * DAY) == 0
        approve(waiting, boss, at=NOON + 13 * DAY + 23 * timedelta(hours=1))
        assert checkouts.expire_overdue(at=NOON + 14 * DAY) == 0
        assert state_of(waiting) == "open"
