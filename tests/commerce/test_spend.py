"""What a tenant spent by month and channel: kept beside the ledger, and the same as what cards were really charged."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from commerce.models import Dispute, MonthlySpend, Payment
from commerce.operations.accounts import ledger as books
from commerce.operations.accounts import spend
from commerce.operations.accounts.invariants.ledger import spend_agrees_with_ledger
from commerce.operations.changes import cancellations
from commerce.operations.paying import charging
from commerce.tasks import upkeep
from licensing.models import SeatTally
from licensing.operations import tallies
from tests import factories, ledger
from tests.commerce.conftest import all_is_well
from tests.factories import NOON, acting, buy, buy_centrally, plan_on_sale, price_centrally
from tests.race import at_once

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def spent(tenant=None):
    rows = MonthlySpend.objects.among([tenant.pk] if tenant else None).summed()
    return {(f"{row['month']:%Y-%m}", row["channel"], row["currency"]): row["spent"] for row in rows}


def is_right():
    return list(spend_agrees_with_ledger()) == []


def test_what_was_bought_less_what_went_back_is_what_cards_were_charged(ana, plan):
    buy(ana, plan, 3)
    given_back = buy(ana, plan, 2, at=NOON + timedelta(hours=1))
    reason = {"reason": "", "by": acting(ana), "at": NOON + timedelta(hours=2)}
    cancellations.cancel_subscription(subscription=given_back, **reason)
    assert all_is_well()
    charged = sum(ledger.captured()) - sum(ledger.refunded())
    assert spent() == {("2026-03", "self_service", "USD"): charged}
    assert charged == Decimal("30.00")


def test_what_the_bank_took_is_not_spent_until_it_comes_back(ana, plan):
    buy(ana, plan)
    payment = Payment.objects.get()
    dispute = Dispute(tenant=ana.tenant, payment=payment, amount=Decimal("9.99"), gateway_ref="dp", opened_at=NOON)
    books.dispute_opened(dispute=dispute, at=NOON)
    assert spent() == {("2026-03", "self_service", "USD"): Decimal("9.99")}
    assert is_right()
    books.dispute_won(dispute=dispute, at=NOON + timedelta(days=40))
    assert spent() == {
        ("2026-03", "self_service", "USD"): Decimal("9.99"),
        ("2026-04", "self_service", "USD"): Decimal("9.99"),
    }
    assert is_right()


def test_a_dispute_that_is_lost_stays_off(ana, plan):
    buy(ana, plan)
    payment = Payment.objects.get()
    dispute = Dispute(tenant=ana.tenant, payment=payment, amount=Decimal("9.99"), gateway_ref="dp", opened_at=NOON)
    books.dispute_opened(dispute=dispute, at=NOON)
    books.dispute_lost(dispute=dispute, promised=Decimal(0), at=NOON)
    assert spent() == {("2026-03", "self_service", "USD"): Decimal("9.99")}
    assert is_right()


@pytest.mark.parametrize("zone, month", [("America/Los_Angeles", "2026-03"), ("Pacific/Kiritimati", "2026-04")])
def test_the_month_is_that_of_the_tenant(plan, zone, month):
    late = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
    buy(factories.MembershipFactory(tenant__time_zone=zone), plan, at=late)
    assert list(spent()) == [(month, "self_service", "USD")]
    assert is_right()


def test_channels_currencies_and_tenants_are_kept_apart(ana, plan):
    factories.RoleGrantFactory(membership=ana)
    buy(ana, plan)
    buy_centrally(ana, price_centrally(plan_on_sale()), 3)
    swede = factories.MembershipFactory(tenant__country="SE")
    buy(swede, plan_on_sale("99.00", "SEK", "SE"), 1)
    assert spent(ana.tenant) == {
        ("2026-03", "central", "USD"): Decimal("26.97"),
        ("2026-03", "self_service", "USD"): Decimal("19.98"),
    }
    assert spent(swede.tenant) == {("2026-03", "self_service", "SEK"): Decimal("99.00")}


def test_tax_is_spent_too():
    factories.TaxRateFactory(country="DE", rate="0.19")
    greta = factories.MembershipFactory(tenant__country="DE", tenant__tax_number="DE136695976")
    buy(greta, plan_on_sale("8.40", "EUR", "DE"), 2)
    [charged] = ledger.captured()
    assert charged > Decimal("16.80")
    assert spent() == {("2026-03", "self_service", "EUR"): charged}


def test_a_purchase_that_is_declined_spends_nothing(ana, plan):
    checkout = factories.open_checkout(ana, plan)
    with pytest.raises(charging.CardDeclined):
        factories.pay(checkout, "pm_card_chargeDeclined")
    assert spent() == {}


def test_folding_keeps_every_sum_in_one_row_a_month(ana, plan):
    for minute in range(4):
        buy(ana, plan, at=NOON + timedelta(minutes=minute))
    before = spent()
    assert (spend.fold(), MonthlySpend.objects.count(), spent()) == (4, 1, before)
    buy(ana, plan, at=NOON + timedelta(minutes=9))
    assert (spend.fold(), spend.fold(), MonthlySpend.objects.count()) == (1, 0, 1)
    assert spent() == {("2026-03", "self_service", "USD"): Decimal("99.90")}
    assert is_right()


def test_what_somebody_changed_by_hand_is_found_and_summed_up_anew(ana, plan):
    buy(ana, plan)
    MonthlySpend.objects.update(amount=1)
    [finding] = spend_agrees_with_ledger()
    assert "1.000 USD spent, 19.980 in the ledger" in finding
    spend.recount(tenant_id=ana.tenant_id)
    assert is_right()


def test_summed_up_anew_it_stands_in_the_same_months_and_others_keep_theirs(plan):
    late = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
    zones = ("Pacific/Kiritimati", "America/Los_Angeles")
    here, there = (factories.MembershipFactory(tenant__time_zone=zone) for zone in zones)
    for one in (here, there):
        buy(one, plan, at=late)
    before = spent(here.tenant), spent(there.tenant)
    assert [list(each) for each in before] == [
        [("2026-04", "self_service", "USD")],
        [("2026-03", "self_service", "USD")],
    ]
    spend.recount(tenant_id=here.tenant_id)
    assert (spent(here.tenant), spent(there.tenant)) == before
    assert is_right()


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_purchases_folds_and_recounts_at_once_lose_nothing(ana, plan):
    people = factories.MembershipFactory.create_batch(6, tenant=ana.tenant)

    def work(one):
        if one == "fold":
            spend.fold()
        elif one == "recount":
            spend.recount(tenant_id=ana.tenant_id)
        else:
            buy(one, plan)

    buy(ana, plan)
    at_once(work, [*people[:3], "fold", "recount", *people[3:], "fold", "recount"])
    assert spent() == {("2026-03", "self_service", "USD"): 7 * Decimal("19.98")}
    spend.fold()
    assert MonthlySpend.objects.count() == 1
    assert is_right()


def test_the_command_lists_what_differs_and_sums_it_up_anew(ana, plan):
    buy(ana, plan)
    MonthlySpend.objects.update(amount=1)
    out = StringIO()
    call_command("rebuild_summaries", "--dry-run", stdout=out)
    assert "1.000 USD spent, 19.980 in the ledger" in out.getvalue()
    assert not is_right()
    call_command("rebuild_summaries", ana.tenant.slug, stdout=out)
    assert all_is_well()


def test_the_sweeps_fold_both_summaries_and_count_each_tenant_once_a_day(ana, plan):
    buy(ana, plan)
    upkeep.fold_summaries()
    assert not MonthlySpend.objects.filter(folded=False).exists()
    assert not SeatTally.objects.filter(folded=False).exists()
    SeatTally.objects.update(seats=7)
    assert sum(tallies.recount_some(hour=hour) for hour in range(24)) == 1
    assert all_is_well()
