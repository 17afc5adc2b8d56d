"""Central seats for the people of a purchase that has ended, from its page: shown first, then given row by row."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.deeds.seats import GIVE_TO_FORMER
from commerce.operations.changes import cancellations
from licensing.operations import seats
from tenants.directory.models import Membership
from tenants.runs import operations as runs
from tenants.runs.models import Run
from tests.admin.giving import GETS, HAS, NONE_LEFT, confirm, given, key, outcomes, shown, sitting, told
from tests.admin.pages import PURCHASES, browser_of, opened, text_of
from tests.factories import MembershipFactory, acting, admin_of, buy, buy_centrally, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def plan():
    return plan_on_sale()


@pytest.fixture
def central(contoso, plan):
    return buy_centrally(admin_of(contoso).membership, plan, 3, timezone.now())


def former(purchase):
    return reverse("admin:commerce_purchase_former_people", args=[purchase.pk])


class TestFormerPeople:
    @pytest.fixture
    def ended(self, contoso, plan):
        bought = buy(MembershipFactory(tenant=contoso, name="Ana"), plan, 1, timezone.now())
        cancellations.cancel_subscription(
            subscription=bought, reason="Over", by=acting(bought.purchaser), at=timezone.now()
        )
        bought.refresh_from_db()
        return bought

    def ana(self, ended):
        return {"people": [str(ended.purchaser_id)]}

    def test_get_central_seats_from_its_page_once_that_was_shown(self, contoso, central, ended):
        browser = browser_of(contoso)
        assert former(ended) in browser.get(opened(PURCHASES, ended)).text
        assert "3 central seats" in browser.get(former(ended)).text
        page = shown(browser, former(ended), self.ana(ended))
        assert "1 seat is needed, 3 are free." in text_of(page)
        assert told(page) == {str(ended.purchaser_id): GETS}
        assert (sitting(central), Run.objects.count()) == (set(), 0)
        confirm(browser, page, former(ended))
        assert outcomes(Run.objects.get()) == {str(ended.purchaser_id): "Has a seat now."}
        assert sitting(central) == {ended.purchaser_id}
        assert "has a central seat" in browser.get(former(ended)).text

    def test_are_shown_anew_where_they_have_one_by_then_or_are_gone(self, contoso, central, ended):
        browser = browser_of(contoso)
        page = shown(browser, former(ended), self.ana(ended))
        seats.assign(subscription=central, members=[ended.purchaser], by=admin_of(contoso), at=timezone.now())
        answer = confirm(browser, page, former(ended))
        assert (answer.status_code, told(answer)) == (400, {str(ended.purchaser_id): HAS})
        Membership.objects.filter(pk=ended.purchaser_id).update(state="left")
        answer = confirm(browser, answer, former(ended))
        assert answer.status_code == 400
        assert told(answer) == {
            str(ended.purchaser_id): f"The account of “{ended.purchaser.user.email}” is not active."
        }
        assert not Run.objects.exists()

    def test_are_refused_where_no_seat_is_free_and_told_how_many_are_missing(self, contoso, ended):
        browser = browser_of(contoso)
        assert "One seat is missing" in browser.get(former(ended)).text
        page = shown(browser, former(ended), self.ana(ended))
        order = f"{reverse('admin:commerce_purchase_order')}?plan={ended.plan_id}&amp;quantity=1"
        assert (told(page), order in page.text) == ({str(ended.purchaser_id): NONE_LEFT}, True)
        assert 'name="confirm"' not in page.text

    def test_must_be_chosen_and_be_its_own(self, contoso, central, ended):
        browser, other = browser_of(contoso), MembershipFactory(tenant=contoso)
        for people in ([], [str(other.pk)], ["nonsense"]):
            assert browser.post(former(ended), {"people": people}).status_code == 400
        assert browser.post(former(ended), {"subjects": str(other.pk), "confirm": "yes"}).status_code == 400
        run = runs.start(
            deed=GIVE_TO_FORMER,
            subjects=[other.pk],
            given={"subscription": str(ended.pk)},
            by=admin_of(contoso),
            at=timezone.now(),
        )
        assert outcomes(run) == {key(other): "Choose people who used it when it ended."}
        assert not sitting(central)

    def test_are_all_taken_where_they_are_too_many_to_tick(self, contoso, central, ended, monkeypatch):
        monkeypatch.setattr("commerce.admin.seats_in_bulk.MOST_BOXES", 0)
        browser = browser_of(contoso)
        assert 'name="people"' not in browser.get(former(ended)).text
        given(browser, former(ended), {})
        assert sitting(central) == {ended.purchaser_id}

    def test_are_not_offered_after_ninety_days_or_to_those_who_give_no_seats(
        self, contoso, central, ended, monkeypatch
    ):
        assert former(ended) not in browser_of(contoso, "billing_admin").get(opened(PURCHASES, ended)).text
        assert browser_of(contoso, "billing_admin").get(former(ended)).status_code == 403
        browser = browser_of(contoso)
        page = shown(browser, former(ended), self.ana(ended))
        later = timezone.now() + timedelta(days=91)
        monkeypatch.setattr("tenants.access.clock.now", lambda tenant=None: later)
        assert former(ended) not in browser.get(opened(PURCHASES, ended)).text
        for answer in (browser.get(former(ended)), browser.post(former(ended), self.ana(ended))):
            assert "It ended more than 90 days ago." in answer.text
            assert 'name="people"' not in answer.text
        assert answer.status_code == 400
        answer = confirm(browser, page, former(ended))
        assert (answer.status_code, "more than 90 days ago" in answer.text) == (400, True)
        assert not sitting(central)

    def test_who_has_left_is_not_among_them(self, contoso, central, ended):
        Membership.objects.filter(pk=ended.purchaser_id).update(state="left")
        browser = browser_of(contoso)
        for page in (former(ended), opened(PURCHASES, ended)):
            assert "Nobody who used it is still here." in browser.get(page).text

    def test_of_what_goes_on_are_given_none_and_told_why(self, contoso, central, plan):
        bought, browser = buy(MembershipFactory(tenant=contoso), plan, 1, timezone.now()), browser_of(contoso)
        page, answer = browser.get(former(bought)), browser.post(former(bought), {"people": [str(bought.purchaser_id)]})
        assert (page.status_code, answer.status_code) == (200, 400)
        for each in (page, answer):
            assert "It still gives access. Once it has ended" in each.text
            assert "Everybody who used it" not in each.text
        assert not sitting(central)
