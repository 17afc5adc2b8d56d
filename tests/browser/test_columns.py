"""Columns chosen in the list of purchases, in a real browser: the list, its file, and what is sent regularly."""

import csv

import pytest
from playwright.sync_api import expect

from tests.browser.test_bulk_actions import NARROW, fits, reads

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("look", [{}, NARROW], ids=["wide", "narrow"])
def test_the_file_and_what_is_sent_have_the_columns_of_the_list(visit, picture, look):
    page, name = visit("billing@contoso.example", **look), "narrow" if look else "wide"
    page.goto("/admin/commerce/purchase/")
    page.get_by_text("Columns", exact=True).click()
    boxes = page.get_by_role("group", name="Columns to show")
    for box in boxes.get_by_role("checkbox").and_(page.locator(":enabled")).all():
        box.set_checked(False)
    for label in ("State", "Price paid"):
        boxes.get_by_label(label, exact=True).check()
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**columns=in_state**")
    fits(page)
    picture(page, f"columns-list-{name}")
    with page.expect_download() as loaded:
        page.get_by_role("link", name="CSV").click()
    with loaded.value.path().open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.reader(file)) == ["Product", "Plan", "Currency", "Price paid", "Refunded", "State"]
    page.get_by_role("link", name="Send by e-mail").click()
    expect(page.get_by_text("Columns: Product, State, Price paid")).to_be_visible()
    fits(page)
    reads(page)
    picture(page, f"columns-schedule-{name}")
    page.get_by_label("Name").fill(f"Money {name}")
    page.get_by_role("button", name="Send it to me").click()
    row = page.get_by_role("row", name=f"Money {name}")
    expect(row).to_contain_text("Product, State, Price paid")
    fits(page)
    reads(page)
    picture(page, f"columns-sent-{name}")
    row.get_by_role("link", name=f"Money {name}").click()
    expect(page.get_by_role("columnheader", name="State")).to_have_count(0 if look else 1)
