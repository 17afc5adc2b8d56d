"""What is typed into the address of a list: what none answers, and what is told of it."""

from html import unescape

import pytest

from tests.admin.pages import ALL, CAPACITY, JOURNAL, OF_ONE, OF_TENANTS, PEOPLE, PURCHASES, RUNS, browser_of, listed
from tests.admin.test_lists import found
from tests.callers import signed_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

# --- Questions that no list answers


NOT_ASKED = [
    "tenant__slug=fabrikam",
    "tenant=x",
    "purchaser__user__password__startswith=a",
    "actor__email__startswith=a",
    "user__email__contains=a",
    "plan__product__name=x",
    "seats__member__name=Ana",
    "id__in=1",
    "_to_field=tenant",
    "state__in=active",
]


@pytest.mark.parametrize("page", sorted(OF_TENANTS))
def test_a_list_answers_no_other_question(contoso, bought, page):
    browser = browser_of(contoso)
    for query in NOT_ASKED:
        answer = browser.get(f"{listed(page)}?{query}")
        assert answer.status_code == 400, query
        # Other pages than lists of the framework's, and what it asks itself.
        if answer.context is not None and "cl" in answer.context:
            assert list(answer.context["cl"].result_list) == [], query
            assert f"There is no filter “{query.partition('=')[0]}”." in answer.text, query


@pytest.mark.parametrize("page", [PURCHASES, PEOPLE])
def test_what_is_no_filter_is_named_with_the_address_that_asks_for_the_rest(contoso, bought, page):
    browser = browser_of(contoso)
    answer = browser.get(f"{listed(page)}?state=active&colour=red&p=1&q=ana")
    assert (answer.status_code, "There is no filter “colour”." in answer.text) == (400, True)
    assert "Nothing matches" in answer.text
    assert 'href="?state=active&amp;q=ana">Leave it out</a>' in answer.text
    assert len(found(browser, page, "state=active&q=ana")) == 1
    assert len(found(browser, page, "colour=&q=ana")) == 1, "what is empty asks for nothing"
    assert "There is no filter “xxx" in browser.get(f"{listed(page)}?{'x' * 3000}=1").text


def test_a_filter_that_is_asked_for_twice_is_told_and_finds_nothing(contoso, bought):
    browser = browser_of(contoso)
    for page in (PURCHASES, PEOPLE):
        answer = browser.get(f"{listed(page)}?state=active&state=expired")
        assert (answer.status_code, list(answer.context["cl"].result_list)) == (400, [])
        assert "Asked for more than once." in answer.text
        assert len(found(browser, page, "state=active&state=active&q=ana")) == 1, "one value, however often"
    assert browser.get(f"{listed(PURCHASES)}?columns=product&columns=state").status_code == 200


def test_the_page_of_capacity_names_what_it_does_not_ask(contoso, bought):
    answer = browser_of(contoso).get(f"{listed(CAPACITY)}?p=2")
    assert (answer.status_code, "There is no filter “p”." in answer.text) == (400, True)
    assert 'href="?">Leave it out</a>' in answer.text


def test_fields_that_are_sent_empty_ask_for_nothing(contoso, fabrikam, bought):
    sent = "q=&state=&channel=&department=&over=+"
    page = browser_of(contoso).get(f"{listed(PURCHASES)}?{sent}")
    assert (len(page.context["cl"].result_list), page.context["more_open"]) == (1, False)
    assert "Show everything" not in page.text
    assert "No purchases yet" in browser_of(fabrikam).get(f"{listed(PURCHASES)}?{sent}").text
    assert browser_of(contoso).get(f"{listed(PURCHASES)}?over=1").context["more_open"]
    page = browser_of(contoso).get(f"{listed(PEOPLE)}?q=&kind=&state=")
    assert not page.context["cl"].has_active_filters


def test_a_list_without_a_search_finds_nothing_by_one(contoso, bought):
    answer = browser_of(contoso).get(f"{listed(RUNS)}?q=ana")
    assert (answer.status_code, "There is no filter “q”." in answer.text) == (400, True)


ODD = ["p=0", "p=-1", "p=x", "p=99999999999999999999", "p=999999", "p=1&p=2", "o=99", "o=x", "o=-", "o=.", "o=1.-1.1"]
ODD += ["e=1", "all=", "q=%00", "q=%25_%5C'\"", "q=" + "x" * 3000, "_popup=1", "_facets=True"]
ODD += ["_changelist_filters=x%00", "%00=1"]


@pytest.mark.parametrize("page", ALL)
def test_a_list_survives_what_is_typed_into_its_address(operator, bought, page):
    browser = browser_of(bought.tenant) if page in OF_ONE else signed_in(operator)
    for query in ODD:
        assert browser.get(f"{listed(page)}?{query}", follow=True).status_code in (200, 400), query


def test_an_unknown_choice_finds_nothing(contoso, bought):
    browser = browser_of(contoso)
    filters = [
        (PURCHASES, "state"),
        (PURCHASES, "channel"),
        (PURCHASES, "product"),
        (JOURNAL, "type"),
        (PEOPLE, "kind"),
    ]
    for page, name in filters:
        for value in ("%00", "nonsense", "x" * 3000, "1", "'", "__"):
            assert found(browser, page, f"{name}={value}") == [], (name, value)


# --- Pages


@pytest.mark.parametrize("page", [PURCHASES, PEOPLE, RUNS])
@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("2", "The list ends before it."),
        ("999", "The list ends before it."),
        ("9" * 12, "Pages have numbers, from 1 on."),
        ("0", "Pages have numbers, from 1 on."),
        ("-1", "Pages have numbers, from 1 on."),
        ("x", "Pages have numbers, from 1 on."),
    ],
)
def test_a_page_that_does_not_exist_is_told_with_the_way_to_the_first(contoso, bought, page, number, said):
    answer = browser_of(contoso).get(f"{listed(page)}?p={number}&o=1")
    text = unescape(answer.text)
    assert (answer.status_code, f"There is no page “{number}”" in text, said in text) == (200, True, True)
    assert 'href="?o=1">First page</a>' in text
    for untrue in ("No purchases yet", "Nothing matches", "The list ends here", 'rel="prev"'):
        assert untrue not in text, untrue
