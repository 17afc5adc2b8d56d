"""Who may change what the organisation has bought, in the procurement view."""

import pytest

from tests.admin.central_changes.conftest import fresh, url_of
from tests.admin.pages import PURCHASES, browser_of, opened, text_of
from tests.callers import signed_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

ROLES = ("license_admin", "user_admin", "global_reader")
PAGES = ("add-seats", "remove-seats", "align", "cancel", "reactivate", "payment")
BUTTONS = ("keep-seats", "renewal", "give-up")


class TestWhoMay:
    def test_those_who_buy_for_the_organisation_find_the_buttons(self, contoso, billed):
        for role in ("global_admin", "billing_admin"):
            browser = browser_of(contoso, role)
            page = text_of(browser.get(opened(PURCHASES, billed)))
            for said in ("Add seats", "Remove seats", "Change what pays", "Turn off automatic", "Cancel subscription"):
                assert said in page, said
            for name in PAGES:
                assert browser.get(url_of(billed, name)).status_code in (200, 302), name

    @pytest.mark.parametrize("role", ROLES)
    def test_nobody_else_does(self, contoso, billed, role):
        browser = browser_of(contoso, role)
        page = text_of(browser.get(opened(PURCHASES, billed)))
        assert "Change it" not in page
        assert "Cancel subscription" not in page
        for name in (*PAGES, *BUTTONS):
            assert browser.get(url_of(billed, name)).status_code == 403
            assert browser.post(url_of(billed, name), {"auto_renew": "off"}).status_code == 403
        assert fresh(billed).auto_renew

    def test_a_persons_own_purchase_never_gets_them(self, contoso, bought):
        browser = browser_of(contoso)
        assert "Change it" not in text_of(browser.get(opened(PURCHASES, bought)))
        for name in (*PAGES, *BUTTONS):
            assert browser.post(url_of(bought, name), {"auto_renew": "off"}).status_code == 404
        assert fresh(bought).auto_renew

    def test_nor_an_operator_nor_another_organisation(self, operator, fabrikam, billed):
        ops, stranger = signed_in(operator), browser_of(fabrikam)
        assert "Change it" not in text_of(ops.get(opened(PURCHASES, billed)))
        for name in (*PAGES, *BUTTONS):
            assert ops.post(url_of(billed, name), {"auto_renew": "off"}).status_code == 403
            assert stranger.post(url_of(billed, name), {"auto_renew": "off"}).status_code == 404
        assert fresh(billed).auto_renew

    @pytest.mark.parametrize("name", BUTTONS)
    def test_a_button_is_pressed_not_opened(self, bill, billed, name):
        assert signed_in(bill).get(url_of(billed, name)).status_code == 403
