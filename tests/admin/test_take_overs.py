"""Taking a purchase over on its page: shown with its money first, done once, settled or undone in the list of them."""

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.models import TakeOver
from config.home.waiting import waiting
from licensing.models import Seat
from licensing.operations import seats
from policies.operations import settings
from tests import factories, ledger
from tests.admin.pages import PURCHASES, TAKE_OVERS, browser_of, listed, opened
from tests.callers import signed_in
from tests.commerce.changes import findings, fresh
from tests.factories import acting, admin_of, agree, buy, buy_centrally, price_centrally
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def boss(contoso):
    return admin_of(contoso, "billing_admin").membership


@pytest.fixture
def billing(boss):
    return signed_in(boss)


@pytest.fixture
def cleo(contoso):
    return factories.MembershipFactory(tenant=contoso, name="Cleo")


@pytest.fixture
def bought(contoso, plan, now, cleo):
    """Two seats of Ana's, one of them Cleo's."""
    ana = factories.MembershipFactory(tenant=contoso, name="Ana")
    found = buy(ana, plan, 2, now)
    seats.assign(subscription=found, members=[cleo], by=acting(ana), at=now)
    return found


@pytest.fixture
def central(boss, plan, now):
    return buy_centrally(boss, plan, 3, now)


def page_of(row):
    return reverse("admin:commerce_purchase_take_over", args=[row.pk])


def typed(mode, **more):
    return {"mode": mode, **more}


def moved_to(central, *members):
    return typed("move", target_subscription=str(central.pk), members=[str(m.pk) for m in members])


def look(browser, row, said):
    return browser.post(page_of(row), {**said, "preview": "yes"})


def confirm(browser, row, said, page, reason="One contract"):
    return browser.post(page_of(row), {**said, "shown": page.context["shown"], "reason": reason})


def holders(row):
    return {seat.member for seat in Seat.objects.open().filter(subscription=row)}


class TestOnThePageOfAPurchase:
    def test_is_offered_to_those_who_may(self, contoso, bought):
        for role, offered in {"billing_admin": True, "global_admin": True, "global_reader": False}.items():
            text = browser_of(contoso, role).get(opened(PURCHASES, bought)).content.decode()
            assert (page_of(bought) in text) == offered, role

    def test_shows_people_and_money_line_by_line_and_changes_nothing(self, billing, bought, central, cleo):
        page = look(billing, bought, moved_to(central, bought.owner, cleo))
        assert page.status_code == 200
        text = page.content.decode()
        assert "2 people go on with central seats." in text
        assert "Goes back when it is settled" in text
        # Of 2 x 9.99, of which a few seconds were used.
        assert Decimal("19.9") < page.context["told"].total <= Decimal("19.98")
        assert "Move its people and end it" in text
        assert (TakeOver.objects.count(), fresh(bought).state) == (0, "active")

    def test_does_what_it_showed(self, billing, bought, central, cleo, boss):
        said = moved_to(central, bought.owner)
        page = look(billing, bought, said)
        assert "1 person loses access, and is told." in page.content.decode()
        answer = confirm(billing, bought, said, page)
        made = TakeOver.objects.get()
        assert (answer.status_code, answer.url) == (302, opened(TAKE_OVERS, made))
        assert (made.mode, made.target_id, made.reason, made.started_by) == (
            "move",
            central.pk,
            "One contract",
            boss.user,
        )
        assert holders(central) == {bought.owner}
        assert fresh(bought).state == "disabled"

    def test_a_second_click_finds_the_first_ones_take_over(self, billing, bought, central, cleo):
        said = moved_to(central, bought.owner, cleo)
        page = look(billing, bought, said)
        first, second = (confirm(billing, bought, said, page) for _ in range(2))
        assert first.url == second.url
        assert TakeOver.objects.count() == 1

    def test_does_nothing_else_than_what_it_showed(self, billing, bought, central, cleo):
        page = look(billing, bought, moved_to(central, bought.owner, cleo))
        assert confirm(billing, bought, typed("cancel"), page).status_code == 400
        assert confirm(billing, bought, moved_to(central, bought.owner), page).status_code == 400
        assert not TakeOver.objects.exists()

    def test_needs_a_reason(self, billing, bought):
        page = look(billing, bought, typed("cancel"))
        assert confirm(billing, bought, typed("cancel"), page, reason=" ").status_code == 400
        assert not TakeOver.objects.exists()

    def test_says_beside_the_field_what_is_wrong(self, billing, bought, central, cleo):
        assert "target_subscription" in look(billing, bought, typed("move")).context["form"].errors
        assert "pays" in look(billing, bought, typed("adopt")).context["form"].errors
        assert "members" in look(billing, bought, moved_to(central)).context["form"].errors
        others = [factories.MembershipFactory(tenant=bought.tenant) for _ in range(2)]
        seats.assign(subscription=central, members=others, by=admin_of(bought.tenant), at=timezone.now())
        page = look(billing, bought, moved_to(central, bought.owner, cleo))
        assert page.status_code == 400
        assert "seat" in str(page.context["form"].non_field_errors())

    def test_says_that_nothing_goes_back_where_the_organisation_turned_that_off(self, billing, bought, boss, now):
        settings.change(tenant=bought.tenant, take_over_refunds=False, reason="Ours", by=acting(boss), at=now)
        text = look(billing, bought, typed("cancel")).content.decode()
        assert "Nothing goes back" in text
        assert "Your policy settings say" in text

    def test_adopts_with_the_central_price_of_the_next_renewal(self, billing, bought, contoso, plan):
        price_centrally(plan, "8.00")
        said = typed("adopt", pays=str(agree(contoso).pk))
        page = look(billing, bought, said)
        assert "2 × $8.00" in page.content.decode()
        assert confirm(billing, bought, said, page).status_code == 302
        now = fresh(bought)
        assert (now.owner, now.payer, now.state) == (None, None, "active")

    def test_shows_what_the_organisation_pays_for_the_rest_of_the_term(self, billing, bought, contoso):
        said = typed("adopt", pays=str(agree(contoso).pk), reimburse="on")
        page = look(billing, bought, said)
        assert page.context["told"].charge == page.context["told"].total > 0
        assert "The organisation pays" in page.content.decode()

    def test_offers_a_partner_nothing_at_its_customers_cost(self, contoso, bought, now):
        pat = signed_in(let_in(contoso, roles=["billing_admin"], at=now).as_token_holder)
        text = pat.get(page_of(bought)).content.decode()
        assert ('value="cancel"' in text, 'value="adopt"' in text) == (True, False)
        answer = pat.post(page_of(bought), {"mode": "adopt", "preview": "yes"})
        assert (answer.status_code, TakeOver.objects.count()) == (400, 0)

    def test_leads_to_the_one_that_is_open(self, billing, bought):
        said = typed("cancel")
        confirm(billing, bought, said, look(billing, bought, said))
        assert billing.get(page_of(bought)).url == opened(TAKE_OVERS, TakeOver.objects.get())

    def test_of_another_organisation_there_is_none(self, bought, central):
        stranger = signed_in(factories.RoleGrantFactory().membership)
        assert stranger.get(page_of(bought)).status_code == 404


class TestTheListOfThem:
    @pytest.fixture
    def made(self, billing, bought, central, cleo):
        said = moved_to(central, bought.owner, cleo)
        confirm(billing, bought, said, look(billing, bought, said))
        return TakeOver.objects.get()

    def test_shows_how_each_stands(self, billing, made):
        text = billing.get(listed(TAKE_OVERS)).content.decode()
        assert "To be settled" in text
        assert opened(TAKE_OVERS, made) in text
        assert opened(TAKE_OVERS, made) not in billing.get(f"{listed(TAKE_OVERS)}?state=settled").content.decode()

    def test_waits_on_the_home(self, made, boss, contoso):
        [line] = [line for line in waiting(acting(boss)).lines if "take-over" in line["text"]]
        assert line["text"] == "1 take-over is to be settled"
        assert line["url"] == f"{listed(TAKE_OVERS)}?state=open"
        assert not [line for line in waiting(admin_of(contoso, "global_reader")).lines if "take-over" in line["text"]]

    def test_is_read_by_readers_who_find_no_button(self, contoso, made):
        reader = browser_of(contoso, "global_reader")
        text = reader.get(opened(TAKE_OVERS, made)).content.decode()
        assert "Goes back when it is settled" in text
        assert "Settle now" not in text
        for deed in ("settle", "undo"):
            assert reader.post(reverse(f"admin:commerce_takeover_{deed}", args=[made.pk])).status_code == 403
        assert TakeOver.objects.get().is_open

    def test_settles_now(self, billing, made, bought):
        billing.post(reverse("admin:commerce_takeover_settle", args=[made.pk]))
        assert TakeOver.objects.get().state == "settled"
        assert fresh(bought).state == "deleted"
        assert Decimal("19.9") < sum(ledger.refunded()) <= Decimal("19.98")
        text = billing.get(opened(TAKE_OVERS, made)).content.decode()
        assert "Went back" in text
        assert "Settle now" not in text
        assert findings() == []

    def test_undoes(self, billing, made, bought, central, cleo):
        billing.post(reverse("admin:commerce_takeover_undo", args=[made.pk]))
        assert TakeOver.objects.get().state == "undone"
        assert (fresh(bought).state, holders(bought), holders(central)) == ("active", {bought.owner, cleo}, set())
        assert "and undone" in billing.get(opened(PURCHASES, bought)).content.decode()
        assert ledger.refunded() == []

    def test_says_why_it_cannot_be_undone(self, billing, made):
        billing.post(reverse("admin:commerce_takeover_settle", args=[made.pk]))
        answer = billing.post(reverse("admin:commerce_takeover_undo", args=[made.pk]), follow=True)
        assert "This take-over was settled" in answer.content.decode()
