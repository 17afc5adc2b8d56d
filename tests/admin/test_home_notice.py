"""What an admin of an organisation that is excluded as a whole reads on the first page of the procurement view."""

from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from policies.models import Exclusion, Policy
from policies.operations import settings
from tenants.access import SYSTEM
from tests import factories
from tests.admin.pages import POLICIES, browser_of, opened
from tests.factories import ExclusionFactory, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NOT_AVAILABLE = "Self-service buying is not available to your organisation"
NOTHING_TO_DO = "You have nothing to do. Policies may still be set; they take effect if this ends."


def home_of(tenant):
    return unescape(browser_of(tenant).get(reverse("admin:index")).content.decode())


def test_an_exclusion_of_the_country_is_told_until_it_ends(contoso, plan):
    assert NOT_AVAILABLE not in home_of(contoso)
    today = timezone.now().date()
    row = ExclusionFactory(country="US", valid_to=today + timedelta(days=9))
    page = home_of(contoso)
    for said in (NOT_AVAILABLE, NOTHING_TO_DO, "is not available to your organisation by self-service purchase"):
        assert said in page
    row.valid_from, row.valid_to = today - timedelta(days=9), today
    row.save()
    assert NOT_AVAILABLE not in home_of(contoso)


def test_an_excluded_sector_is_told_until_an_operator_ends_it(contoso, plan):
    contoso.sector = "education"
    contoso.save()
    page = home_of(contoso)
    for said in (NOT_AVAILABLE, NOTHING_TO_DO, "Organisations in the sector “education” can't use self-service"):
        assert said in page
    Exclusion.objects.filter(sector="education").delete()
    assert NOT_AVAILABLE not in home_of(contoso)


def test_an_exclusion_that_leaves_something_to_buy_is_not_told_here(contoso, plan):
    plan_on_sale()
    ExclusionFactory(country="US", product=plan.product)
    assert NOT_AVAILABLE not in home_of(contoso)
    ExclusionFactory(country="SE")
    assert NOT_AVAILABLE not in home_of(contoso)


def test_policies_may_still_be_set(contoso, plan):
    ExclusionFactory(country="US")
    browser = browser_of(contoso)
    form = browser.get(opened(POLICIES, plan.product)).context["form"]
    body = {"value": "disabled", "reason": "Later.", "seen": form["seen"].value()}
    assert browser.post(opened(POLICIES, plan.product), body).status_code == 302
    assert Policy.objects.get().value == "disabled"
    assert NOT_AVAILABLE in home_of(contoso)


def test_the_notice_costs_the_same_however_much_is_excluded(contoso, plan):
    browser = browser_of(contoso)

    def cost():
        with CaptureQueriesContext(connection) as caught:
            assert NOT_AVAILABLE in browser.get(reverse("admin:index")).content.decode()
        return len(caught)

    ExclusionFactory(country="US")
    cost()  # what is asked once a process
    few = cost()
    for _ in range(29):
        ExclusionFactory(country="US", product=plan_on_sale().product)
        factories.ExclusionFactory(country="US", sector="commercial")
    assert cost() == few


def test_a_stop_of_all_self_service_is_told_with_who_and_since_when_until_it_is_resumed(contoso, plan):
    admin = factories.admin_of(contoso)
    stopped = "All self-service buying is stopped"
    assert stopped not in home_of(contoso)
    settings.change(tenant=contoso, self_service_enabled=False, by=admin, at=factories.NOON)
    page = home_of(contoso)
    for said in (stopped, f"By {admin.user}", "10 Mar", reverse("admin:policies_selfserviceproduct_switch")):
        assert said in page
    settings.change(tenant=contoso, self_service_enabled=True, by=admin, at=factories.NOON)
    assert stopped not in home_of(contoso)


def test_a_stop_by_command_is_told_and_who_only_reads_finds_no_link(contoso, plan):
    settings.change(tenant=contoso, self_service_enabled=False, by=SYSTEM, at=factories.NOON)
    page = unescape(browser_of(contoso, "global_reader").get(reverse("admin:index")).content.decode())
    assert "All self-service buying is stopped" in page
    assert "by command" in page
    assert "Let people buy again" not in page
    hidden = unescape(browser_of(contoso, "user_admin").get(reverse("admin:index")).content.decode())
    assert "All self-service buying is stopped" not in hidden
