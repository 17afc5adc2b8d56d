"""A template of policies in a real browser: what it changes, and what follows, is read before it is done."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_centralising import looked_at

pytestmark = pytest.mark.browser

TEMPLATE = """default_for_new_products: approval_required
leaver_default: let_end
products: {CFQ7TTC0LH2H: disabled}
"""


def test_is_read_in_words_and_then_applied(visit, picture):
    page = visit("pat@partnerworks.example")
    page.goto("/admin/tenants/delegation/policies/")
    page.get_by_label("Contoso").check()
    page.get_by_label("Template").fill(TEMPLATE)
    page.get_by_label("Reason").fill("Agreed with their procurement")
    page.get_by_role("button", name="Show what it changes").click()
    expect(page.get_by_text("Power Apps per user")).to_be_visible()
    expect(page.get_by_text("Nothing of its own")).to_be_visible()
    expect(page.get_by_text("that the template does not name follow, and change with it:")).to_be_visible()
    expect(page.get_by_text("Power BI Pro")).to_be_visible()
    page.get_by_role("button", name="Apply to these customers").scroll_into_view_if_needed()
    looked_at(page, picture, "policy-template")
    # The demo is the other tests' too: what is applied keeps nobody from buying.
    page.get_by_label("Template").fill("leaver_default: let_end")
    page.get_by_role("button", name="Apply to these customers").click()
    # Another template than was read is shown first.
    expect(page.get_by_text("Power Apps per user")).to_have_count(0)
    page.get_by_role("button", name="Apply to these customers").click()
    expect(page.get_by_role("heading", name="Finished")).to_be_visible()
    expect(page.get_by_text("1 change", exact=False)).to_be_visible()
