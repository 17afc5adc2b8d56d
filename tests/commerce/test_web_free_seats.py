"""The free seat on the pages of a buyer."""

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.models import Checkout
from licensing.models import Seat
from policies.operations import settings
from tenants.access import SYSTEM
from tests.callers import signed_in
from tests.commerce.pages import buy_url, opened
from tests.factories import GuestFactory, MembershipFactory, PolicyFactory, TenantFactory, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

OFFER, BUTTON = "Contoso has a free seat of Power BI Pro", "Use a free seat"


@pytest.fixture
def central(tenant, plan):
    return buy_centrally(MembershipFactory(tenant=tenant, roles=["billing_admin"]), plan, 3, at=timezone.now())


@pytest.fixture
def allowed(tenant):
    settings.let_members_claim_seats(tenant=tenant, allowed=True, by=SYSTEM, at=timezone.now())


def primaries(response):
    """The labels of the buttons that a page puts first."""
    return [part.split(">")[1].split("<")[0] for part in response.text.split("button-primary")[1:]]


def use(client, checkout):
    return client.post(reverse("checkout-use-free-seat", args=[checkout.pk]), follow=True)


def claim(client, plan):
    return client.post(reverse("buy-use-free-seat", args=[plan.pk]), follow=True)


class TestAtTheCheckout:
    def test_is_offered_first_and_paying_second(self, allowed, ana, plan, central):
        client = signed_in(ana)
        _checkout, page = opened(client, plan)
        assert OFFER in page.text
        assert "3 seats are free" in page.text
        assert page.text.index(BUTTON) < page.text.index("Pay now")
        assert primaries(page) == [BUTTON]

    def test_takes_it_with_one_click(self, allowed, ana, plan, central):
        client = signed_in(ana)
        checkout, _page = opened(client, plan)
        told = use(client, checkout)
        assert "You have a seat of Power BI Pro" in told.text
        assert "Nothing was charged" in told.text
        assert (Seat.objects.get().member, Checkout.objects.get().state) == (ana, "canceled")
        assert told.redirect_chain[-1][0] == reverse("my-seat", args=[Seat.objects.get().pk])

    def test_is_not_there_where_members_do_not_claim(self, ana, plan, central):
        client = signed_in(ana)
        checkout, page = opened(client, plan)
        assert BUTTON not in page.text
        assert primaries(page) == ["Pay now"]
        assert "admins give its seats" in use(client, checkout).text
        assert not Seat.objects.exists()

    def test_says_when_somebody_was_faster(self, allowed, ana, plan, central):
        client = signed_in(ana)
        checkout, _page = opened(client, plan)
        type(central).objects.update(seats_assigned=3)
        told = use(client, checkout)
        assert "All seats of this subscription are taken." in told.text
        assert "Pay now" in told.text

    def test_a_second_click_and_an_opened_address_lead_back(self, allowed, ana, plan, central):
        client = signed_in(ana)
        checkout, _page = opened(client, plan)
        use(client, checkout)
        assert "This checkout was canceled" in use(client, checkout).text
        assert client.get(reverse("checkout-use-free-seat", args=[checkout.pk])).status_code == 302
        assert Seat.objects.count() == 1

    def test_is_its_buyers_alone(self, allowed, ana, cleo, plan, central):
        checkout, _page = opened(signed_in(ana), plan)
        for who in (cleo, MembershipFactory(roles=["global_admin"])):
            assert use(signed_in(who), checkout).status_code == 404
        assert not Seat.objects.exists()


class TestForWhoeverMayNotBuy:
    @pytest.fixture
    def refused(self, tenant, plan):
        PolicyFactory(tenant=tenant, product=plan.product, value="disabled")

    def test_is_offered_on_the_page_that_says_no(self, allowed, refused, ana, plan, central):
        client = signed_in(ana)
        page = client.get(buy_url(plan), follow=True)
        assert page.status_code == 403
        assert "You can't buy this yourself" in page.text
        assert OFFER in page.text
        assert primaries(page) == [BUTTON]
        assert "You have a seat of Power BI Pro" in claim(client, plan).text
        assert Seat.objects.get().member == ana

    def test_is_not_there_where_members_do_not_claim(self, refused, ana, plan, central):
        client = signed_in(ana)
        assert BUTTON not in client.get(buy_url(plan), follow=True).text
        assert "admins give its seats" in claim(client, plan).text
        assert not Seat.objects.exists()

    def test_is_nothing_for_a_guest(self, allowed, tenant, plan, central):
        guest = signed_in(GuestFactory(tenant=tenant))
        assert BUTTON not in guest.get(buy_url(plan), follow=True).text
        claim(guest, plan)
        assert not Seat.objects.exists()

    def test_a_stranger_signs_in_first(self, client, allowed, plan, central):
        answer = client.post(reverse("buy-use-free-seat", args=[plan.pk]))
        assert answer.headers["Location"].startswith("/sign-in/")


class TestTheSeat:
    def test_is_shown_to_who_holds_it_while_it_gives_access(self, allowed, ana, cleo, plan, central):
        claim(signed_in(ana), plan)
        address = reverse("my-seat", args=[Seat.objects.get().pk])
        assert signed_in(ana).get(address).status_code == 200
        for who in (cleo, MembershipFactory(tenant=TenantFactory())):
            assert signed_in(who).get(address).status_code == 404
        type(central).objects.update(state="disabled")
        assert signed_in(ana).get(address).status_code == 404
