"""The operator's pages: exclusions with what they do told before they are kept, and what is open on a day."""

import re
from datetime import date
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from policies.models import Exclusion
from policies.operations import exclusions
from tenants.access import Actor
from tenants.journal.models import Event
from tests import factories
from tests.admin.pages import JOURNAL, browser_of, listed, opened
from tests.callers import signed_in
from tests.factories import ExclusionFactory, FamilyFactory, MarketFactory

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

EXCLUSIONS = "policies_exclusion"


@pytest.fixture
def browser(operator):
    Exclusion.objects.all().delete()
    return signed_in(operator)


def new():
    return reverse("admin:policies_exclusion_new")


def removal(row):
    return reverse("admin:policies_exclusion_remove", args=[row.pk])


def text_of(response):
    return " ".join(unescape(response.content.decode()).split())


def shown(response):
    """What the form of a page would send."""
    form = response.context["form"]
    return {name: form[name].value() or "" for name in form.fields}


def test_an_exclusion_is_kept_only_after_its_effects_were_shown(browser, bought):
    assert new() in text_of(browser.get(listed(EXCLUSIONS)))
    body = {"country": "US", "ends_renewals": "on", "reason": "A sanction."}
    page = browser.post(new(), body)
    assert page.status_code == 200
    assert "It hits 1 organisation." in text_of(page)
    assert "renewal of up to 1 running subscription " in text_of(page)
    assert not Exclusion.objects.exists()
    # Something else than what was shown is shown first again.
    other = browser.post(new(), shown(page) | {"country": "SE"})
    assert "It hits 0 organisations." in text_of(other)
    assert "It ends no renewal." in text_of(other)
    assert not Exclusion.objects.exists()
    done = browser.post(new(), shown(page), follow=True)
    assert done.redirect_chain == [(listed(EXCLUSIONS), 302)]
    row = Exclusion.objects.get()
    assert (row.country, row.ends_renewals, row.reason) == ("US", True, "A sanction.")


def test_an_exclusion_is_changed_and_taken_back_with_the_reason_in_the_journal(browser, contoso):
    row = ExclusionFactory(country="US", reason="A sanction.")
    page = browser.get(opened(EXCLUSIONS, row))
    assert removal(row) in text_of(page)
    page = browser.post(opened(EXCLUSIONS, row), shown(page) | {"valid_to": "2030-01-01", "reason": "It ends."})
    assert "It hits 1 organisation." in text_of(page)
    assert browser.post(opened(EXCLUSIONS, row), shown(page)).status_code == 302
    row.refresh_from_db()
    assert (row.valid_to, row.reason) == (date(2030, 1, 1), "It ends.")
    page = browser.get(removal(row))
    assert "It hits 1 organisation." in text_of(page)
    assert browser.post(removal(row), {"reason": ""}).status_code == 400
    assert Exclusion.objects.count() == 1
    assert browser.post(removal(row), {"reason": "Over."}).status_code == 302
    assert not Exclusion.objects.exists()
    assert [event.data["reason"] for event in Event.objects.order_by("pk")] == ["It ends.", "Over."]
    journal = text_of(browser.get(listed(JOURNAL)))
    assert "Exclusion removed" in journal
    assert "Over." in journal


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"country": ""}, "Name a sector, a country, a family or a product."),
        ({"country": "ZZ"}, "Choose one of these."),
        ({"sector": "mining"}, "Choose one of these."),
        ({"product": "none"}, "Choose one of these."),
        ({"valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "It must end after it begins."),
        ({"valid_to": "soon"}, "Enter a valid date."),
        ({"reason": " "}, "Say why, in a few words."),
    ],
)
def test_what_is_wrong_is_told_at_its_field(browser, wrong, told):
    page = browser.post(new(), {"country": "US", "reason": "Why."} | wrong)
    assert (page.status_code, told in text_of(page)) == (400, True)
    assert not Exclusion.objects.exists()


def test_only_an_operator_gets_there(contoso):
    row = Exclusion.objects.first()
    browser = browser_of(contoso)
    for page in (
        listed(EXCLUSIONS),
        new(),
        opened(EXCLUSIONS, row),
        removal(row),
        reverse("admin:policies_market_open"),
    ):
        assert browser.get(page).status_code == 403, page
        assert browser.post(page, {"country": "US", "reason": "Why."}).status_code == 403, page
    assert Exclusion.objects.count() == 3


# --- What is open on a day


def open_on(browser, day=None):
    return browser.get(reverse("admin:policies_market_open"), {"on": day} if day else {})


def row_of(page, country):
    [row] = re.findall(rf"<tr>\s*<th scope=\"row\">{country}.*?</tr>", page.content.decode(), re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip()


def test_shows_each_country_with_each_family_on_the_day_that_is_chosen(browser):
    bi, apps = FamilyFactory(name="Bi"), FamilyFactory(name="Apps")
    MarketFactory(country="SE", name="Sweden", opens_on="2020-04-21")
    MarketFactory(country="SE", name="Sweden", family=bi, closes_on="2026-06-01")
    MarketFactory(country="NO", name="Norway", family=apps)
    ExclusionFactory(country="SE", family=apps, valid_from="2026-03-01", valid_to="2026-04-01")
    ExclusionFactory(product=factories.ProductFactory(name="Gone", family=bi))
    ExclusionFactory(country="CU")
    page = open_on(browser, "2026-03-10")
    assert row_of(page, "Sweden") == "Sweden (SE) Closed Open, except Gone closes 1 Jun 2026 Sweden · Apps"
    assert row_of(page, "Norway") == "Norway (NO) Open Closed –"
    assert "Gone" in text_of(page)
    assert "Cuba" in text_of(page)
    page = open_on(browser, "2026-06-01")
    assert row_of(page, "Sweden") == "Sweden (SE) Open opens 21 Apr 2020 Closed closes 1 Jun 2026 –"
    assert row_of(open_on(browser, "2020-04-20"), "Sweden").startswith("Sweden (SE) Not yet opens 21 Apr 2020 Open")
    assert open_on(browser).status_code == 200
    for odd in ("soon", "2026-02-30", "\0", "99999-01-01"):
        assert open_on(browser, odd).status_code == 400, odd


def test_a_sector_that_is_excluded_is_named_and_a_whole_family_is_closed(browser):
    bi, apps = FamilyFactory(name="Bi"), FamilyFactory(name="Apps")
    MarketFactory(country="SE", name="Sweden")
    MarketFactory(country="NO", name="Norway")
    Exclusion.objects.all().delete()
    ExclusionFactory(sector="education")
    ExclusionFactory(sector="government", country="NO", family=apps)
    page = open_on(browser, "2026-03-10")
    assert row_of(page, "Sweden") == "Sweden (SE) Open, except Education Open, except Education –"
    assert row_of(page, "Norway").startswith("Norway (NO) Open, except Government, Education Open, except Education")
    ExclusionFactory(family=bi)
    assert row_of(open_on(browser, "2026-03-10"), "Sweden") == "Sweden (SE) Open, except Education Closed –"
    ExclusionFactory(country="SE")
    assert row_of(open_on(browser, "2026-03-10"), "Sweden").startswith("Sweden (SE) Closed Closed")


def test_tells_who_said_it_and_since_when(browser, operator):
    row = ExclusionFactory(country="SE", set_by=operator, set_at=factories.NOON)
    for page in (listed(EXCLUSIONS), opened(EXCLUSIONS, row)):
        assert str(operator) in text_of(browser.get(page))


def test_the_journal_calls_an_exclusion_by_what_it_says_also_once_it_is_taken_back(browser, operator):
    by = Actor(user=operator)
    terms = exclusions.Terms(country="SE", sector="education")
    row = exclusions.add(terms=terms, reason="Why", by=by, at=factories.NOON)
    journal = listed(JOURNAL)
    assert "Exclusion: Education · Sweden" in text_of(browser.get(journal))
    exclusions.remove(exclusion=row, reason="Over", by=by, at=factories.NOON)
    assert "Exclusion: education · SE" in text_of(browser.get(journal))


def test_what_is_open_costs_the_same_however_many_rows_there_are(browser):
    def cost():
        with CaptureQueriesContext(connection) as caught:
            assert open_on(browser).status_code == 200
        return len(caught)

    def more(number):
        for _ in range(number):
            family = FamilyFactory()
            MarketFactory(country="SE", family=family, closes_on=date(2999, 1, 1))
            ExclusionFactory(country="SE", family=family)

    more(1)
    cost()  # what is asked once a process
    few = cost()
    more(29)
    assert cost() == few
