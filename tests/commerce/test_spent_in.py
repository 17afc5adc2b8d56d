"""The purchases that a month's spend belongs to: exactly those that the figure on the first page is the sum of."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from commerce.models import Account, Dispute, MonthlySpend, Movement, Payment, Posting
from commerce.models.spend import SPENT_BY, SPENT_ON
from commerce.operations.accounts import ledger
from commerce.operations.changes import cancellations
from commerce.operations.procurement import exports, found, saved_filters
from tenants.access import SYSTEM, Actor
from tenants.refusal import BadInput
from tests import factories
from tests.admin.pages import PURCHASES, browser_of, listed
from tests.factories import NOON, acting, admin_of, buy, buy_centrally, plan_on_sale, price_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

# In Kiritimati it is the first of April already.
LATE = datetime(2026, 3, 31, 12, tzinfo=UTC)
HOME = reverse("admin:index")


@pytest.fixture
def contoso():
    return factories.TenantFactory(slug="contoso", time_zone="Pacific/Kiritimati", contact_email="it@contoso.example")


@pytest.fixture
def ana(contoso):
    return factories.MembershipFactory(tenant=contoso, name="Ana")


def dispute(bought, at):
    payment = Payment.objects.get(order__subscription=bought)
    made = Dispute(tenant=bought.tenant, payment=payment, amount=payment.captured, gateway_ref="dp", opened_at=at)
    ledger.dispute_opened(dispute=made, at=at)
    return made


@pytest.fixture
def story(ana, plan):
    """Purchases by the months in which money of theirs moved, of an organisation that is ahead of everybody."""
    march, april, given_back, lost, won = (buy(ana, plan, at=at) for at in (NOON, LATE, LATE, NOON, NOON))
    day = timedelta(days=1)
    cancellations.cancel_subscription(subscription=given_back, reason="", by=acting(ana), at=LATE + day)
    ledger.dispute_lost(dispute=dispute(lost, NOON + day), promised=Decimal(0), at=LATE + 40 * day)
    ledger.dispute_won(dispute=dispute(won, NOON + day), at=LATE + 40 * day)
    admin = factories.MembershipFactory(tenant=ana.tenant, roles=["global_admin"])
    central = buy_centrally(admin, price_centrally(plan_on_sale()), at=NOON)
    ana.tenant.country = "SE"
    ana.tenant.save()
    in_crowns = buy(ana, plan_on_sale("99.00", "SEK", "SE"), 1, at=NOON)
    buy(factories.MembershipFactory(), plan, at=NOON)
    return {
        "2026-03": {march, lost, won, central, in_crowns},
        "2026-03 USD": {march, lost, won, central},
        "2026-03 SEK": {in_crowns},
        "2026-04": {april, given_back},
        "2026-05": {won},
        "2026-06": set(),
    }


def ask(by, **query):
    return {row.pk for row in found.purchases(by=by, query=query, at=NOON)}


def moved(purchases, month, currency):
    """What their rows of the ledger add to a month's spend, in the organisation's own time."""
    rows = Posting.objects.filter(movement__order__subscription__in=purchases, account__in=SPENT_ON)
    rows = rows.filter(movement__currency=currency).select_related("movement__tenant")
    local = [(row.movement.at.astimezone(row.movement.tenant.zone), row.amount) for row in rows]
    return -sum((amount for at, amount in local if f"{at:%Y-%m}" == month), Decimal(0))


def test_a_month_finds_what_was_billed_given_back_or_contested_in_it(contoso, story):
    by = admin_of(contoso)
    for value, bought in story.items():
        assert ask(by, spent_in=value) == {one.pk for one in bought}, value
    assert ask(by, spent_in="2026-03 sek") == ask(by, spent_in="2026-03 SEK")
    assert ask(by, spent_in="2026-03 EUR") == set()


def test_the_movements_that_are_asked_are_all_that_change_what_is_spent(story):
    summed = {}
    for movement in Movement.objects.prefetch_related("postings"):
        of_spend = sum(posting.amount for posting in movement.postings.all() if posting.account in SPENT_ON)
        summed.setdefault(movement.kind, set()).add(bool(of_spend))
    assert {kind for kind, changes in summed.items() if changes == {True}} >= set(SPENT_BY) - {"credited"}
    assert {kind for kind, changes in summed.items() if True in changes} <= set(SPENT_BY)
    assert set(SPENT_ON) == {Account.SALES, Account.TAX, Account.DISPUTED, Account.LOSSES}


def test_what_the_found_purchases_moved_is_the_figure_that_led_to_them(contoso, story):
    with time_machine.travel(LATE + timedelta(days=45)):
        browser = browser_of(contoso)
        spend = browser.get(HOME).context["spend"]
        assert {one["currency"] for one in spend} == {"USD", "SEK"}
        told = 0
        for one in spend:
            for month in one["months"]:
                name = f"{month['first']:%Y-%m}"
                for url, figure in [
                    (month["url"], month["total"]),
                    *((c["url"], c["amount"]) for c in month["cells"] if c["url"]),
                ]:
                    rows = list(browser.get(url).context["cl"].result_list)
                    assert f"{moved(rows, name, one['currency']):,.2f}" == figure, url
                    told += bool(rows)
    assert told == 9, "three months of dollars, of which one has two channels, and one of crowns"
    kept = MonthlySpend.objects.among([contoso.pk]).summed()
    for row in kept:
        asked = {"spent_in": f"{row['month']:%Y-%m} {row['currency']}", "channel": row["channel"]}
        rows = ask(admin_of(contoso), **asked)
        assert moved(rows, f"{row['month']:%Y-%m}", row["currency"]) == row["spent"]


@pytest.mark.parametrize(
    "value", ["soon", "2026", "2026-13", "2026-3", "2026-03-01", "2026-03 US", "0001-01", "٢026-03"]
)
def test_what_is_no_month_is_said(contoso, value):
    with pytest.raises(BadInput) as refused:
        ask(admin_of(contoso), spent_in=value)
    assert (refused.value.field, "2026-03" in str(refused.value)) == ("spent_in", True)
    text = browser_of(contoso).get(listed(PURCHASES), {"spent_in": value}).content.decode()
    assert "Type a month, such as 2026-03, or 2026-03 USD." in text


@pytest.mark.parametrize("role", ["license_admin", "user_admin"])
def test_who_is_told_no_prices_does_not_learn_when_something_cost(contoso, story, role):
    with pytest.raises(BadInput) as refused:
        ask(admin_of(contoso, role), spent_in="2026-03")
    assert (refused.value.field, refused.value.field_code) == ("spent_in", "not_allowed")
    browser = browser_of(contoso, role)
    assert "spent_in" not in browser.get(listed(PURCHASES)).content.decode()
    assert "spent_in" not in browser.get(HOME).content.decode()
    assert list(browser.get(listed(PURCHASES), {"spent_in": "2026-03"}).context["cl"].result_list) == []


def test_exports_and_kept_filters_ask_the_same(contoso, story):
    by, query = admin_of(contoso), {"spent_in": "2026-03 USD"}
    wanted = {str(one.pk) for one in story["2026-03 USD"]}
    export = exports.begin(query=query, format="csv", by=by, at=NOON)
    assert {row[export.names.index("id")] for row in export.rows} == wanted
    saved_filters.keep(name="March", query=query, shared=True, by=by, at=NOON)
    page = browser_of(contoso).get(listed(PURCHASES)).content.decode()
    assert "?spent_in=2026-03+USD" in page


def test_over_all_organisations_each_has_its_own_month(contoso, story):
    behind = buy(factories.MembershipFactory(tenant__time_zone="America/Los_Angeles"), plan_on_sale(), at=LATE)
    for by in (Actor(user=factories.OperatorFactory()), SYSTEM):
        assert behind.pk in ask(by, spent_in="2026-03")
        assert behind.pk not in ask(by, spent_in="2026-04")
        assert ask(by, spent_in="2026-04") == {one.pk for one in story["2026-04"]}


def test_a_month_of_thirty_purchases_costs_what_one_costs(contoso, plan):
    browser, taken = browser_of(contoso), []
    for number in (1, 29):
        for _one in range(number):
            buy(factories.MembershipFactory(tenant=contoso), plan)
        url = f"{listed(PURCHASES)}?spent_in=2026-03+USD&channel=self_service"
        browser.get(url)
        with CaptureQueriesContext(connection) as captured:
            rows = browser.get(url).context["cl"].result_list
        taken.append((len(rows), len(captured)))
    (one, of_one), (thirty, of_thirty) = taken
    assert (one, thirty) == (1, 30)
    assert of_one == of_thirty <= 15
