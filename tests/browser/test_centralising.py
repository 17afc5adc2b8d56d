"""Guided centralisation in a real browser, from the choice of people to the last cancellation; and its pages."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

RULES = {"rules": {"landmark-unique": {"enabled": False}}}
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def looked_at(page, picture, name):
    """Both widths, light and dark: nothing wider than a telephone, nothing that somebody cannot read."""
    for size, scheme in ((WIDE, "dark"), (WIDE, "light"), (NARROW, "light")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, found.generate_report()
        if scheme == "light":
            picture(page, f"{name}-{size['width']}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
    page.set_viewport_size(WIDE)


def buy(page, plan, quantity=1):
    page.goto(f"/buy/{plan}/?quantity={quantity}")
    page.get_by_label("Card").select_option("pm_card_visa")
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_role("heading", name="Purchase complete")).to_be_visible()


def test_two_purchases_are_centralised_and_canceled(visit, picture):
    ana, ben = visit("ana@contoso.example"), visit("ben@contoso.example")
    buy(ana, "power-automate-rpa-monthly", 2)
    buy(ben, "power-automate-rpa-monthly")

    admin = visit("admin@contoso.example")
    admin.goto("/admin/commerce/centralisation/")
    admin.get_by_role("link", name="Centralise a product").click()
    admin.get_by_label("Product").select_option(label="Power Automate with attended RPA")
    admin.get_by_role("button", name="Choose people").click()
    expect(admin.get_by_label("ana@contoso.example")).to_be_checked()
    expect(admin.get_by_label("ben@contoso.example")).to_be_checked()
    looked_at(admin, picture, "centralise-people")
    admin.get_by_role("button", name="Show the cost").click()

    expect(admin.get_by_text("2 seats are missing.")).to_be_visible()
    expect(admin.get_by_text("$1,440.00")).to_be_visible()
    looked_at(admin, picture, "centralise-cost")
    admin.get_by_role("button", name="Go on to the seats").click()

    # Stopped here, and gone on from the list.
    admin.get_by_role("link", name="Stop here, go on later").click()
    expect(admin.locator("#result_list").get_by_text("Assign central seats")).to_be_visible()
    admin.get_by_role("link", name="Power Automate with attended RPA").click()
    looked_at(admin, picture, "centralise-buy")
    admin.get_by_role("link", name="Buy 2 seats").first.click()
    admin.get_by_label("Prices").select_option(label="Framework agreement")
    admin.get_by_label("Payment").select_option("invoice")
    admin.get_by_role("button", name="Show the total").click()
    admin.get_by_role("button", name="Order now").click()
    admin.get_by_role("link", name="Go on with it").click()
    looked_at(admin, picture, "centralise-seats")
    admin.get_by_role("button", name="Assign central seats").click()

    admin.get_by_label("Message to the purchasers").fill("You have a central seat now.")
    looked_at(admin, picture, "centralise-ask")
    admin.get_by_role("button", name="Ask to cancel").click()
    expect(admin.get_by_role("heading", name="Who was asked to cancel")).to_be_visible()
    looked_at(admin, picture, "centralise-waiting")

    ben.goto("/my/subscriptions/")
    ben.get_by_role("link", name="Power Automate with attended RPA").first.click()
    ben.get_by_role("link", name="Read it, and answer").click()
    expect(ben.get_by_text("You have a central seat now.")).to_be_visible()
    looked_at(ben, picture, "asked-to-cancel")
    ben.get_by_label("Why you keep it").fill("A project until Friday")
    ben.get_by_role("button", name="Keep it").click()
    expect(ben.get_by_text("You keep it: A project until Friday")).to_be_visible()

    ana.goto("/my/subscriptions/")
    ana.get_by_role("link", name="Power Automate with attended RPA").first.click()
    ana.get_by_role("link", name="Read it, and answer").click()
    cancel(ana)

    admin.reload()
    expect(admin.get_by_text("A project until Friday")).to_be_visible()
    looked_at(admin, picture, "centralise-kept")
    admin.get_by_role("checkbox").first.check()
    admin.get_by_role("button", name="Ask to cancel").click()
    ben.reload()
    ben.goto("/my/subscriptions/")
    ben.get_by_role("link", name="Power Automate with attended RPA").first.click()
    ben.get_by_role("link", name="Read it, and answer").click()
    ben.get_by_role("button", name="I will cancel later").click()
    expect(ben.get_by_text("You said that you will cancel it.")).to_be_visible()
    cancel(ben)

    # What the schedule finds: nobody is left to wait for.
    for _ in range(12):
        admin.reload()
        if admin.get_by_text("Nothing is left to do").count():
            break
        admin.wait_for_timeout(5_000)
    expect(admin.get_by_text("Nothing is left to do")).to_be_visible()
    looked_at(admin, picture, "centralise-done")


def cancel(page):
    page.get_by_role("link", name="Cancel subscription").click()
    page.get_by_label("Reason").fill("I have a central seat")
    page.get_by_role("button", name="Cancel subscription").click()
    expect(page.get_by_text("goes back").first).to_be_visible()


def seats_for_many(visit):
    page = visit("license@contoso.example")
    page.goto("/admin/commerce/purchase/?channel=central")
    page.get_by_role("link", name="Office suite").first.click()
    page.get_by_role("link", name="From a file, or a whole department").click()
    return page


def seats_on_first_use(visit):
    page = visit("billing@contoso.example")
    page.goto("/admin/policies/autoclaim/")
    page.get_by_role("link", name="Let people take seats").click()
    return page


@pytest.mark.parametrize(
    ("reach", "says"),
    [(seats_for_many, "Who gets a seat"), (seats_on_first_use, "Of which product, and how many")],
    ids=["many", "first use"],
)
def test_a_page_is_accessible_and_never_wider_than_the_telephone(visit, picture, reach, says):
    page = reach(visit)
    expect(page.get_by_role("heading", name=says)).to_be_visible()
    looked_at(page, picture, reach.__name__)
