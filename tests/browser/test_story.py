"""What Seatwise is for, from the first click to the refusal, in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser


def test_ana_buys_two_seats_cleo_gets_one_the_admin_forbids_it_and_ben_is_refused(visit, picture):
    ana = visit()
    ana.goto("/")
    picture(ana, "catalogue")
    ana.goto("/buy/power-bi-pro-monthly/?quantity=2")
    ana.get_by_label("Work e-mail").fill("ana@contoso.example")
    ana.get_by_role("button", name="Continue").click()
    sign_in(ana, "ana@contoso.example")
    expect(ana.get_by_label("Quantity")).to_have_value("2")
    ana.get_by_label("Card").select_option("pm_card_visa")
    expect(ana.get_by_text("$19.98", exact=True)).to_be_visible()
    picture(ana, "checkout")
    ana.get_by_role("button", name="Pay now").click()
    expect(ana.get_by_role("heading", name="Purchase complete")).to_be_visible()
    picture(ana, "receipt")

    ana.get_by_role("link", name="Give seats to colleagues").click()
    ana.get_by_label("Work e-mails").fill("cleo@contoso.example")
    ana.get_by_role("button", name="Assign").click()
    expect(ana.get_by_text("2 of 2 assigned")).to_be_visible()
    expect(ana.get_by_role("row", name="Cleo")).to_be_visible()
    picture(ana, "subscription")

    admin = visit("admin@contoso.example")
    admin.goto("/admin/")
    admin.get_by_role("link", name="Purchases").first.click()
    bought = admin.get_by_role("row").filter(has_text="Power BI Pro").filter(has_text="Ana")
    expect(bought).to_contain_text("19.98")
    picture(admin, "purchases")
    admin.get_by_role("link", name="Product policies").first.click()
    admin.get_by_role("link", name="Power BI Pro", exact=True).click()
    admin.get_by_label("Disabled: nobody may buy it").check()
    admin.get_by_label("Reason").fill("Reports are bought centrally from now on.")
    picture(admin, "policy")
    admin.get_by_role("button", name="Save").click()
    expect(admin.get_by_text("The next purchase follows it.")).to_be_visible()

    ben = visit()
    ben.goto("/buy/power-bi-pro-monthly/")
    ben.get_by_label("Work e-mail").fill("ben@contoso.example")
    ben.get_by_role("button", name="Continue").click()
    sign_in(ben, "ben@contoso.example")
    expect(ben.get_by_role("heading", name="You can't buy this yourself")).to_be_visible()
    expect(ben.get_by_text("it@contoso.example")).to_be_visible()
    picture(ben, "refusal")
    # What ana bought stays hers.
    ana.reload()
    expect(ana.get_by_text("2 of 2 assigned")).to_be_visible()
