"""Seats for many on the page of a purchase: by a file, by department, and for the people of one that has ended."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from commerce.operations.changes import cancellations
from licensing.models import Seat
from policies.models import AutoClaim
from tenants.directory.models import Membership
from tests import factories
from tests.admin.pages import AUTO_CLAIMS, PURCHASES, browser_of, listed, opened
from tests.factories import DepartmentFactory, MembershipFactory, acting, admin_of, buy, buy_centrally, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def plan():
    return plan_on_sale()


@pytest.fixture
def central(contoso, plan):
    return buy_centrally(admin_of(contoso).membership, plan, 3, timezone.now())


def many(purchase):
    return reverse("admin:commerce_purchase_give_seats", args=[purchase.pk])


def former(purchase):
    return reverse("admin:commerce_purchase_former_people", args=[purchase.pk])


def csv(*lines):
    return {"file": SimpleUploadedFile("people.csv", "\n".join(lines).encode(), "text/csv")}


def sitting(purchase):
    return set(Seat.objects.open().filter(subscription=purchase).values_list("member", flat=True))


class TestMany:
    def test_in_a_file_get_a_seat_each(self, contoso, central):
        people = MembershipFactory.create_batch(2, tenant=contoso)
        browser = browser_of(contoso, "license_admin")
        assert many(central) in browser.get(opened(PURCHASES, central)).text
        answer = browser.post(many(central), csv("email", *(p.user.email for p in people)), follow=True)
        assert "2 people have a seat now." in answer.text
        assert sitting(central) == {person.pk for person in people}

    def test_or_nobody_does_and_each_bad_line_is_named(self, contoso, central):
        person = MembershipFactory(tenant=contoso)
        stranger = MembershipFactory()
        lines = csv(person.user.email, stranger.user.email, "not an address")
        answer = browser_of(contoso).post(many(central), lines)
        assert answer.status_code == 400
        assert f"Line 2: “{stranger.user.email}” is not a member of your organisation." in answer.text
        assert "Line 3: “not an address” is not an e-mail address." in answer.text
        assert not sitting(central)

    def test_nor_where_seats_are_too_few(self, contoso, central):
        people = MembershipFactory.create_batch(4, tenant=contoso)
        answer = browser_of(contoso).post(many(central), csv(*(p.user.email for p in people)))
        assert (answer.status_code, "Only 3 seats are free, 4 are needed." in answer.text) == (400, True)
        assert not sitting(central)

    def test_of_a_department_and_those_below_get_one(self, contoso, central):
        sales = DepartmentFactory(tenant=contoso)
        east = DepartmentFactory(tenant=contoso, parent=sales)
        people = [MembershipFactory(tenant=contoso, department=each) for each in (sales, east)]
        browser_of(contoso).post(many(central), {"department": str(sales.pk)})
        assert sitting(central) == {person.pk for person in people}

    def test_never_of_another_organisations_department(self, contoso, central):
        theirs = DepartmentFactory()
        answer = browser_of(contoso).post(many(central), {"department": str(theirs.pk)})
        assert (answer.status_code, "Choose a department." in answer.text) == (400, True)

    @pytest.mark.parametrize("both", [False, True])
    def test_are_named_by_a_file_or_a_department(self, contoso, central, both):
        sent = {**csv("a@b.example"), "department": str(DepartmentFactory(tenant=contoso).pk)} if both else {}
        answer = browser_of(contoso).post(many(central), sent)
        assert (answer.status_code, "one of both" in answer.text) == (400, True)

    @pytest.mark.parametrize("role", ["billing_admin", "global_reader"])
    def test_not_by_those_who_give_no_seats(self, contoso, central, role):
        browser = browser_of(contoso, role)
        assert browser.get(many(central)).status_code == browser.post(many(central)).status_code == 403
        assert many(central) not in browser.get(opened(PURCHASES, central)).text

    def test_nor_in_what_somebody_bought_or_another_organisation_has(self, contoso, central, plan):
        bought = buy(MembershipFactory(tenant=contoso), plan, 3, timezone.now())
        assert browser_of(contoso).get(many(bought)).status_code == 403
        assert browser_of(factories.TenantFactory()).get(many(central)).status_code == 404


class TestFormerPeople:
    @pytest.fixture
    def ended(self, contoso, plan):
        bought = buy(MembershipFactory(tenant=contoso, name="Ana"), plan, 1, timezone.now())
        cancellations.cancel_subscription(
            subscription=bought, reason="Over", by=acting(bought.purchaser), at=timezone.now()
        )
        bought.refresh_from_db()
        return bought

    def test_get_central_seats_from_its_page(self, contoso, central, ended):
        browser = browser_of(contoso)
        assert former(ended) in browser.get(opened(PURCHASES, ended)).text
        page = browser.get(former(ended))
        assert "3 central seats" in page.text
        answer = browser.post(former(ended), {"people": [str(ended.purchaser_id)]}, follow=True)
        assert "Ana has a seat now." in answer.text
        assert sitting(central) == {ended.purchaser_id}
        assert "has a central seat" in browser.get(former(ended)).text

    def test_are_refused_where_no_seat_is_free_and_told_how_many_are_missing(self, contoso, ended):
        browser = browser_of(contoso)
        assert "One seat is missing" in browser.get(former(ended)).text
        assert browser.post(former(ended), {"people": [str(ended.purchaser_id)]}).status_code == 400
        assert not Seat.objects.filter(subscription__channel="central").exists()

    def test_must_be_chosen_and_be_its_own(self, contoso, central, ended):
        browser, other = browser_of(contoso), MembershipFactory(tenant=contoso)
        for people in ([], [str(other.pk)], ["nonsense"]):
            assert browser.post(former(ended), {"people": people}).status_code == 400
        assert not sitting(central)

    def test_are_not_offered_after_ninety_days_or_to_those_who_give_no_seats(self, contoso, ended, monkeypatch):
        assert former(ended) not in browser_of(contoso, "billing_admin").get(opened(PURCHASES, ended)).text
        assert browser_of(contoso, "billing_admin").get(former(ended)).status_code == 403
        later = timezone.now() + timedelta(days=91)
        monkeypatch.setattr("tenants.access.clock.now", lambda tenant=None: later)
        browser = browser_of(contoso)
        assert former(ended) not in browser.get(opened(PURCHASES, ended)).text
        assert browser.post(former(ended), {"people": [str(ended.purchaser_id)]}).status_code == 400

    def test_who_has_left_is_not_among_them(self, contoso, central, ended):
        Membership.objects.filter(pk=ended.purchaser_id).update(state="left")
        assert "Everybody who used it" in browser_of(contoso).get(former(ended)).text


class TestSeatsOnFirstUse:
    NEW = "admin:policies_autoclaim_new"

    def test_are_allowed_with_a_ceiling_changed_and_taken_back(self, contoso, central, plan):
        browser = browser_of(contoso, "billing_admin")
        said = {"product": plan.product_id, "ceiling": "2", "reason": "So that nobody waits"}
        browser.post(reverse(self.NEW), said)
        rule = AutoClaim.objects.get()
        assert (rule.tenant, rule.ceiling) == (contoso, 2)
        assert "0 of 2" in browser.get(listed(AUTO_CLAIMS)).text
        browser.post(opened(AUTO_CLAIMS, rule), {"ceiling": "7", "reason": "More"})
        rule.refresh_from_db()
        assert rule.ceiling == 7
        browser.post(reverse("admin:policies_autoclaim_remove", args=[rule.pk]), {"reason": "Enough"})
        assert not AutoClaim.objects.exists()

    @pytest.mark.parametrize(
        "wrong", [{"ceiling": "0"}, {"ceiling": "many"}, {"reason": ""}, {"product": "NOSUCH"}], ids=str
    )
    def test_need_a_product_a_ceiling_and_a_reason(self, contoso, plan, wrong):
        said = {"product": plan.product_id, "ceiling": "2", "reason": "Why", **wrong}
        assert browser_of(contoso).post(reverse(self.NEW), said).status_code == 400
        assert not AutoClaim.objects.exists()

    def test_are_read_but_not_changed_by_others(self, contoso, plan):
        browser_of(contoso).post(reverse(self.NEW), {"product": plan.product_id, "ceiling": "2", "reason": "Why"})
        rule = AutoClaim.objects.get()
        reader, giver = browser_of(contoso, "global_reader"), browser_of(contoso, "license_admin")
        for browser in (reader, giver):
            assert browser.get(listed(AUTO_CLAIMS)).status_code == 200
            assert browser.get(reverse(self.NEW)).status_code == 403
            assert browser.post(opened(AUTO_CLAIMS, rule), {"ceiling": "9", "reason": "Why"}).status_code == 403
        assert AutoClaim.objects.get().ceiling == 2
