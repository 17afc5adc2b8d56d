"""The page of wasted seats: what they cost whom, and what is done about them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commerce.deeds.seats import ASK_FOR_SEAT, GIVE_CENTRAL_SEAT, RELEASE_SEAT
from commerce.models import CancellationRequest
from commerce.operations.procurement import all_wasted, wasted
from licensing.models import Seat, Waste
from licensing.operations import usage
from tenants.directory.models import Membership
from tenants.runs.models import Run
from tests import factories
from tests.admin.pages import WASTE, browser_of, listed
from tests.callers import signed_in
from tests.factories import acting, admin_of, buy, buy_centrally, plan_on_sale
from tests.licensing.wasted import DAY, found, give

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

BULK = "admin:licensing_wastedseat_bulk"


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def admin(contoso):
    return admin_of(contoso)


@pytest.fixture
def person(contoso):
    """Somebody who has long been here."""

    def made(name="Ana", **more):
        return factories.MembershipFactory(tenant=contoso, name=name, **more)

    return made


@pytest.fixture
def central(admin, plan, now):
    """Three seats of the organisation's own."""
    return buy_centrally(admin.membership, plan, 3, at=now)


def shown(browser, kind="", **query):
    asked = "&".join([f"waste={kind}", *(f"{name}={value}" for name, value in query.items())])
    return browser.get(f"{listed(WASTE)}?{asked}")


class TestThePage:
    @pytest.fixture
    def twice(self, admin, person, plan, central, now):
        ana = person()
        bought = buy(ana, plan, 1, at=now)
        give(central, ana, by=admin, at=now)
        return bought

    def test_shows_each_with_its_price_and_what_helps(self, contoso, twice):
        page = shown(browser_of(contoso, "billing_admin"))
        text = page.content.decode()
        assert [row.member.name for row in page.context["cl"].result_list] == ["Ana"]
        assert page.context["total"] == {"seats": 1, "or_more": False, "costs": ["$9.99"]}
        assert f'value="{ASK_FOR_SEAT} ' in text
        assert text.count("$9.99") == 2

    def test_tells_prices_only_to_whoever_is_told_them(self, contoso, twice):
        page = shown(browser_of(contoso, "license_admin"))
        assert "9.99" not in page.content.decode()
        assert [row.member.name for row in page.context["cl"].result_list] == ["Ana"]

    def test_offers_a_reader_nothing_to_do(self, contoso, twice):
        page = shown(browser_of(contoso, "global_reader"))
        assert "$9.99" in page.content.decode()
        assert 'name="one"' not in page.content.decode()
        assert 'id="bulk"' not in page.content.decode()

    def test_an_annual_plan_costs_a_twelfth_a_month(self, contoso, person, admin, now):
        annual = plan_on_sale(amount="100.00", term="P1Y")
        bought = buy(person(), annual, 1, at=now)
        assert str(wasted.prices([bought.pk], by=admin)[bought.pk].amount) == "8.33"

    def test_finds_nothing_for_what_is_no_kind_of_waste(self, contoso, twice):
        browser = browser_of(contoso)
        for query in ({"kind": "nonsense"}, {"kind": "unused", "days": "7"}, {"days": "x"}):
            assert list(shown(browser, **query).context["cl"].result_list) == [], query

    @pytest.mark.parametrize("kind", Waste.values)
    def test_costs_the_same_for_one_and_for_thirty(self, contoso, admin, person, plan, now, kind):
        browser = browser_of(contoso)
        central = buy_centrally(admin.membership, plan, 200, at=now)

        def more(count):
            for n in range(count):
                a, b, c = person(f"A{n}"), person(f"B{n}"), person(f"C{n}")
                buy(a, plan, 1, at=now)
                buy(b, plan, 1, at=now)
                give(central, a, c, by=admin, at=now)
                usage.report(member=c, product=plan.product, used_at=now - 100 * DAY, by=acting(c), at=now)
                leaver = person(f"D{n}")
                give(central, leaver, by=admin, at=now)
                Membership.objects.filter(pk=leaver.pk).update(state="left")
            Seat.objects.update(assigned_at=now - 200 * DAY)

        def cost():
            with CaptureQueriesContext(connection) as queries:
                rows = len(shown(browser, kind).context["cl"].result_list)
            return rows, len(queries)

        more(1)
        cost()
        few, before = cost()
        more(29)
        many, after = cost()
        assert (few, many, after) == (1, 30, before)
        assert after <= 22


class TestWhatHelps:
    def choose(self, browser, kind, seat, deed):
        return browser.post(f"{reverse(BULK)}?waste={kind}", {"one": f"{deed} {seat.pk}"})

    def confirm(self, browser, kind, page, **more):
        context = page.context
        said = {"deed": context["action"].deed, "subjects": context["subjects"], "shown": context["shown"]}
        return browser.post(f"{reverse(BULK)}?waste={kind}", {**said, "confirm": "yes", **more})

    def test_a_seat_of_the_organisations_own_is_released(self, contoso, admin, person, plan, central, now):
        ana, more = person(), buy_centrally(admin.membership, plan, 1, at=now)
        give(central, ana, by=admin, at=now)
        [second] = give(more, ana, by=admin, at=now)
        browser = browser_of(contoso)
        page = self.choose(browser, "twice", second, RELEASE_SEAT)
        assert [line.text for line in page.context["preview"]["done"]] == [f"Ana, {plan}"]
        assert not Seat.objects.filter(released_at__isnull=False).exists()
        assert self.confirm(browser, "twice", page, reason="Two of them").status_code == 302
        second.refresh_from_db()
        assert second.released_at is not None
        assert Run.objects.get().counts()["done"] == 1
        assert found(contoso, Waste.TWICE, now) == []

    def test_who_bought_one_besides_is_asked_to_cancel(self, contoso, admin, person, plan, central, now):
        ana = person()
        bought = buy(ana, plan, 1, at=now)
        give(central, ana, by=admin, at=now)
        browser, seat = browser_of(contoso, "billing_admin"), Seat.objects.get(subscription=bought)
        page = self.choose(browser, "twice", seat, ASK_FOR_SEAT)
        assert [str(each.amount) for line in page.context["preview"]["done"] for each in line.money] == ["9.99"]
        self.confirm(browser, "twice", page, message="You have another one")
        assert CancellationRequest.objects.get().subscription == bought
        assert "Asked to cancel" in shown(browser, "twice").content.decode()

    def test_people_get_the_seats_that_lie_idle_as_long_as_there_are_any(self, contoso, admin, person, plan, now):
        buy_centrally(admin.membership, plan, 1, at=now)
        for n in range(2):
            buy(person(f"Ana {n}"), plan, 1, at=now)
        browser = browser_of(contoso, "license_admin")
        page = browser.post(f"{reverse(BULK)}?waste=beside_central", {"deed": GIVE_CENTRAL_SEAT, "which": "all"})
        assert (page.context["preview"]["done_count"], page.context["preview"]["refused_count"]) == (1, 1)
        self.confirm(browser, "beside_central", page, reason="They lie idle")
        assert Seat.objects.open().filter(subscription__owner=None).count() == 1
        counts = Run.objects.get().counts()
        assert (counts["done"], counts["refused"]) == (1, 1)

    def test_a_seat_that_somebody_else_manages_is_released_by_nobody_else(self, contoso, admin, person, plan, now):
        central = buy_centrally(admin.membership, plan, 1, at=now)
        ana = person()
        bought = buy(ana, plan, 1, at=now)
        give(central, ana, by=admin, at=now)
        page = self.choose(browser_of(contoso), "twice", Seat.objects.get(subscription=bought), RELEASE_SEAT)
        assert (page.context["preview"]["done_count"], page.context["preview"]["refused_count"]) == (0, 1)

    def test_whoever_may_not_finds_no_way(self, contoso, admin, person, plan, central, now):
        ana = person()
        bought = buy(ana, plan, 1, at=now)
        give(central, ana, by=admin, at=now)
        seat = Seat.objects.get(subscription=bought)
        assert self.choose(browser_of(contoso, "global_reader"), "twice", seat, RELEASE_SEAT).status_code == 403
        for role, deed in (("billing_admin", RELEASE_SEAT), ("license_admin", ASK_FOR_SEAT)):
            answer = self.choose(browser_of(contoso, role), "twice", seat, deed)
            assert answer.status_code == 302, role  # “choose what to do”
        assert not Run.objects.exists()


class TestTheFirstPage:
    """What is wasted is told there, too, by whom it may be known."""

    @pytest.fixture
    def some_of_each(self, contoso, admin, person, plan, now):
        """Three of each kind but of leavers, of whom there are two; one central seat is free."""
        idle, other = plan_on_sale("20.00", term="P1Y"), plan_on_sale("5.00")
        central = buy_centrally(admin.membership, plan, 9, at=now)
        buy_centrally(admin.membership, idle, 1, at=now)
        buy_centrally(admin.membership, other, 3, at=now)
        for n in range(3):
            twice, beside, unused, leaver = (person(f"{name} {n}") for name in ("Two", "Beside", "Unused", "Leaver"))
            buy(twice, plan, 1, at=now)
            buy(beside, idle, 1, at=now)
            give(central, twice, unused, by=admin, at=now)
            usage.report(member=unused, product=plan.product, used_at=now - 100 * DAY, by=acting(unused), at=now)
            usage.report(member=twice, product=plan.product, used_at=now, by=acting(twice), at=now)
            if n:
                give(central, leaver, by=admin, at=now)
                Membership.objects.filter(pk=leaver.pk).update(state="left")
        Seat.objects.update(assigned_at=now - 200 * DAY)

    def told(self, browser):
        waste = browser.get(reverse("admin:index")).context["waste"]
        return {line["url"]: (line.get("seats"), line.get("costs")) for line in waste["lines"]}

    def test_tells_of_each_kind_what_its_list_comes_to(self, contoso, some_of_each):
        browser = browser_of(contoso, "global_reader")
        told = self.told(browser)
        assert [seats for seats, _costs in told.values()] == [3, 3, 2, 3]
        for url, figures in told.items():
            page = browser.get(url)
            total = page.context["total"]
            assert figures == (total["seats"], total["costs"]), url
            assert len(page.context["cl"].result_list) == total["seats"]
        [beside] = [costs for url, (_seats, costs) in told.items() if "beside_central" in url]
        assert beside == ["$1.67"], "no more than lie idle, a twelfth of the year"

    def test_tells_prices_only_to_whoever_is_told_them(self, contoso, some_of_each):
        browser = browser_of(contoso, "license_admin")
        told = self.told(browser)
        assert [seats for seats, _costs in told.values()] == [3, 3, 2, 3]
        assert {len(costs) for _seats, costs in told.values()} == {0}
        assert "A month" not in browser.get(reverse("admin:index")).content.decode()

    def test_tells_nothing_to_whoever_may_not_see_waste(self, contoso, some_of_each, operator):
        for browser in (browser_of(contoso, "user_admin"), signed_in(operator)):
            page = browser.get(reverse("admin:index"))
            assert page.context["waste"] is None
            assert "<h2>Waste</h2>" not in page.content.decode()

    def test_says_where_nothing_was_found(self, contoso, central):
        page = browser_of(contoso).get(reverse("admin:index"))
        assert page.context["waste"] == {"counted": True, "lines": []}
        assert "No seat was found that is paid for" in page.content.decode()

    def test_leads_to_the_lists_where_there_are_more_seats_than_it_goes_through(
        self, contoso, some_of_each, monkeypatch
    ):
        monkeypatch.setattr(all_wasted, "MOST_SEATS", 5)
        browser = browser_of(contoso)
        told = self.told(browser)
        assert list(told.values()) == [(None, None)] * 4
        for url in told:
            assert browser.get(url).context["total"]["seats"]

    def test_asks_no_query_of_its_own(self, contoso, some_of_each, monkeypatch):
        def cost(browser):
            browser.get(reverse("admin:index"))
            with CaptureQueriesContext(connection) as queries:
                browser.get(reverse("admin:index"))
            return len(queries)

        browsers = [browser_of(contoso, role) for role in ("global_admin", "billing_admin", "license_admin")]
        with_figures = [cost(browser) for browser in browsers]
        monkeypatch.setattr(all_wasted, "MOST_SEATS", -1)
        assert [cost(browser) for browser in browsers] == with_figures
        assert max(with_figures) <= 15
