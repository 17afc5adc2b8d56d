"""What is wasted and what the seats bring, in a real browser, at a desk and on a telephone."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_bulk_actions import NARROW, fits, reads

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("look", [{}, NARROW], ids=["wide", "narrow"])
def test_each_kind_of_waste_and_the_capacity_can_be_read(visit, picture, look):
    page, name = visit("reader@contoso.example", **look), "narrow" if look else "wide"
    page.goto("/admin/licensing/wastedseat/")
    for kind in ("Bought while central seats lie idle", "Seats of leavers", "Not used", "Two seats of one product"):
        page.get_by_role("link", name=kind).click()
        expect(page.get_by_role("navigation", name="Kinds of waste").locator("[aria-current]")).to_have_text(kind)
        fits(page)
        reads(page)
    picture(page, f"waste-{name}")
    page.goto("/admin/licensing/capacityuse/")
    expect(page.get_by_role("heading", name="Power Automate per user")).to_be_visible()
    fits(page)
    reads(page)
    picture(page, f"capacity-{name}")
