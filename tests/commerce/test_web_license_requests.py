"""Asking for a licence in the browser: from the page that says no to what became of it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from policies.models import LicenseRequest
from policies.operations import settings
from tenants.access import SYSTEM
from tests.callers import signed_in
from tests.commerce.licenses import ask, decide, people_of, state_of
from tests.commerce.pages import buy_url, opened
from tests.factories import GuestFactory, MembershipFactory, PolicyFactory, ProductFactory, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

LABEL, MINE = "Request a licence", "/my/requests/"


@pytest.fixture
def refused(tenant, plan):
    PolicyFactory(tenant=tenant, product=plan.product, value="disabled")


@pytest.fixture
def bo(tenant):
    return MembershipFactory(tenant=tenant, roles=["global_admin"], name="Bo Boss")


def form_url(plan):
    return reverse("my-request-new", args=[plan.product_id])


def refusal(who, plan):
    page = signed_in(who).get(buy_url(plan), follow=True)
    assert page.status_code == 403
    return page.text


def send(who, plan, **sent):
    typed = {"members": who.user.email, "reason": "For the reports", **sent}
    return signed_in(who).post(form_url(plan), typed, follow=True)


class TestThePageThatSaysNo:
    def test_leads_to_the_form(self, refused, ana, plan):
        assert f'href="{form_url(plan)}">{LABEL}' in refusal(ana, plan)
        page = signed_in(ana).get(form_url(plan))
        assert page.context["form"]["members"].value() == ana.user.email
        assert "Send the request" in page.text

    def test_shows_the_tenants_own_process_instead(self, refused, tenant, ana, plan):
        process = {"request_process_message": "Fill in form 7", "request_process_url": "https://forms.example/7"}
        settings.change(tenant=tenant, by=SYSTEM, at=timezone.now(), **process)
        for text in (refusal(ana, plan), signed_in(ana).get(form_url(plan)).text):
            assert "Fill in form 7" in text
            assert 'href="https://forms.example/7"' in text
            assert "Send the request" not in text
        assert LABEL not in refusal(ana, plan)
        assert send(ana, plan).status_code == 400
        assert not LicenseRequest.objects.exists()

    def test_fills_in_the_request_where_admins_give_a_free_seat(self, refused, bo, ana, plan):
        buy_centrally(bo, plan, 1, at=timezone.now())
        text = refusal(ana, plan)
        assert "Contoso has a free seat of Power BI Pro" in text
        assert f"{form_url(plan)}?free_seat=1" in text
        page = signed_in(ana).get(f"{form_url(plan)}?free_seat=1")
        assert "free seat of Power BI Pro" in page.context["form"]["reason"].value()

    def test_offers_nothing_to_guests(self, refused, tenant, plan):
        guest = GuestFactory(tenant=tenant)
        assert LABEL not in refusal(guest, plan)
        assert "Send the request" not in signed_in(guest).get(form_url(plan)).text
        assert send(guest, plan).status_code in (400, 403)
        assert not LicenseRequest.objects.exists()


class TestTheHeader:
    LINK = f'href="{MINE}"'

    def test_leads_to_ones_requests_once_there_are_any(self, refused, bo, ana, plan):
        assert self.LINK not in signed_in(ana).get("/").text
        ask(ana, plan.product)
        assert self.LINK in signed_in(ana).get("/").text
        assert f'{self.LINK} aria-current="page"' in signed_in(ana).get(MINE).text
        assert self.LINK not in signed_in(bo).get("/").text


class TestTheCheckout:
    def test_offers_first_the_free_seat_that_admins_give(self, bo, ana, plan):
        ask_link = f"{form_url(plan)}?free_seat=1"
        assert ask_link not in opened(signed_in(ana), plan)[1].text
        buy_centrally(bo, plan, 1, at=timezone.now())
        text = opened(signed_in(ana), plan)[1].text
        assert text.index(ask_link) < text.index("Pay now")
        ask(ana, plan.product, at=timezone.now())
        decide(LicenseRequest.objects.get(), bo, approve=[ana], at=timezone.now())
        assert ask_link not in opened(signed_in(ana), plan)[1].text


class TestTheForm:
    def test_asks_for_oneself_and_colleagues(self, ana, cleo, plan):
        page = send(ana, plan, members=f"{ana.user.email}, {cleo.user.email}\n")
        assert page.redirect_chain[-1][0] == MINE
        assert "Your request was sent" in page.text
        request = LicenseRequest.objects.get()
        assert (request.requester, request.reason) == (ana, "For the reports")
        assert [member for member, _state, _how in people_of(request)] == [ana, cleo]

    @pytest.mark.parametrize(
        "typed, said",
        [
            ({"reason": ""}, "Say what you need it for"),
            ({"members": ""}, "Type at least one work e-mail"),
            ({"members": "nobody@elsewhere.example"}, "is not a member of your organisation"),
        ],
    )
    def test_says_at_the_field_what_is_wrong_and_keeps_what_was_typed(self, ana, plan, typed, said):
        page = send(ana, plan, **typed)
        assert page.status_code == 400
        assert said in page.text
        assert (typed.get("reason", "For the reports")) in page.text
        assert not LicenseRequest.objects.exists()

    def test_tells_that_it_waits_already(self, ana, plan):
        ask(ana, plan.product)
        page = send(ana, plan)
        assert (page.status_code, "You asked for this already" in page.text) == (409, True)

    def test_is_not_there_for_what_there_is_not(self, ana):
        for there_is_none in ("NOPE", "a\0b", "CFQ7.1"):
            assert signed_in(ana).get(reverse("my-request-new", args=[there_is_none])).status_code == 404

    def test_a_stranger_signs_in_first(self, client, plan):
        assert client.get(form_url(plan)).headers["Location"].startswith("/sign-in/")
        assert client.post(form_url(plan), {"reason": "x"}).headers["Location"].startswith("/sign-in/")


class TestMyRequests:
    def test_says_what_the_page_is_for_when_it_is_empty(self, ana):
        assert "You have asked for nothing yet" in signed_in(ana).get(MINE).text

    def test_shows_each_with_its_state_and_what_was_said(self, bo, ana, cleo, plan):
        request = ask(ana, plan.product, ana, cleo)
        decide(request, bo, decline=[cleo], message="Not this year")
        decide(request, bo, approve=[ana], how="exception", until=timezone.now() + timedelta(days=9), at=timezone.now())
        text = signed_in(ana).get(MINE).text
        for word in ("Power BI Pro", "Decided", "Granted", "Declined", "Not this year", "May buy it themselves until"):
            assert word in text
        assert "Withdraw" not in text
        assert "Power BI Pro" not in signed_in(cleo).get(MINE).text

    def test_withdraws_what_waits(self, ana, cleo, plan):
        request = ask(ana, plan.product)
        url = reverse("my-request-withdraw", args=[request.pk])
        assert url in signed_in(ana).get(MINE).text
        assert signed_in(cleo).post(url).status_code == 404
        assert signed_in(ana).get(url).status_code == 302
        assert state_of(request) == "waiting"
        assert "Withdrawn." in signed_in(ana).post(url, follow=True).text
        assert state_of(request) == "withdrawn"

    def test_asks_as_much_for_twenty_as_for_one(self, ana, plan, django_assert_max_num_queries):
        client = signed_in(ana)
        ask(ana, plan.product)
        client.get(MINE)
        with django_assert_max_num_queries(50) as counted:
            client.get(MINE)
        one = len(counted)
        for _ in range(19):
            ask(ana, ProductFactory(), ana, MembershipFactory(tenant=ana.tenant))
        with django_assert_max_num_queries(one):
            client.get(MINE)
