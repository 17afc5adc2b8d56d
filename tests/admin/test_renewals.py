"""The operator's list of renewals, what is set aside on it, and the renewals of a purchase on its page."""

from datetime import UTC, datetime

import pytest

from commerce.models import Renewal
from commerce.models.renewal import FAULTS
from commerce.operations.renewing import due, faults
from licensing.models import Subscription
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests import factories
from tests.admin.pages import PURCHASES, RENEWALS, browser_of, listed, opened
from tests.callers import signed_in
from tests.commerce.renewing import renewal_of, sweep
from tests.factories import acting, admin_of, buy, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DUE = datetime(2026, 4, 10, tzinfo=UTC)


@pytest.fixture
def broken(bought):
    """It broke three times, and no sweep takes it up any more."""
    due.open_due(at=DUE)
    Renewal.objects.update(faults=FAULTS)
    assert sweep(DUE) == {}
    return renewal_of(bought)


@pytest.fixture
def browser(operator):
    return signed_in(operator)


def shown(browser, query=""):
    response = browser.get(f"{listed(RENEWALS)}?{query}")
    assert response.status_code == 200
    return {row.pk for row in response.context["cl"].result_list}


class TestWhatWasSetAside:
    def test_is_tried_again_by_the_next_sweep(self, browser, operator, broken):
        assert "Try again" in browser.get(opened(RENEWALS, broken)).text
        answer = browser.post(opened(RENEWALS, broken), follow=True)
        assert "It is tried again by the next sweep." in answer.text
        assert sweep(datetime.now(UTC)) == {"charged": 1}
        told = Event.objects.get(type="renewal.taken_up")
        assert (told.subject, told.tenant, told.actor) == (str(broken.subscription_id), broken.tenant, operator)
        assert told.data["faults"] == FAULTS

    def test_is_found_among_the_others(self, browser, broken, elsewhere):
        due.open_due(at=DUE)
        other = renewal_of(elsewhere)
        assert shown(browser) == {broken.pk, other.pk}
        assert shown(browser, "fault=set_aside") == {broken.pk}
        assert shown(browser, "state=due") == {broken.pk, other.pk}
        assert shown(browser, "state=paid") == set()

    def test_has_no_button_once_it_is_taken_up(self, browser, broken):
        faults.try_again(renewal=broken, by=SYSTEM, at=DUE)
        page = browser.get(opened(RENEWALS, broken))
        assert page.status_code == 200
        assert "Try again" not in page.text
        refused = browser.post(opened(RENEWALS, broken))
        assert refused.status_code == 400
        assert "Nothing is wrong with this renewal any more" in refused.text
        assert Event.objects.filter(type="renewal.taken_up").count() == 1

    def test_is_for_the_operator_alone(self, contoso, broken):
        admins = browser_of(contoso)
        assert admins.get(opened(RENEWALS, broken)).status_code == 403
        assert admins.post(opened(RENEWALS, broken)).status_code == 403
        with pytest.raises(NotAllowed):
            faults.try_again(renewal=broken, by=acting(admin_of(contoso).membership), at=DUE)
        assert renewal_of(broken.subscription).faults == FAULTS


class TestNothingIsWrongWith:
    @pytest.mark.parametrize("state", ["blocked", "refused", "lapsed"])
    def test_what_no_sweep_would_take_up(self, broken, state):
        over = None if state == "blocked" else DUE
        Renewal.objects.update(state=state, next_try_at=None, settled_at=over)
        with pytest.raises(faults.NothingWrong):
            faults.try_again(renewal=broken, by=SYSTEM, at=DUE)
        assert not Event.objects.filter(type="renewal.taken_up").exists()

    def test_what_broke_twice(self, broken):
        Renewal.objects.update(faults=FAULTS - 1)
        with pytest.raises(faults.NothingWrong):
            faults.try_again(renewal=broken, by=SYSTEM, at=DUE)


class TestThePageOfAPurchase:
    def test_tells_its_renewals(self, contoso, bought):
        browser = browser_of(contoso)
        titles = [section.title for section in browser.get(opened(PURCHASES, bought)).context["sections"]]
        assert "Renewals" not in titles
        assert sweep(DUE) == {"charged": 1}
        [section] = [
            section
            for section in browser.get(opened(PURCHASES, bought)).context["sections"]
            if section.title == "Renewals"
        ]
        assert len(section.rows) == 1
        assert "Paid" in section.rows[0].value

    def test_tells_why_one_was_declined(self, contoso, plan):
        ana = factories.MembershipFactory(tenant=contoso)
        pay(open_checkout(ana, plan), "pm_card_chargeCustomerFail")
        subscription = Subscription.objects.get(purchaser=ana)
        assert sweep(DUE) == {"declined": 1}
        text = browser_of(contoso).get(opened(PURCHASES, subscription)).text
        assert "Declined, tried again" in text


def test_the_list_asks_no_more_of_more_rows(browser, contoso, plan, django_assert_max_num_queries):
    for _ in range(3):
        buy(factories.MembershipFactory(tenant=contoso), plan)
    due.open_due(at=DUE)
    assert len(shown(browser)) == 3
    with django_assert_max_num_queries(12):
        browser.get(listed(RENEWALS))
