"""Deciding licence requests in the procurement view."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from licensing.models import Seat
from policies.models import LicenseRequest, Policy
from tests import factories
from tests.admin.pages import REQUESTS, browser_of, listed, opened
from tests.callers import signed_in
from tests.commerce.licenses import ask, decide, emails, people_of
from tests.factories import MembershipFactory, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def ana(contoso):
    return MembershipFactory(tenant=contoso, name="Ana Alvarez")


@pytest.fixture
def cleo(contoso):
    return MembershipFactory(tenant=contoso, name="Cleo Costa")


@pytest.fixture
def waiting(ana, cleo, plan):
    return ask(ana, plan.product, ana, cleo, at=timezone.now())


@pytest.fixture
def bo(contoso):
    return MembershipFactory(tenant=contoso, roles=["global_admin"])


def send(browser, request, *people, button="approve", **typed):
    sent = {"people": emails(people), button: "1", "how": "free_seat", "until": "", "message": "", **typed}
    return browser.post(opened(REQUESTS, request), sent, follow=True)


def test_the_list_shows_who_waits(contoso, waiting, ana, bo, cleo):
    browser = signed_in(bo)
    assert "Ana Alvarez" in browser.get(listed(REQUESTS), {"state": "waiting"}).text
    decide(waiting, bo, decline=[ana])
    assert "2, 1 of them waiting" in browser.get(listed(REQUESTS), {"state": "waiting"}).text
    decide(waiting, bo, decline=[cleo])
    assert "Ana Alvarez" not in browser.get(listed(REQUESTS), {"state": "waiting"}).text


def test_home_says_how_many_wait_to_whoever_decides(contoso, waiting, bo, ana, cleo):
    home, told = reverse("admin:index"), "1 licence request waits for a decision"
    for role, sees in (("license_admin", True), ("user_admin", True), ("billing_admin", False)):
        assert (told in browser_of(contoso, role).get(home).text) is sees, role
    decide(waiting, bo, decline=[ana, cleo])
    assert "licence request" not in signed_in(bo).get(home).text.replace("Licence requests", "")


def test_offers_an_exception_to_whoever_changes_policies(waiting, bo):
    assert 'value="exception"' in signed_in(bo).get(opened(REQUESTS, waiting)).text


@pytest.mark.parametrize("role", ["global_admin", "license_admin", "user_admin"])
def test_gives_free_seats_to_some_and_declines_the_rest(contoso, waiting, ana, cleo, bo, plan, role):
    buy_centrally(bo, plan, 2, at=timezone.now())
    browser = browser_of(contoso, role)
    assert "2 are left" in browser.get(opened(REQUESTS, waiting)).text
    assert "Approved. They are told." in send(browser, waiting, ana).text
    assert "Declined. They are told." in send(browser, waiting, cleo, button="decline", message="Not now").text
    assert [state for _member, state, _how in people_of(waiting)] == ["granted", "declined"]
    assert Seat.objects.open().get().member == ana
    page = browser.get(opened(REQUESTS, waiting)).text
    assert "Not now" in page
    assert 'name="approve"' not in page


def test_lets_them_buy_until_the_end_of_a_day(contoso, waiting, ana, bo):
    last = timezone.now().date() + timedelta(days=9)
    done = send(signed_in(bo), waiting, ana, how="exception", until=last.isoformat())
    assert "Approved. They are told." in done.text
    ends = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    assert Policy.objects.get(member=ana).valid_to == ends


@pytest.mark.parametrize("role", ["license_admin", "user_admin"])
def test_offers_no_exception_to_whoever_changes_no_policy(contoso, waiting, ana, role):
    browser = browser_of(contoso, role)
    assert 'value="exception"' not in browser.get(opened(REQUESTS, waiting)).text
    assert send(browser, waiting, ana, how="exception", until="2999-01-01").status_code == 400
    assert not Policy.objects.exists()


def test_says_at_the_field_what_is_wrong(contoso, waiting, ana, bo):
    browser = signed_in(bo)
    for people, typed, status, said in (
        ((), {}, 400, "Choose people who wait for a decision."),
        ((bo,), {}, 400, "Choose people who wait for a decision."),
        ((ana,), {"how": "exception"}, 400, "Say until when they may buy it."),
        ((ana,), {"how": "exception", "until": date.max.isoformat()}, 400, "Say until when they may buy it."),
        ((ana,), {"how": "exception", "until": "2020-01-01"}, 400, "It must end in the future."),
        ((ana,), {"message": "x" * 1001}, 400, "at most 1000 characters"),
        ((ana,), {}, 409, "All seats of this subscription are taken."),
    ):
        answer = send(browser, waiting, *people, **typed)
        assert (answer.status_code, said in answer.text) == (status, True), (typed, said)
    assert {state for _member, state, _how in people_of(waiting)} == {"waiting"}


def test_leads_to_buying_what_is_missing_filled_in(contoso, waiting, bo, plan):
    factories.price_centrally(plan)
    buy_centrally(bo, plan, 1, at=timezone.now())
    address = f"{reverse('admin:commerce_purchase_order')}?plan={plan.pk}&quantity=1"
    page = signed_in(bo).get(opened(REQUESTS, waiting)).text
    assert address.replace("&", "&amp;") in page
    assert signed_in(bo).get(address).status_code == 200
    lia = browser_of(contoso, "license_admin").get(opened(REQUESTS, waiting)).text
    assert "Buy seats for the organisation" not in lia


@pytest.mark.parametrize("role", ["billing_admin", "global_reader"])
def test_other_roles_see_and_decide_nothing(contoso, waiting, ana, role):
    browser = browser_of(contoso, role)
    assert browser.get(listed(REQUESTS)).status_code == 403
    assert browser.get(opened(REQUESTS, waiting)).status_code == 403
    assert send(browser, waiting, ana, button="decline").status_code == 403
    assert LicenseRequest.objects.get().state == "waiting"


def test_an_operator_reads_and_decides_nothing(operator, waiting, ana):
    browser = signed_in(operator)
    assert 'name="approve"' not in browser.get(opened(REQUESTS, waiting)).text
    assert send(browser, waiting, ana, button="decline").status_code == 403


def test_another_organisations_request_is_as_one_that_never_was(fabrikam, waiting, ana):
    browser = browser_of(fabrikam)
    assert browser.get(opened(REQUESTS, waiting)).status_code == 404
    assert send(browser, waiting, ana, button="decline").status_code == 404
