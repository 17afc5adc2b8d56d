"""Every list of the procurement view on a telephone, with what a demo and some purchases put into it."""

import pytest

from tests.browser.test_bulk_actions import NARROW, fits

pytestmark = pytest.mark.browser

# What has to be pushed aside to be read, other than where somebody chose to look at a wide file.
PUSHED_ASIDE = """() => [...document.querySelectorAll('main *, #content *')]
    .filter(e => e.scrollWidth > e.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX))
    .map(e => e.outerHTML.slice(0, 200))"""


# Lists that one comes to from another list.
BESIDE_THE_NAVIGATION = {"/admin/commerce/purchase/kept-filters/", "/admin/commerce/purchase/sent-regularly/"}


def to_read(page):
    """The lists of somebody's navigation, and those beside it."""
    page.goto("/admin/")
    links = page.locator("nav a[href^='/admin/']").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    return {link.partition("?")[0] for link in links} - {"/admin/"} | BESIDE_THE_NAVIGATION


def read_all(page, picture, lists, name):
    for address in sorted(lists):
        assert page.goto(address).ok, address
        fits(page)
        assert page.evaluate(PUSHED_ASIDE) == [], address
        picture(page, f"{name}-{address.removeprefix('/admin/').strip('/').replace('/', '-')}")


def fill_what_is_beside(page):
    """A filter that is kept, and one that is sent, so that neither list is empty."""
    page.goto("/admin/commerce/purchase/?state=active")
    page.get_by_role("link", name="Keep this filter").click()
    page.get_by_label("Name").fill("Running, of every channel and department, for the meeting on Mondays")
    page.get_by_role("button", name="Keep").click()
    page.goto("/admin/commerce/purchase/?state=active")
    page.get_by_role("link", name="Send by e-mail").click()
    page.get_by_label("Name").fill("Running, of every channel and department, for the meeting on Mondays")
    page.locator("form .sw-button[type=submit], form button[type=submit]").last.click()


def test_every_list_of_an_admin_is_read_on_a_telephone_without_pushing_it_aside(visit, picture):
    page = visit("admin@contoso.example", **NARROW)
    fill_what_is_beside(page)
    lists = to_read(page)
    assert len(lists) > 22, lists
    read_all(page, picture, lists, "list-admin")


def test_every_list_of_the_operator_is_read_on_a_telephone_without_pushing_it_aside(visit, picture):
    page = visit("operator@seatwise.example", **NARROW)
    lists = to_read(page) - BESIDE_THE_NAVIGATION  # of an organisation's people alone
    assert len(lists) > 20, lists
    read_all(page, picture, lists, "list-operator")


def test_every_list_of_a_partner_is_read_on_a_telephone_without_pushing_it_aside(visit, picture):
    """At home, over its customers; then in one of them."""
    page = visit("pat@partnerworks.example", **NARROW)
    lists = to_read(page) - BESIDE_THE_NAVIGATION
    assert "/admin/tenants/delegation/customers/purchases/" in lists, lists
    read_all(page, picture, lists, "list-partner-home")
    act_for_contoso(page)
    fill_what_is_beside(page)
    lists = to_read(page)
    assert len(lists) > 20, lists
    read_all(page, picture, lists, "list-partner")


def act_for_contoso(page):
    page.goto("/admin/tenants/delegation/customers/")
    page.get_by_role("button", name="Act for Contoso").click()


def test_the_purchases_fit_beside_the_navigation(visit, picture):
    page = visit("admin@contoso.example")
    page.goto("/admin/commerce/purchase/")
    fits(page)
    assert page.evaluate(PUSHED_ASIDE) == []
    picture(page, "purchases-wide")
