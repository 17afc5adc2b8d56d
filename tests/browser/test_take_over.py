"""Taking over in a real browser: one purchase on its page, two merged into a central one, several settled at once."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

RULES = {"rules": {"landmark-unique": {"enabled": False}}}
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
PRODUCT, PLAN = "Power Automate with attended RPA", "power-automate-rpa-monthly"


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


def buy(page, quantity=1):
    page.goto(f"/buy/{PLAN}/?quantity={quantity}")
    page.get_by_label("Card").select_option("pm_card_visa")
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_role("heading", name="Purchase complete")).to_be_visible()


def order(admin):
    """One central seat, by invoice."""
    admin.goto("/admin/commerce/purchase/")
    admin.get_by_role("link", name="Order centrally").click()
    admin.get_by_label("Plan").select_option(PLAN)
    admin.get_by_label("Seats").fill("1")
    admin.get_by_label("Prices").select_option(label="Framework agreement")
    admin.get_by_label("Payment").select_option("invoice")
    admin.get_by_role("button", name="Show the total").click()
    admin.get_by_role("button", name="Order now").click()
    expect(admin.get_by_role("button", name="Order now")).to_have_count(0)


def opened(admin, channel, purchaser):
    """The newest purchase of the product by somebody, on its page."""
    admin.goto(f"/admin/commerce/purchase/?channel={channel}&q={PRODUCT.replace(' ', '+')}")
    row = admin.locator("#result_list tbody tr", has_text=purchaser).first
    row.get_by_role("link", name=PRODUCT).first.click()


def test_purchases_are_taken_over_merged_settled_and_undone(visit, picture):
    ana, ben, admin = (visit(f"{name}@contoso.example") for name in ("ana", "ben", "admin"))
    buy(ana, 2)
    buy(ben)
    order(admin)

    # One of them, on its page, and back.
    opened(admin, "self_service", "Ben")
    looked_at(admin, picture, "take-over-offered")
    admin.get_by_role("link", name="Take over", exact=True).click()
    looked_at(admin, picture, "take-over-how")
    admin.get_by_role("radio", name="Move its people to a central subscription").check()
    admin.get_by_label("To move: which central subscription").select_option(index=1)
    admin.get_by_role("button", name="Show what it does").click()
    expect(admin.get_by_role("heading", name="What it does")).to_be_visible()
    expect(admin.get_by_text("Goes back when it is settled")).to_be_visible()
    looked_at(admin, picture, "take-over-preview")
    admin.get_by_label("Reason").fill("One contract for all")
    admin.get_by_role("button", name="Move its people and end it").click()
    expect(admin.get_by_text("until then it can be undone").first).to_be_visible()
    looked_at(admin, picture, "take-over-open")
    admin.get_by_role("button", name="Undo").click()
    expect(admin.get_by_text("Undone. It is as it was.")).to_be_visible()

    # Both, merged into what is central; the seats that it lacks are bought.
    opened(admin, "central", "")
    admin.get_by_role("link", name="Merge them into it").click()
    looked_at(admin, picture, "merge-which")
    admin.get_by_role("button", name="Show what it does").click()
    expect(admin.get_by_role("heading", name="What it costs")).to_be_visible()
    looked_at(admin, picture, "merge-preview")
    admin.get_by_label("Reason").fill("One contract for all")
    admin.get_by_role("button", name="Merge 2 purchases").click()
    expect(admin.get_by_role("heading", name="Finished")).to_be_visible()
    expect(admin.get_by_role("row", name="Done")).to_have_count(2)
    looked_at(admin, picture, "merge-run")

    # Both are settled together, with the money first.
    admin.goto("/admin/")
    expect(admin.get_by_role("link", name="take-overs are to be settled")).to_be_visible()
    admin.get_by_role("link", name="take-overs are to be settled").click()
    looked_at(admin, picture, "take-overs")
    admin.get_by_label("With which").select_option("All that this filter finds")
    admin.get_by_label("What to do").select_option("Settle now")
    admin.get_by_role("button", name="Show what it would do").click()
    expect(admin.get_by_text("goes back to who paid").first).to_be_visible()
    looked_at(admin, picture, "take-overs-settle")
    admin.get_by_label("Reason").fill("Agreed with both")
    admin.get_by_role("button", name="Settle now").click()
    expect(admin.get_by_role("heading", name="Finished")).to_be_visible()
    looked_at(admin, picture, "take-overs-run")


def test_many_are_shown_before_they_are_taken_over(visit, picture):
    admin = visit("admin@contoso.example")
    admin.goto("/admin/commerce/purchase/?channel=self_service&state=active")
    admin.get_by_label("With which").select_option("All that this filter finds")
    admin.get_by_label("What to do").select_option("Take over")
    admin.get_by_role("button", name="Show what it would do").click()
    looked_at(admin, picture, "take-over-many-how")
    admin.get_by_role("radio", name="End it").check()
    admin.get_by_role("button", name="Show what it would do").click()
    expect(admin.get_by_text("goes back to who paid, when it is settled").first).to_be_visible()
    looked_at(admin, picture, "take-over-many-preview")
