"""Every list of the procurement view on a telephone, with what a demo and some purchases put into it."""

import pytest

from tests.browser.test_bulk_actions import NARROW, fits

pytestmark = pytest.mark.browser

# What has to be pushed aside to be read, other than where somebody chose to look at a wide file.
PUSHED_ASIDE = """() => [...document.querySelectorAll('main *, #content *')]
    .filter(e => e.scrollWidth > e.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX))
    .map(e => e.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize(
    ("email", "at_least"),
    [("admin@contoso.example", 20), ("operator@seatwise.example", 20), ("pat@partnerworks.example", 5)],
)
def test_every_list_is_read_on_a_telephone_without_pushing_it_aside(visit, picture, email, at_least):
    page = visit(email, **NARROW)
    page.goto("/admin/")
    links = page.locator("nav a[href^='/admin/']").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    lists = sorted({link.partition("?")[0] for link in links} - {"/admin/"})
    assert len(lists) > at_least, lists
    for address in lists:
        assert page.goto(address).ok, address
        fits(page)
        assert page.evaluate(PUSHED_ASIDE) == [], address
        picture(page, f"list-{email.partition('@')[0]}-{address.strip('/').rpartition('/')[2]}")
