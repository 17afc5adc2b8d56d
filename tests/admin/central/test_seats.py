"""The seats of the organisation's own purchases in the procurement view: who gives them, and who sees their prices."""

import pytest
from django.urls import reverse
from django.utils import timezone

from licensing.models import Seat
from tests import factories
from tests.admin.pages import PURCHASES, browser_of, listed, opened, text_of
from tests.callers import signed_in
from tests.factories import buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestSeats:
    def assign(self, browser, central, *members):
        emails = ", ".join(member.user.email for member in members)
        address = reverse("admin:commerce_purchase_assign", args=[central.pk])
        return browser.post(address, {"members": emails}, follow=True)

    def release(self, browser, central, *seats):
        address = reverse("admin:commerce_purchase_release", args=[central.pk])
        return browser.post(address, {"seats": [str(seat.pk) for seat in seats]}, follow=True)

    @pytest.mark.parametrize("role", ["global_admin", "license_admin", "user_admin"])
    def test_are_given_and_taken_back_by_those_who_may(self, contoso, central, role):
        browser = browser_of(contoso, role)
        people = factories.MembershipFactory.create_batch(2, tenant=contoso)
        assert "2 people have a seat now." in text_of(self.assign(browser, central, *people))
        seats = list(Seat.objects.open())
        assert {seat.member for seat in seats} == set(people)
        assert "The seat of" in text_of(self.release(browser, central, seats[0]))
        assert Seat.objects.open().count() == 1

    @pytest.mark.parametrize("role", ["billing_admin", "global_reader"])
    def test_are_only_shown_to_the_others(self, contoso, central, role):
        browser, person = browser_of(contoso, role), factories.MembershipFactory(tenant=contoso)
        assert "Assign</button>" not in text_of(browser.get(opened(PURCHASES, central)))
        assert self.assign(browser, central, person).status_code == 403
        self.assign(browser_of(contoso), central, person)
        assert self.release(browser, central, Seat.objects.get()).status_code == 403
        assert Seat.objects.open().count() == 1

    def test_of_self_service_are_their_owners(self, contoso, bought):
        browser, person = browser_of(contoso), factories.MembershipFactory(tenant=contoso)
        assert "Assign</button>" not in text_of(browser.get(opened(PURCHASES, bought)))
        assert self.assign(browser, bought, person).status_code == 403
        assert Seat.objects.count() == 1

    def test_of_another_tenant_are_not_there(self, contoso, fabrikam, central):
        assert (
            self.assign(browser_of(fabrikam), central, factories.MembershipFactory(tenant=fabrikam)).status_code == 404
        )

    def test_what_is_wrong_is_said_at_the_field(self, contoso, central):
        browser = browser_of(contoso, "license_admin")
        outsider = factories.MembershipFactory()
        assert "is not a member of your organisation" in text_of(self.assign(browser, central, outsider), 400)
        crowd = factories.MembershipFactory.create_batch(4, tenant=contoso)
        assert "Only 3 seats are free, 4 are needed." in text_of(self.assign(browser, central, *crowd), 409)
        assert "Type at least one" in text_of(self.assign(browser, central), 400)
        assert "Tick at least one" in text_of(self.release(browser, central))
        assert not Seat.objects.exists()


class TestPrices:
    def test_are_hidden_from_those_who_only_give_seats(self, contoso, central, bought):
        for role in ("license_admin", "user_admin"):
            browser = browser_of(contoso, role)
            for page in (reverse("admin:index"), listed(PURCHASES), opened(PURCHASES, central)):
                shown = text_of(browser.get(page))
                assert "Office suite" in shown
                for amount in ("8.99", "26.97", "9.99", "19.98", "Price paid", "Order history"):
                    assert amount not in shown, (role, page, amount)

    def test_of_self_service_the_user_admin_sees_nothing_at_all(self, contoso, central, bought):
        browser = browser_of(contoso, "user_admin")
        assert [row.pk for row in browser.get(listed(PURCHASES)).context["cl"].result_list] == [central.pk]
        assert browser.get(opened(PURCHASES, bought)).status_code == 404
        assert browser_of(contoso, "license_admin").get(opened(PURCHASES, bought)).status_code == 200

    def test_are_shown_of_ones_own_purchase(self, contoso, central, plan):
        user_admin = factories.MembershipFactory(tenant=contoso, roles=["user_admin"])
        own = buy(user_admin, plan, at=timezone.now())
        shown = text_of(signed_in(user_admin).get(opened(PURCHASES, own)))
        assert "Order history" in shown
        assert "$19.98" in shown

    def test_are_shown_to_everybody_else(self, contoso, central):
        for role in ("global_admin", "billing_admin", "global_reader"):
            shown = text_of(browser_of(contoso, role).get(opened(PURCHASES, central)))
            assert "The organisation" in shown
            assert "$0.00, $26.97 to be paid" in shown
            assert "$26.97 to be paid" in text_of(browser_of(contoso, role).get(listed(PURCHASES)))
            assert "$8.99" in shown
            assert "$26.97" in shown
