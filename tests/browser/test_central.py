"""Central purchases in a real browser: ordered, assigned, paid, and a free seat taken instead of buying."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

# The lists of the admin's framework scroll in two regions of one name.
RULES = {"rules": {"landmark-unique": {"enabled": False}}}
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def order_form(visit, **look):
    page = visit("billing@contoso.example", **look)
    page.goto("/admin/commerce/purchase/")
    page.get_by_role("link", name="Order centrally").click()
    return page


def preview(visit, **look):
    page = order_form(visit, **look)
    page.get_by_label("Plan").select_option("office-suite-annual")
    page.get_by_label("Seats").fill("3")
    page.get_by_label("Prices").select_option(label="Framework agreement")
    page.get_by_label("Payment").select_option("invoice")
    page.get_by_role("button", name="Show the total").click()
    return page


def agreement(visit, **look):
    page = visit("billing@contoso.example", **look)
    page.goto("/admin/commerce/agreement/")
    page.get_by_role("link", name="Framework agreement").click()
    return page


def new_agreement(visit, **look):
    page = visit("operator@seatwise.example", **look)
    page.goto("/admin/commerce/agreement/")
    page.get_by_role("link", name="Add an agreement").click()
    return page


def without_prices(visit, **look):
    page = visit("license@contoso.example", **look)
    page.goto("/admin/commerce/purchase/")
    return page


def assigning(visit, **look):
    page = without_prices(visit, **look)
    page.get_by_role("link", name="Office suite").first.click()
    return page


def open_invoice(visit, **look):
    page = visit("billing@contoso.example", **look)
    page.goto("/my/invoices/")
    page.locator("th a").last.click()
    return page


def paying(visit, **look):
    page = open_invoice(visit, **look)
    page.get_by_role("link", name="Pay now").click()
    return page


def claiming(visit, **look):
    page = visit("admin@contoso.example", **look)
    page.goto("/admin/policies/selfserviceproduct/")
    return page


def offer(visit, **look):
    page = visit("ana@contoso.example", **look)
    page.goto("/buy/power-bi-premium-monthly/?quantity=1")
    return page


PAGES = {
    "What Contoso buys": order_form,
    "to be paid within 30 days": preview,
    "Ask the operator to change it": agreement,
    "What is agreed": new_agreement,
    "Office suite": without_prices,
    "seats are free": assigning,
    "Open, due": open_invoice,
    "Pay invoice": paying,
    "Members may take free seats": claiming,
    "has a free seat of Power BI Premium": offer,
}


@pytest.mark.parametrize("says", PAGES, ids=[reach.__name__ for reach in PAGES.values()])
def test_a_page_is_accessible_and_never_wider_than_the_telephone(visit, picture, says):
    page = PAGES[says](visit, viewport=NARROW)
    expect(page.locator("body")).to_contain_text(says)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    picture(page, f"{PAGES[says].__name__}-390")
    for size, scheme in ((NARROW, "light"), (WIDE, "light"), (WIDE, "dark")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, found.generate_report()
    page.emulate_media(color_scheme="light")
    picture(page, f"{PAGES[says].__name__}-1280")


def test_three_seats_are_ordered_assigned_and_paid(visit, picture):
    bill = preview(visit)
    expect(bill.get_by_text("$315.00")).to_be_visible()
    bill.get_by_role("button", name="Order now").click()
    expect(bill.get_by_text("Bought. Its seats are assigned by")).to_be_visible()
    bought = bill.url

    license_admin = visit("license@contoso.example")
    license_admin.goto(bought)
    expect(license_admin.get_by_text("$")).to_have_count(0)
    license_admin.get_by_label("Work e-mails").fill("cleo@contoso.example")
    license_admin.get_by_role("button", name="Assign").click()
    expect(license_admin.get_by_text("Cleo Chen has a seat now.")).to_be_visible()
    license_admin.get_by_role("checkbox").check()
    license_admin.get_by_role("button", name="Release").click()
    expect(license_admin.get_by_text("The seat of Cleo Chen is free.")).to_be_visible()

    bill.goto("/my/invoices/")
    bill.get_by_role("link", name="SW-").first.click()
    bill.get_by_role("link", name="Pay now").click()
    expect(bill.get_by_text("$315.00")).to_be_visible()
    bill.get_by_label("Card").select_option("pm_card_authenticationRequired")
    bill.get_by_role("button", name="Pay now").click()
    bill.get_by_role("button", name="Approve").click()
    expect(bill.get_by_text("is paid.").first).to_be_visible()
    expect(bill.get_by_role("link", name="Pay now")).to_have_count(0)


def test_a_free_seat_is_taken_instead_of_buying_without_script(visit, picture):
    cleo = visit("cleo@contoso.example", java_script_enabled=False)
    cleo.goto("/buy/power-bi-premium-monthly/?quantity=1")
    expect(cleo.get_by_role("button", name="Pay now")).to_be_visible()
    cleo.get_by_role("button", name="Use a free seat").click()
    expect(cleo.get_by_role("heading", name="You have a seat of Power BI Premium per user")).to_be_visible()
    picture(cleo, "seat")
    cleo.goto("/buy/power-bi-premium-monthly/?quantity=1")
    expect(cleo.get_by_role("button", name="Use a free seat")).to_have_count(0)
