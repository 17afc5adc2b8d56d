"""Whether members take free seats themselves is switched in the procurement view."""

import pytest
from django.urls import reverse

from policies.operations import settings
from tenants.journal.models import Event
from tests.admin.pages import browser_of, listed, text_of
from tests.callers import signed_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestClaiming:
    SWITCH = reverse("admin:policies_selfserviceproduct_claiming")

    @pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
    def test_is_switched_by_those_who_change_policies(self, contoso, plan, role):
        browser = browser_of(contoso, role)
        assert "given by admins only" in text_of(browser.get(listed("policies_selfserviceproduct")))
        assert "Members take free seats" in text_of(browser.post(self.SWITCH, {"allowed": "on"}, follow=True))
        assert settings.members_claim_seats(contoso)
        browser.post(self.SWITCH, {"allowed": "off"})
        assert not settings.members_claim_seats(contoso)
        told = Event.objects.filter(type="settings.changed").order_by("pk")
        assert [event.data for event in told] == [{"members_claim_seats": True}, {"members_claim_seats": False}]

    @pytest.mark.parametrize("role", ["license_admin", "user_admin", "global_reader"])
    def test_by_nobody_else(self, contoso, operator, plan, role):
        for browser in (browser_of(contoso, role), signed_in(operator)):
            assert browser.post(self.SWITCH, {"allowed": "on"}).status_code == 403
            assert browser.get(self.SWITCH).status_code == 403
        assert not settings.members_claim_seats(contoso)
