"""The procurement pages of leavers' purchases: what each costs and who uses it, and the decision."""

import pytest
from django.utils import timezone

from commerce.models import LeaverTask, TransferOffer
from licensing.models import Subscription
from tests.admin.pages import LEAVERS, browser_of, listed, opened
from tests.commerce.handing_over import leave
from tests.factories import MembershipFactory, agree, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def task():
    member = MembershipFactory(name="Ana Alvarez")
    buy(member, plan_on_sale(product__name="Power BI Pro"), 2, timezone.now())
    return leave(member, at=timezone.now())


def test_admins_see_what_it_costs_who_uses_it_and_what_holds_otherwise(task):
    browser = browser_of(task.tenant, "billing_admin")
    assert "Ana Alvarez" in browser.get(listed(LEAVERS)).content.decode()
    page = browser.get(opened(LEAVERS, task)).content.decode()
    for told in ("Power BI Pro", "0 of 2", "$19.98", "It renews on their card.", "Hand over: to whom", "Decide"):
        assert told in page


def test_deciding_from_the_page(task):
    browser = browser_of(task.tenant, "billing_admin")
    page = browser.post(opened(LEAVERS, task), {"choice": "let_end"}, follow=True)
    assert "Decided: Let it end." in page.content.decode()
    assert not Subscription.objects.get().auto_renew


def test_what_is_wrong_stands_at_its_field(task):
    browser = browser_of(task.tenant)
    for sent, said in (
        ({}, "Choose one."),
        ({"choice": "transfer"}, "Name the member who is to have it."),
        ({"choice": "transfer", "to": "nobody@people.example"}, "is not a member of your organisation"),
        ({"choice": "adopt"}, "Choose what pays from then on"),
    ):
        answer = browser.post(opened(LEAVERS, task), sent)
        assert answer.status_code == 400
        assert said in answer.content.decode()
    assert LeaverTask.objects.open().exists()
    assert not TransferOffer.objects.exists()


def test_handing_over_and_adopting(task):
    browser, colleague = browser_of(task.tenant), MembershipFactory(tenant=task.tenant, name="Cleo Costa")
    page = browser.post(opened(LEAVERS, task), {"choice": "transfer", "to": colleague.user.email}, follow=True)
    assert "Offered to Cleo Costa until" in page.content.decode()
    agreement = agree(task.tenant, timezone.now(), prices=[(task.subscription.plan, "8.99")])
    browser.post(opened(LEAVERS, task), {"choice": "adopt", "pays": str(agreement.pk)})
    assert Subscription.objects.get().owner is None
    page = browser.get(opened(LEAVERS, task)).content.decode()
    assert "Adopt it for the organisation" in page
    assert "Hand over: to whom" not in page


def test_readers_read_and_others_do_not(task):
    reader = browser_of(task.tenant, "global_reader")
    page = reader.get(opened(LEAVERS, task)).content.decode()
    assert "Global and billing admins decide." in page
    assert reader.post(opened(LEAVERS, task), {"choice": "keep"}).status_code == 403
    assert browser_of(task.tenant, "license_admin").get(listed(LEAVERS)).status_code == 403
    assert browser_of(MembershipFactory().tenant).get(opened(LEAVERS, task)).status_code == 404
