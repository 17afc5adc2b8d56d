"""Default, replace, remove, and which card pays for what."""

from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from unittest.mock import Mock

import pytest
from django.core import mail
from django.db import connections

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Payment, PaymentMethod, PaymentSource, SandboxCard
from commerce.operations.accounts import invariants
from commerce.operations.letters import card_notices
from commerce.operations.paying import card_setups, cards, charging, kept_cards, settlement, sources
from commerce.tasks import deliver_card_notice
from licensing.models import Subscription
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.delivery.models import Job
from tenants.journal.naming import names_in
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.commerce.conftest import all_is_well
from tests.factories import NOON, MembershipFactory, TenantFactory, acting, admin_of, buy, confirm, open_checkout, pay
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(
    transaction=True, serialized_rollback=True, databases=["default", "sandbox"]
)

VISA, OTHER, THIRD = "pm_card_visa", "pm_card_createDispute", "pm_card_refundFail"
ASKS = "pm_card_authenticationRequired"
LATER = NOON + timedelta(seconds=61)


def keep(who, token=VISA, at=NOON, **options):
    by = who if hasattr(who, "roles") else acting(who)
    return card_setups.add(token=token, return_to=str, by=by, at=at, **options).payment_method


def remove(card, by, at=NOON):
    kept_cards.remove(card=card, by=acting(by), at=at)
    card.refresh_from_db()


def payer_of(subscription):
    return PaymentSource.objects.get(subscription=subscription).payment_method


def of(member):
    """Their cards by the last digits, the default first."""
    found = PaymentMethod.objects.filter(member=member).kept().default_first()
    return [(card.last4, card.is_default) for card in found]


def forgotten():
    """Cards that the provider keeps no longer."""
    return SandboxCard.objects.using("sandbox").exclude(forgotten_at=None).count()


class TestTheDefault:
    def test_is_the_one_that_was_made_it_and_only_that(self, ana):
        keep(ana)
        other = keep(ana, OTHER)
        for _ in range(2):
            assert kept_cards.make_default(card=other, by=acting(ana), at=NOON).is_default
        assert of(ana) == [("0259", True), ("4242", False)]
        assert ana.tenant.events.filter(type="payment_method.preferred").count() == 1

    def test_is_chosen_among_the_holders_own(self, ana, cleo):
        keep(cleo)
        kept_cards.make_default(card=keep(ana), by=acting(ana), at=NOON)
        assert of(cleo) == [("4242", True)]

    def test_is_never_somebody_elses_or_a_removed_card(self, ana, cleo):
        card = keep(ana)
        admin = admin_of(ana.tenant).home
        for stranger in (cleo, admin, MembershipFactory()):
            with pytest.raises(NotAllowed):
                kept_cards.make_default(card=card, by=acting(stranger), at=NOON)
        remove(card, ana)
        with pytest.raises(cards.PaymentMethodNotAccepted):
            kept_cards.make_default(card=card, by=acting(ana), at=NOON)
        assert of(ana) == []

    def test_of_the_organisation_is_chosen_by_whoever_buys_for_it(self, ana):
        buyer, reader = admin_of(ana.tenant, "billing_admin"), admin_of(ana.tenant, "global_reader")
        keep(buyer, for_organisation=True)
        other = keep(buyer, OTHER, for_organisation=True)
        elsewhere = admin_of(TenantFactory(), "billing_admin")
        for stranger in (reader, elsewhere, acting(ana)):
            with pytest.raises(NotAllowed):
                kept_cards.make_default(card=other, by=stranger, at=NOON)
        assert kept_cards.make_default(card=other, by=buyer, at=NOON).is_default

    @between_transactions
    def test_is_one_after_twenty_people_wished_another_at_once(self, ana):
        mine = [keep(ana, token) for token in (VISA, OTHER, THIRD)]
        race(lambda card: kept_cards.make_default(card=card, by=acting(ana), at=NOON), mine * 6)
        assert [is_default for _, is_default in of(ana)] == [True, False, False]


class TestRemoving:
    def test_forgets_it_here_and_at_the_provider_and_keeps_the_row(self, ana):
        card = keep(ana)
        remove(card, ana)
        assert (card.removed_at, card.forgotten_at, card.is_default) == (NOON, NOON, False)
        assert (of(ana), forgotten()) == ([], 1)
        assert ana.tenant.events.filter(type="payment_method.removed", subject=str(card.pk)).exists()

    def test_twice_changes_nothing_more(self, ana):
        card = keep(ana)
        remove(card, ana)
        remove(card, ana, at=LATER)
        assert card.removed_at == NOON

    def test_the_newest_of_the_others_becomes_the_default(self, ana):
        first = keep(ana)
        keep(ana, OTHER, at=NOON + timedelta(hours=1))
        keep(ana, THIRD, at=NOON + timedelta(hours=2))
        remove(first, ana)
        assert of(ana) == [("5126", True), ("0259", False)]

    def test_of_another_than_the_default_leaves_the_default(self, ana):
        keep(ana)
        remove(keep(ana, OTHER), ana)
        assert of(ana) == [("4242", True)]

    def test_of_a_card_that_pays_for_a_subscription_is_refused_until_it_is_closed_for_good(self, ana, plan):
        subscription = buy(ana, plan)
        card = payer_of(subscription)
        for state in ("active", "expired", "disabled"):
            Subscription.objects.update(state=state)
            with pytest.raises(kept_cards.PaymentMethodInUse) as refused:
                remove(card, ana)
            assert (refused.value.code, refused.value.http_status) == ("payment_method_in_use", 409)
            assert (of(ana), forgotten()) == ([("4242", True)], 0)
        Subscription.objects.update(state="deleted", state_ends_at=None, seats_assigned=0)
        remove(card, ana)
        assert payer_of(subscription) is None

    def test_of_a_card_that_is_being_charged_is_refused(self, ana, plan):
        keep(ana, ASKS)
        setup = ana.card_setups.get()
        card = card_setups.confirm(setup=setup, by=acting(ana), at=NOON).payment_method
        checkout = open_checkout(ana, plan)
        assert pay(checkout, str(card.pk)).state == "requires_action"
        with pytest.raises(kept_cards.CardIsCharged) as refused:
            remove(card, ana)
        assert refused.value.code == "payment_method_in_use"
        confirm(checkout)
        assert payer_of(Subscription.objects.get()) == card

    def test_is_the_holders_alone(self, ana, cleo):
        card = keep(ana)
        for stranger in (cleo, admin_of(ana.tenant).home, MembershipFactory()):
            with pytest.raises(NotAllowed):
                remove(card, stranger)
        assert of(ana) == [("4242", True)]

    def test_a_removed_card_pays_nothing_more(self, ana, plan):
        card = keep(ana)
        remove(card, ana)
        for named in (str(card.pk), card.reference):
            with pytest.raises(cards.PaymentMethodNotAccepted):
                pay(open_checkout(ana, plan), named)
        assert ledger.states() == []

    def test_what_the_provider_could_not_be_told_is_told_by_the_sweep(self, ana, monkeypatch):
        card = keep(ana)
        with monkeypatch.context() as away:
            away.setattr(SandboxGateway, "forget", Mock(side_effect=GatewayUnavailable))
            remove(card, ana)
            assert kept_cards.forget_removed(at=LATER) == 0
        assert (card.removed_at, card.forgotten_at, forgotten()) == (NOON, None, 0)
        assert kept_cards.forget_removed(at=LATER) == 1
        assert kept_cards.forget_removed(at=LATER) == 0
        assert forgotten() == 1

    def test_a_card_that_was_added_again_meanwhile_is_not_forgotten(self, ana, plan, monkeypatch):
        card = keep(ana)
        with monkeypatch.context() as away:
            away.setattr(SandboxGateway, "forget", Mock(side_effect=GatewayUnavailable))
            remove(card, ana)
        again = keep(ana)
        assert kept_cards.forget_removed(at=LATER) == 1
        assert pay(open_checkout(ana, plan), str(again.pk)).state == "completed"

    def test_of_a_provider_no_longer_in_use_is_not_told_to_another_one(self, ana):
        card = keep(ana)
        PaymentMethod.objects.update(gateway="stripe")
        card.refresh_from_db()
        remove(card, ana)
        assert (card.removed_at, card.forgotten_at, forgotten()) == (NOON, None, 0)

    def test_a_card_that_the_provider_forgot_by_itself_charges_nothing_and_says_so(self, ana, plan):
        card = keep(ana)
        SandboxGateway().forget(card.reference)
        checkout = open_checkout(ana, plan)
        with pytest.raises(charging.PaymentCanceled):
            pay(checkout, str(card.pk))
        assert ledger.captured() == []
        assert pay(checkout).state == "completed"


@between_transactions
class TestRemovedWhileItIsCharged:
    """The purchase begins after the remover has looked, and before the remover has written."""

    @pytest.fixture
    def card(self, ana):
        return keep(ana)

    @pytest.fixture
    def story(self, ana, plan, card, monkeypatch):
        checkout = open_checkout(ana, plan)
        paid, became = Event(), []

        def buying():
            try:
                became.append(pay(checkout, str(card.pk)).state)
            except cards.PaymentMethodNotAccepted as refused:
                became.append(refused.code)
            finally:
                connections.close_all()
                paid.set()

        end = kept_cards._end

        def wait_for_the_purchase(card, at):
            Thread(target=buying).start()
            paid.wait(2)  # with the lock it waits for us instead
            end(card, at)

        def tell():
            monkeypatch.setattr(kept_cards, "_end", wait_for_the_purchase)
            remove(card, ana)
            assert paid.wait(30)
            return became

        return tell

    def test_it_is_not_charged(self, story, card):
        assert story() == ["payment_method_not_accepted"]
        assert ledger.captured() == []
        assert card.removed_at
        assert not Payment.objects.exists()

    def test_the_control_without_the_lock_charges_a_card_that_is_gone(self, story, card, monkeypatch):
        monkeypatch.setattr(cards, "hold", lambda tenant, member: None)
        assert story() == ["completed"]
        assert card.removed_at
        assert payer_of(Subscription.objects.get()) in (None, card)

    def test_whoever_is_first_the_purchase_has_a_kept_card_or_none_was_charged(self, ana, plan):
        for _ in range(5):
            card, checkout = keep(ana), open_checkout(ana, plan)
            turns = [lambda card=card: remove(card, ana), lambda c=checkout, card=card: pay(c, str(card.pk))]
            race(lambda turn: turn(), turns, refused=(kept_cards.PaymentMethodInUse, cards.PaymentMethodNotAccepted))
            checkout.refresh_from_db()
            card.refresh_from_db()
            assert (checkout.state, card.removed_at is None) in (("completed", True), ("open", False))
            if checkout.state == "completed":
                break


class TestReplacing:
    def test_the_other_card_pays_for_everything_and_the_first_is_removed(self, ana, plan):
        bought = [buy(ana, plan, 1, NOON + timedelta(seconds=n)) for n in range(3)]
        card, other = payer_of(bought[0]), keep(ana, OTHER)
        assert kept_cards.replace(card=card, other=other, by=acting(ana), at=NOON) == other
        assert {payer_of(subscription) for subscription in bought} == {other}
        assert (of(ana), forgotten()) == ([("0259", True)], 1)
        told = ana.tenant.events.get(type="payment_method.replaced").data
        assert told["payment_method"] == str(other.pk)
        assert set(told["subscriptions"]) == {str(subscription.pk) for subscription in bought}

    def test_leaves_what_a_third_card_pays_for(self, ana, plan):
        first = buy(ana, plan, 1)
        pay(open_checkout(ana, plan, 1), THIRD)
        second = Subscription.objects.exclude(pk=first.pk).get()
        third = payer_of(second)
        kept_cards.replace(card=payer_of(first), other=keep(ana, OTHER), by=acting(ana), at=NOON)
        assert payer_of(second) == third

    def test_by_itself_or_by_the_card_of_another_holder_is_no_replacement(self, ana, cleo, plan):
        admin = admin_of(ana.tenant, "billing_admin")
        subscription = buy(ana, plan)
        card = payer_of(subscription)
        strangers = [keep(cleo), keep(admin, for_organisation=True), keep(MembershipFactory())]
        for other in (card, *strangers):
            with pytest.raises(BadInput) as refused:
                kept_cards.replace(card=card, other=other, by=acting(ana), at=NOON)
            assert refused.value.field == "by"
        assert payer_of(subscription) == card

    def test_by_a_removed_or_an_expired_card_is_refused(self, ana, plan):
        subscription = buy(ana, plan)
        card = payer_of(subscription)
        gone, old = keep(ana, OTHER), keep(ana, THIRD)
        remove(gone, ana)
        PaymentMethod.objects.filter(pk=old.pk).update(exp_year=2026, exp_month=2)
        for other in (gone, old):
            with pytest.raises(cards.PaymentMethodNotAccepted):
                kept_cards.replace(card=card, other=other, by=acting(ana), at=NOON)
        assert payer_of(subscription) == card

    def test_while_it_is_charged_is_refused(self, ana, plan, monkeypatch):
        card, other = keep(ana), keep(ana, OTHER)
        with monkeypatch.context() as away:
            away.setattr(SandboxGateway, "charge", Mock(side_effect=GatewayUnavailable))
            pay(open_checkout(ana, plan), str(card.pk))
        with pytest.raises(kept_cards.CardIsCharged):
            kept_cards.replace(card=card, other=other, by=acting(ana), at=NOON)
        settlement.reconcile(at=LATER)
        kept_cards.replace(card=card, other=other, by=acting(ana), at=LATER)
        assert of(ana) == [("0259", True)]

    def test_is_the_holders_alone(self, ana, cleo, plan):
        card, other = payer_of(buy(ana, plan)), keep(ana, OTHER)
        for stranger in (cleo, admin_of(ana.tenant).home, MembershipFactory()):
            with pytest.raises(NotAllowed):
                kept_cards.replace(card=card, other=other, by=acting(stranger), at=NOON)
        assert len(of(ana)) == 2


class TestWhatPaysForASubscription:
    def change(self, subscription, card, by):
        return sources.change(subscription=subscription, card=card, by=acting(by), at=NOON)

    def test_is_the_card_that_paid_until_its_payer_chooses_another(self, ana, plan):
        subscription = buy(ana, plan)
        assert payer_of(subscription).last4 == "4242"
        other = keep(ana, OTHER)
        for _ in range(2):
            assert self.change(subscription, other, ana).payment_method == other
        assert payer_of(subscription) == other
        assert ledger.states() == ["captured"]
        assert ana.tenant.events.filter(type="subscription.card_changed").count() == 1

    def test_is_chosen_again_after_it_was_gone(self, ana, plan):
        subscription = buy(ana, plan)
        PaymentSource.objects.all().delete()
        self.change(subscription, PaymentMethod.objects.get(), ana)
        assert payer_of(subscription).last4 == "4242"

    def test_is_chosen_by_the_payer_alone(self, ana, cleo, plan):
        subscription = buy(ana, plan)
        card = payer_of(subscription)
        admin = admin_of(ana.tenant, "global_admin")
        elsewhere = MembershipFactory()
        for stranger, own in [(cleo, keep(cleo)), (admin.home, keep(admin)), (elsewhere, keep(elsewhere))]:
            with pytest.raises(NotAllowed):
                self.change(subscription, own, stranger)
        assert payer_of(subscription) == card

    def test_is_never_somebody_elses_card(self, ana, cleo, plan):
        subscription = buy(ana, plan)
        card = payer_of(subscription)
        organisations = keep(admin_of(ana.tenant, "billing_admin"), for_organisation=True)
        for other in (keep(cleo), organisations, keep(MembershipFactory())):
            with pytest.raises(cards.PaymentMethodNotAccepted):
                self.change(subscription, other, ana)
        assert payer_of(subscription) == card

    def test_is_never_a_removed_or_an_expired_card(self, ana, plan):
        subscription = buy(ana, plan)
        gone, old = keep(ana, OTHER), keep(ana, THIRD)
        remove(gone, ana)
        PaymentMethod.objects.filter(pk=old.pk).update(exp_year=2026, exp_month=2)
        for other in (gone, PaymentMethod.objects.get(pk=old.pk)):
            with pytest.raises(cards.PaymentMethodNotAccepted):
                self.change(subscription, other, ana)
        assert payer_of(subscription).last4 == "4242"

    def test_is_not_chosen_once_it_is_closed_for_good(self, ana, plan):
        subscription = buy(ana, plan)
        Subscription.objects.update(state="deleted", state_ends_at=None, seats_assigned=0)
        with pytest.raises(SubscriptionInactive):
            self.change(subscription, keep(ana, OTHER), ana)

    def test_of_the_organisation_is_its_own_card_chosen_by_whoever_buys_for_it(self, ana, plan):
        subscription = buy(ana, plan)
        Subscription.objects.update(payer=None, owner=None)
        buyer = admin_of(ana.tenant, "billing_admin")
        card = keep(buyer, for_organisation=True)
        with pytest.raises(NotAllowed):
            self.change(subscription, card, ana)
        with pytest.raises(cards.PaymentMethodNotAccepted):
            self.change(subscription, keep(buyer), buyer.home)
        assert self.change(subscription, card, buyer.home).payment_method == card

    def test_self_service_is_never_charged_to_the_organisations_card(self, ana, plan):
        admin = admin_of(ana.tenant, "billing_admin")
        card = keep(admin, for_organisation=True)
        with pytest.raises(cards.PaymentMethodNotAccepted):
            pay(open_checkout(admin.home, plan), str(card.pk))
        assert (ledger.states(), Payment.objects.count()) == ([], 0)

    def test_somebody_elses_card_is_never_charged(self, ana, cleo, plan):
        for holder in (cleo, MembershipFactory()):
            card = keep(holder)
            for named in (str(card.pk), card.reference):
                with pytest.raises(cards.PaymentMethodNotAccepted):
                    pay(open_checkout(ana, plan), named)
        assert (ledger.states(), Payment.objects.count()) == ([], 0)


def test_the_audit_finds_a_subscription_that_a_removed_card_or_somebody_elses_would_pay(ana, cleo, plan):
    subscription = buy(ana, plan)
    assert all_is_well()
    keep(cleo)
    for wrong in ({"removed_at": NOON, "is_default": False}, {"member": cleo, "is_default": False, "fingerprint": "x"}):
        card = PaymentMethod.objects.filter(pk=payer_of(subscription).pk)
        before = card.values(*wrong).get()
        card.update(**wrong)
        [finding] = invariants.open_subscriptions_are_paid_by_kept_cards_of_their_payer()
        assert str(subscription.pk) in finding
        card.update(**before)


def test_the_journal_tells_whose_card_it_is_and_nothing_that_is_printed_on_it(ana):
    keep(ana)
    remove(keep(ana, OTHER), ana)
    keep(admin_of(ana.tenant, "billing_admin"), for_organisation=True)
    told = {str(name) for name in names_in(ana.tenant.events.all(), ana.tenant).values()}
    assert {"Card of Ana Alvarez", "Card of the organisation"} <= told
    assert not any("4242" in name for name in told)


class TestExpiry:
    def expires(self, year, month):
        PaymentMethod.objects.update(exp_year=year, exp_month=month)

    def told(self, at):
        """How many were told, and what of is on its way."""
        told = card_notices.tell_expiring(at=at)
        assert Job.objects.filter(name="commerce.deliver_card_notice").count() == told
        return told

    def deliver(self):
        for job in Job.objects.filter(name="commerce.deliver_card_notice", done_at=None):
            deliver_card_notice(job_id=str(job.pk))
        return mail.outbox

    @pytest.mark.parametrize(
        "at, is_told",
        [
            (datetime(2026, 4, 30, 12, tzinfo=UTC), False),
            (datetime(2026, 5, 1, 12, tzinfo=UTC), True),
            (datetime(2026, 5, 31, 12, tzinfo=UTC), True),
            (datetime(2026, 7, 1, 12, tzinfo=UTC), True),
        ],
    )
    def test_is_told_from_30_days_before_the_end_of_the_month(self, ana, plan, at, is_told):
        buy(ana, plan)
        self.expires(2026, 5)
        assert self.told(at) == is_told

    def test_is_told_by_the_clock_of_the_tenant(self, plan):
        buy(MembershipFactory(tenant=TenantFactory(time_zone="Asia/Tokyo")), plan)
        self.expires(2026, 5)
        assert self.told(datetime(2026, 4, 30, 14, tzinfo=UTC)) == 0
        assert self.told(datetime(2026, 4, 30, 15, tzinfo=UTC)) == 1

    def test_is_told_once_until_the_provider_tells_a_new_one(self, ana, plan):
        buy(ana, plan)
        self.expires(2026, 3)
        assert self.told(NOON) == 1
        assert card_notices.tell_expiring(at=NOON + timedelta(days=1)) == 0
        assert ana.tenant.events.filter(type="payment_method.expiring").count() == 1
        buy(ana, plan)  # the provider tells 12/2034 with the next charge
        card = PaymentMethod.objects.get()
        assert (card.exp_year, card.expiry_told_at) == (2034, None)
        assert card_notices.tell_expiring(at=datetime(2034, 12, 5, tzinfo=UTC)) == 1

    def test_of_a_card_that_pays_for_nothing_or_was_removed_is_not_told(self, ana, plan):
        keep(ana)
        remove(keep(ana, OTHER), ana)
        pay(open_checkout(ana, plan), THIRD)
        Subscription.objects.update(state="deleted", state_ends_at=None, seats_assigned=0)
        self.expires(2026, 3)
        assert self.told(NOON) == 0

    def test_is_told_to_the_holder_with_what_the_card_pays_for_and_the_way_to_mend_it(self, ana, plan, settings):
        settings.BASE_URL = "https://seatwise.example"
        buy(ana, plan)
        self.expires(2026, 3)
        self.told(NOON)
        [letter] = self.deliver()
        assert letter.to == [ana.user.email]
        assert letter.subject == "Visa •••• 4242 expires 03/2026"
        for said in ("31 March 2026", "Power BI Pro", "https://seatwise.example/my/payment-methods/"):
            assert said in letter.body
        card = PaymentMethod.objects.get()
        assert letter.extra_headers["Message-ID"].startswith(f"<card-{card.pk}-2026-3-")

    def test_of_the_organisations_card_is_told_to_all_who_buy_for_it(self, ana, plan):
        buyers = [admin_of(ana.tenant, role) for role in ("billing_admin", "global_admin")]
        admin_of(ana.tenant, "global_reader")
        card = keep(buyers[0], for_organisation=True)
        subscription = buy(ana, plan)
        PaymentSource.objects.filter(subscription=subscription).update(payment_method=card)
        self.expires(2026, 3)
        self.told(NOON)
        assert {letter.to[0] for letter in self.deliver()} == {buyer.home.user.email for buyer in buyers}

    def test_is_not_told_to_somebody_who_left_nor_of_a_card_that_is_gone_by_then(self, ana, cleo, plan):
        buy(ana, plan)
        buy(cleo, plan)
        self.expires(2026, 3)
        assert self.told(NOON) == 2
        ana.state = "left"
        ana.save()
        PaymentMethod.objects.filter(member=cleo).update(removed_at=NOON, is_default=False)
        assert self.deliver() == []

    @between_transactions
    def test_is_told_once_by_sweeps_at_the_same_moment(self, ana, plan):
        buy(ana, plan)
        self.expires(2026, 3)
        race(lambda _: card_notices.tell_expiring(at=NOON), range(6))
        assert Job.objects.filter(name="commerce.deliver_card_notice").count() == 1
