"""Approvals in the procurement view: what waits, the decision, and who is named to make it."""

import pytest
from django.urls import reverse
from django.utils import timezone

from policies.models import Approval, Approver
from tests import factories
from tests.admin.pages import APPROVALS, APPROVERS, browser_of, listed, opened
from tests.callers import signed_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def waiting(contoso, plan):
    """Ana waits for three seats."""
    factories.PolicyFactory(tenant=contoso, value="approval_required")
    factories.admin_of(contoso)
    ana = factories.MembershipFactory(tenant=contoso, name="Ana Alvarez", user__email="ana@contoso.example")
    now = timezone.now()
    factories.pay(factories.open_checkout(ana, plan, 3, at=now), at=now)
    return Approval.objects.get()


@pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
def test_an_admin_finds_it_and_approves_fewer_seats(contoso, waiting, role):
    browser = browser_of(contoso, role)
    assert "Ana Alvarez" in browser.get(listed(APPROVALS), {"state": "waiting"}).text
    page = browser.get(opened(APPROVALS, waiting)).text
    assert "Approve" in page
    assert "Decline" in page
    done = browser.post(opened(APPROVALS, waiting), {"approve": "1", "quantity": "2", "message": ""}, follow=True)
    assert "Approved. Ana Alvarez is told" in done.text
    waiting.refresh_from_db()
    assert (waiting.state, waiting.approved_quantity) == ("approved", 2)
    assert 'name="approve"' not in browser.get(opened(APPROVALS, waiting)).text


def test_an_admin_reads_what_asked_for_it_the_department_and_the_price(contoso, waiting):
    member = waiting.requester
    member.department = factories.DepartmentFactory(tenant=contoso, name="Sales")
    member.save()
    page = browser_of(contoso).get(opened(APPROVALS, waiting)).text
    for words in (
        "Why it needs an approval",
        "Product policy: needs approval",
        "Sales",
        "$9.99",
        "Paid today, it ends",
    ):
        assert words in page


def test_an_admin_declines_with_a_message(contoso, waiting):
    browser_of(contoso).post(opened(APPROVALS, waiting), {"decline": "1", "message": "Not now"})
    waiting.refresh_from_db()
    assert (waiting.state, waiting.message) == ("declined", "Not now")


def test_what_is_typed_wrongly_is_said_on_the_form(contoso, waiting):
    answer = browser_of(contoso).post(opened(APPROVALS, waiting), {"approve": "1", "quantity": "9", "message": ""})
    assert answer.status_code == 400
    assert "Approve 1 to 3 seats" in answer.text


def test_a_reader_looks_and_decides_nothing(contoso, waiting):
    browser = browser_of(contoso, "global_reader")
    assert "Decide" not in browser.get(opened(APPROVALS, waiting)).text
    assert browser.post(opened(APPROVALS, waiting), {"approve": "1", "quantity": "1"}).status_code == 403
    waiting.refresh_from_db()
    assert waiting.state == "waiting"


def test_nobody_decides_their_own_here_either(contoso, waiting):
    factories.RoleGrantFactory(membership=waiting.requester, role="billing_admin")
    browser = signed_in(waiting.requester)
    assert "somebody else has to decide it" in browser.get(opened(APPROVALS, waiting)).text
    answer = browser.post(opened(APPROVALS, waiting), {"approve": "1", "quantity": "1", "message": ""})
    assert answer.status_code == 403
    waiting.refresh_from_db()
    assert waiting.state == "waiting"


def test_an_admin_names_and_removes_an_approver(contoso):
    cleo = factories.MembershipFactory(tenant=contoso, user__email="cleo@contoso.example")
    sales = factories.DepartmentFactory(tenant=contoso, name="Sales")
    browser, new = browser_of(contoso, "billing_admin"), reverse("admin:policies_approver_new")
    assert new in browser.get(listed(APPROVERS)).text
    assert "Sales" in browser.get(new).text
    done = browser.post(new, {"member": "Cleo@contoso.example", "department": str(sales.pk)}, follow=True)
    assert "approves from now on" in done.text
    approver = Approver.objects.get(member=cleo, department=sales)
    assert "Remove approver" in browser.get(opened(APPROVERS, approver)).text
    browser.post(opened(APPROVERS, approver))
    assert not Approver.objects.exists()


def test_only_members_of_the_organisation_are_named(contoso, fabrikam):
    elsewhere = factories.MembershipFactory(tenant=fabrikam)
    sales, legal = factories.DepartmentFactory(tenant=contoso), factories.DepartmentFactory(tenant=fabrikam)
    ana = factories.MembershipFactory(tenant=contoso)
    browser, new = browser_of(contoso), reverse("admin:policies_approver_new")
    for member, department in ((elsewhere, sales), (ana, legal)):
        answer = browser.post(new, {"member": member.user.email, "department": str(department.pk)})
        assert answer.status_code == 400
    assert not Approver.objects.exists()


@pytest.mark.parametrize("role", ["license_admin", "global_reader"])
def test_whoever_only_reads_names_nobody(contoso, role):
    approver = factories.ApproverFactory(member__tenant=contoso)
    browser = browser_of(contoso, role)
    assert browser.get(listed(APPROVERS)).status_code == 200
    assert browser.get(reverse("admin:policies_approver_new")).status_code == 403
    assert browser.post(opened(APPROVERS, approver)).status_code == 403
    assert Approver.objects.exists()
