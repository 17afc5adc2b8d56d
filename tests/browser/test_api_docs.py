"""The page of the API's document runs without a script or style that the content policy would stop."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_every_call_is_on_the_page(visit):
    page = visit()
    page.goto("/api/v1/docs/")
    expect(page.get_by_text("/api/v1/members/", exact=True).first).to_be_visible()
    expect(page.get_by_text("/api/v1/checkouts/{id}/pay/", exact=True)).to_be_visible()
