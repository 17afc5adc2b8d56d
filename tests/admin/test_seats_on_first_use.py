"""Seats that people take by using a product: allowed with a ceiling, changed and taken back."""

import pytest
from django.urls import reverse
from django.utils import timezone

from policies.models import AutoClaim
from tests.admin.pages import AUTO_CLAIMS, browser_of, listed, opened
from tests.factories import admin_of, buy_centrally, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def plan():
    return plan_on_sale()


@pytest.fixture
def central(contoso, plan):
    return buy_centrally(admin_of(contoso).membership, plan, 3, timezone.now())


class TestSeatsOnFirstUse:
    NEW = "admin:policies_autoclaim_new"

    def test_are_allowed_with_a_ceiling_changed_and_taken_back(self, contoso, central, plan):
        browser = browser_of(contoso, "billing_admin")
        said = {"product": plan.product_id, "ceiling": "2", "reason": "So that nobody waits"}
        browser.post(reverse(self.NEW), said)
        rule = AutoClaim.objects.get()
        assert (rule.tenant, rule.ceiling) == (contoso, 2)
        assert "0 of 2" in browser.get(listed(AUTO_CLAIMS)).text
        browser.post(opened(AUTO_CLAIMS, rule), {"ceiling": "7", "reason": "More"})
        rule.refresh_from_db()
        assert rule.ceiling == 7
        browser.post(reverse("admin:policies_autoclaim_remove", args=[rule.pk]), {"reason": "Enough"})
        assert not AutoClaim.objects.exists()

    @pytest.mark.parametrize(
        "wrong", [{"ceiling": "0"}, {"ceiling": "many"}, {"reason": ""}, {"product": "NOSUCH"}], ids=str
    )
    def test_need_a_product_a_ceiling_and_a_reason(self, contoso, plan, wrong):
        said = {"product": plan.product_id, "ceiling": "2", "reason": "Why", **wrong}
        assert browser_of(contoso).post(reverse(self.NEW), said).status_code == 400
        assert not AutoClaim.objects.exists()

    def test_are_read_but_not_changed_by_others(self, contoso, plan):
        browser_of(contoso).post(reverse(self.NEW), {"product": plan.product_id, "ceiling": "2", "reason": "Why"})
        rule = AutoClaim.objects.get()
        reader, giver = browser_of(contoso, "global_reader"), browser_of(contoso, "license_admin")
        for browser in (reader, giver):
            assert browser.get(listed(AUTO_CLAIMS)).status_code == 200
            assert browser.get(reverse(self.NEW)).status_code == 403
            assert browser.post(opened(AUTO_CLAIMS, rule), {"ceiling": "9", "reason": "Why"}).status_code == 403
        assert AutoClaim.objects.get().ceiling == 2
