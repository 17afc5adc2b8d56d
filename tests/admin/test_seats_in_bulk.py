"""Seats for many on the page of a purchase, by a file or by department: shown first, then given row by row."""

from datetime import timedelta

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commerce.deeds.seats import GIVE_SEAT
from licensing.models import Seat, Subscription
from licensing.operations import seats
from tenants.dates import SHOWN_FOR, listed_day
from tenants.directory.models import Membership, RoleGrant
from tenants.runs import operations as runs
from tenants.runs import work
from tenants.runs.models import Run
from tests import factories
from tests.admin.giving import GETS, HAS, NONE_LEFT, confirm, counted, given, key, outcomes, shown, sitting, told
from tests.admin.pages import PURCHASES, browser_of, opened, text_of
from tests.callers import signed_in
from tests.factories import DepartmentFactory, MembershipFactory, admin_of, buy, buy_centrally, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

WRITES = ("INSERT", "UPDATE", "DELETE")


@pytest.fixture
def plan():
    return plan_on_sale()


@pytest.fixture
def central(contoso, plan):
    return buy_centrally(admin_of(contoso).membership, plan, 3, timezone.now())


def many(purchase):
    return reverse("admin:commerce_purchase_give_seats", args=[purchase.pk])


def csv(*lines):
    return {"file": SimpleUploadedFile("people.csv", "\n".join(lines).encode(), "text/csv")}


class TestMany:
    def test_in_a_file_are_shown_what_comes_of_each_and_nothing_is_written(self, contoso, central):
        has, gets, away = MembershipFactory.create_batch(3, tenant=contoso)
        Membership.objects.filter(pk=away.pk).update(away_until=contoso.today(timezone.now()) + timedelta(days=9))
        seats.assign(subscription=central, members=[has], by=admin_of(contoso), at=timezone.now())
        last = MembershipFactory(tenant=contoso)
        browser = browser_of(contoso, "license_admin")
        assert many(central) in browser.get(opened(PURCHASES, central)).text
        with CaptureQueriesContext(connection) as queries:
            page = shown(browser, many(central), csv("email", *(p.user.email for p in (has, gets, away, last))))
        away_until = listed_day(contoso.today(timezone.now()) + timedelta(days=9))
        assert told(page) == {
            key(has): HAS,
            key(gets): GETS,
            key(away): f"Is on leave until {away_until}, and gets a seat.",
            key(last): NONE_LEFT,
        }
        text = text_of(page)
        assert "3 seats are needed, 2 are free." in text
        assert "One seat is missing for all of them. Global and billing admins buy more." in text
        assert counted(page) == (2, 1, 1)
        assert "It would be done with 2. Nothing would change for 1: it is so already. 1 would be refused" in text
        assert "Give seats (2)" in text
        assert not [query for query in queries if query["sql"].startswith(WRITES) and "session" not in query["sql"]]
        assert (sitting(central), Run.objects.count()) == ({has.pk}, 0)

    def test_where_more_are_bought_is_linked_for_those_who_may(self, contoso, central):
        lines = csv(*(p.user.email for p in MembershipFactory.create_batch(5, tenant=contoso)))
        add = reverse("admin:commerce_purchase_add_seats", args=[central.pk])
        assert f"{add}?quantity=2" in shown(browser_of(contoso), many(central), lines).text

    def test_get_a_seat_each_once_that_is_confirmed_and_a_page_tells_it_row_by_row(self, contoso, central):
        people, browser = MembershipFactory.create_batch(4, tenant=contoso), browser_of(contoso, "license_admin")
        page = shown(browser, many(central), csv("email", *(p.user.email for p in people)))
        answer = confirm(browser, page, many(central))
        run = Run.objects.get()
        assert sitting(central) == {person.pk for person in people[:3]}
        assert outcomes(run) == {**{key(p): "Has a seat now." for p in people[:3]}, key(people[3]): NONE_LEFT}
        assert (run.counts()["done"], run.counts()["refused"]) == (3, 1)
        text = browser.get(answer.url).text
        assert all(said in text for said in ("Give seats", "4 of 4", people[0].name, opened(PURCHASES, central)))
        # The same button once more: the same run, and nobody has two.
        assert confirm(browser, page, many(central)).url == answer.url
        assert (Run.objects.count(), Seat.objects.filter(subscription=central).count()) == (1, 3)

    def test_that_have_one_by_then_keep_it_and_one_who_is_gone_gets_none(self, contoso, central):
        has, gone = MembershipFactory.create_batch(2, tenant=contoso)
        run = runs.start(
            deed=GIVE_SEAT,
            subjects=[has.pk, gone.pk, MembershipFactory().pk],
            given={"subscription": str(central.pk)},
            by=self.busy(contoso, central, has, gone),
            at=timezone.now(),
        )
        assert list(run.rows.order_by("position").values_list("state", "detail")) == [
            ("done", "Had a seat already, and keeps it."),
            ("refused", f"The account of “{gone.user.email}” is not active."),
            ("refused", "There is no such person in your organisation."),
        ]
        assert sitting(central) == {has.pk}

    def busy(self, contoso, central, has, gone):
        admin = admin_of(contoso, "license_admin")
        seats.assign(subscription=central, members=[has], by=admin, at=timezone.now())
        Membership.objects.filter(pk=gone.pk).update(state="left")
        return admin

    def test_that_all_have_one_need_no_button(self, contoso, central):
        has = MembershipFactory(tenant=contoso)
        seats.assign(subscription=central, members=[has], by=admin_of(contoso), at=timezone.now())
        page = shown(browser_of(contoso), many(central), csv(has.user.email))
        assert (counted(page), told(page)) == ((0, 1, 0), {key(has): HAS})
        assert 'name="confirm"' not in page.text

    def test_that_have_one_by_then_are_shown_apart_before_anything_is_done(self, contoso, central):
        first, second = MembershipFactory.create_batch(2, tenant=contoso)
        browser = browser_of(contoso)
        page = shown(browser, many(central), csv(first.user.email, second.user.email))
        assert counted(page) == (2, 0, 0)
        seats.assign(subscription=central, members=[first], by=admin_of(contoso), at=timezone.now())
        answer = confirm(browser, page, many(central))
        assert (answer.status_code, counted(answer)) == (400, (1, 1, 0))

    def test_are_shown_anew_where_something_has_changed(self, contoso, central):
        people, browser = MembershipFactory.create_batch(3, tenant=contoso), browser_of(contoso)
        page = shown(browser, many(central), csv(*(p.user.email for p in people)))
        faster = MembershipFactory(tenant=contoso)
        seats.assign(subscription=central, members=[faster, people[0]], by=admin_of(contoso), at=timezone.now())
        Membership.objects.filter(pk=people[2].pk).update(state="left")
        answer = confirm(browser, page, many(central))
        assert answer.status_code == 400
        assert "This has changed since you looked" in answer.text
        assert told(answer) == {
            key(people[0]): HAS,
            key(people[1]): GETS,
            key(people[2]): f"The account of “{people[2].user.email}” is not active.",
        }
        assert (Run.objects.count(), len(sitting(central))) == (0, 2)
        confirm(browser, answer, many(central))
        assert sitting(central) == {faster.pk, people[0].pk, people[1].pk}

    def test_are_those_who_were_shown_to_that_person_for_that_purchase_and_not_long_ago(self, contoso, central, plan):
        mine, other = MembershipFactory.create_batch(2, tenant=contoso)
        stranger, browser = MembershipFactory(), browser_of(contoso)
        page = shown(browser, many(central), csv(mine.user.email))
        elsewhere = buy_centrally(admin_of(contoso).membership, plan, 3, timezone.now())
        for sent in ({"subjects": f"{mine.pk},{other.pk}"}, {"shown": "made up"}):
            assert confirm(browser, page, many(central), **sent).status_code == 400
        # Who is not of the organisation is not even shown.
        assert told(confirm(browser, page, many(central), subjects=f"{stranger.pk},{other.pk},x,\0")) == {
            key(other): GETS
        }
        assert confirm(browser_of(contoso), page, many(central)).status_code == 400
        assert confirm(browser, page, many(elsewhere)).status_code == 400
        with time_machine.travel(timezone.now() + SHOWN_FOR + timedelta(seconds=5)):
            assert confirm(browser, page, many(central)).status_code == 400
        assert (Run.objects.count(), sitting(central)) == (0, set())

    def test_of_more_than_fifty_get_them_in_the_background(self, contoso, central, monkeypatch):
        monkeypatch.setattr(runs, "DONE_AT_ONCE", 2)
        people, browser = MembershipFactory.create_batch(3, tenant=contoso), browser_of(contoso)
        page = shown(browser, many(central), csv(*(p.user.email for p in people)))
        assert "It is done in the background." in page.text
        answer = confirm(browser, page, many(central))
        assert not sitting(central)
        assert "0 of 3" in browser.get(answer.url).text
        work.continue_run(Run.objects.get().pk)
        assert sitting(central) == {person.pk for person in people}

    def test_cost_the_same_for_one_and_for_thirty(self, contoso, central):
        people, browser = MembershipFactory.create_batch(30, tenant=contoso), browser_of(contoso)

        def queries(count):
            with CaptureQueriesContext(connection) as found:
                shown(browser, many(central), csv(*(p.user.email for p in people[:count])))
            return len(found)

        queries(1)
        assert queries(1) == queries(30)

    def test_whose_lines_are_wrong_are_named_line_by_line(self, contoso, central):
        person = MembershipFactory(tenant=contoso)
        stranger = MembershipFactory()
        lines = csv(person.user.email, stranger.user.email, "not an address")
        answer = browser_of(contoso).post(many(central), lines)
        assert answer.status_code == 400
        assert f"Line 2: “{stranger.user.email}” is not a member of your organisation." in answer.text
        assert "Line 3: “not an address” is not an e-mail address." in answer.text
        assert not sitting(central)

    def test_whose_wrong_lines_are_many_are_named_as_far_as_anybody_reads_and_counted(self, contoso, central):
        wrong = csv("email", *(f"nobody{n}@contoso.example" for n in range(45)))
        told = list(browser_of(contoso).post(many(central), wrong).context["form"].errors["file"])
        assert [said.split(":")[0] for said in told[:-1]] == [f"Line {n}" for n in range(2, 22)]
        assert told[-1] == "25 more lines are wrong."
        few = csv(*(f"nobody{n}@contoso.example" for n in range(21)))
        assert (
            list(browser_of(contoso).post(many(central), few).context["form"].errors["file"])[-1]
            == "1 more line is wrong."
        )

    def test_of_a_department_and_those_below_get_one(self, contoso, central):
        sales = DepartmentFactory(tenant=contoso)
        east = DepartmentFactory(tenant=contoso, parent=sales)
        people = [MembershipFactory(tenant=contoso, department=each) for each in (sales, east)]
        given(browser_of(contoso), many(central), {"department": str(sales.pk)})
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

    def test_get_none_of_what_has_ended(self, contoso, central):
        person, browser = MembershipFactory(tenant=contoso), browser_of(contoso)
        page = shown(browser, many(central), csv(person.user.email))
        Subscription.objects.filter(pk=central.pk).update(state="disabled")
        assert told(confirm(browser, page, many(central))) == {key(person): "This subscription is no longer active."}
        answer = browser.post(many(central), csv(person.user.email))
        assert (answer.status_code, "no longer active" in answer.text) == (400, True)

    @pytest.mark.parametrize("role", ["billing_admin", "global_reader"])
    def test_not_by_those_who_give_no_seats(self, contoso, central, role):
        browser = browser_of(contoso, role)
        page = shown(browser_of(contoso), many(central), csv(MembershipFactory(tenant=contoso).user.email))
        assert browser.get(many(central)).status_code == browser.post(many(central)).status_code == 403
        assert confirm(browser, page, many(central)).status_code == 403
        assert many(central) not in browser.get(opened(PURCHASES, central)).text

    def test_nor_by_one_whose_role_is_gone_by_then(self, contoso, central):
        admin = admin_of(contoso, "license_admin")
        browser = signed_in(admin.membership)
        page = shown(browser, many(central), csv(MembershipFactory(tenant=contoso).user.email))
        RoleGrant.objects.filter(membership=admin.membership).delete()
        assert confirm(browser, page, many(central)).status_code == 403
        assert not sitting(central)

    def test_nor_in_what_somebody_bought_or_another_organisation_has(self, contoso, central, plan):
        bought = buy(MembershipFactory(tenant=contoso), plan, 3, timezone.now())
        assert browser_of(contoso).get(many(bought)).status_code == 403
        assert browser_of(factories.TenantFactory()).get(many(central)).status_code == 404
