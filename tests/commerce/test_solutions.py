"""Partners' solutions: written by a partner, shown beside products once an operator has approved them."""

import pytest
from django.utils import timezone

from licensing.models import Solution
from licensing.operations import solutions
from tenants.refusal import BadInput, NotAllowed
from tests.callers import signed_in
from tests.factories import (
    MembershipFactory,
    OperatorFactory,
    TenantFactory,
    acting,
    admin_of,
    buy,
    plan_on_sale,
)
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PAGE = "/admin/licensing/solution/"


@pytest.fixture
def partner():
    """A global admin of an organisation that is somebody's partner."""
    tenant = TenantFactory(name="Partner Ltd")
    let_in(TenantFactory(), at=timezone.now(), partner=tenant)
    return admin_of(tenant)


def offer(partner, plan, **other):
    said = {"name": "Nicer reports", "text": "Charts", "link": "https://partner.example/", "products": [plan.product]}
    return solutions.save(tenant=partner.tenant, by=partner, at=timezone.now(), **(said | other))


def approve(operator, solution):
    """As the button does, on a page that was opened just now."""
    page = operator.get(f"{PAGE}{solution.pk}/change/").content.decode()
    seen = Solution.objects.get(pk=solution.pk).changed_at.isoformat()
    assert f'name="seen" value="{seen}"' in page
    return operator.post(f"{PAGE}{solution.pk}/approve/", {"seen": seen})


def test_is_shown_once_an_operator_has_approved_it_and_waits_again_when_changed(partner):
    plan, operator = plan_on_sale(), OperatorFactory()
    browser = signed_in(partner.membership)
    said = {
        "name": "Nicer reports",
        "text": "Charts",
        "link": "https://partner.example/",
        "products": [plan.product_id],
    }
    assert browser.post(f"{PAGE}new/", said).status_code == 302
    solution = Solution.objects.get()
    buyer = MembershipFactory()
    bought = buy(buyer, plan, at=timezone.now())
    mine = f"/my/subscriptions/{bought.pk}/"
    assert "Nicer reports" not in signed_in(buyer).get(mine).content.decode()
    assert browser.post(f"{PAGE}{solution.pk}/approve/").status_code == 302
    assert Solution.objects.get().state == "waiting"
    approve(signed_in(operator), solution)
    assert Solution.objects.get().state == "approved"
    page = signed_in(buyer).get(mine).content.decode()
    assert "Nicer reports" in page
    assert "Partner Ltd" in page
    browser.post(f"{PAGE}{solution.pk}/change/", {**said, "text": "Other words"})
    assert Solution.objects.get().state == "waiting"
    assert "Nicer reports" not in signed_in(buyer).get(mine).content.decode()


@pytest.mark.parametrize("seen", [None, "", "soon", "2026-13-45T00:00:00Z"])
def test_nothing_is_approved_that_was_changed_after_it_was_read(partner, seen):
    plan, operator = plan_on_sale(), signed_in(OperatorFactory())
    read = offer(partner, plan).changed_at.isoformat()
    solution = offer(partner, plan, solution=Solution.objects.get(), text="Other words")
    answer = operator.post(f"{PAGE}{solution.pk}/approve/", {"seen": read if seen is None else seen}, follow=True)
    assert "Read it again" in answer.content.decode()
    assert Solution.objects.get().state == "waiting"
    approve(operator, solution)
    assert Solution.objects.get().state == "approved"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"link": "http://partner.example/"}, "link"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"products": []}, "products"),
    ],
)
def test_bad_input_is_refused_and_nothing_kept(partner, wrong, field):
    with pytest.raises(BadInput) as refused:
        offer(partner, plan_on_sale(), **wrong)
    assert refused.value.field == field
    assert not Solution.objects.exists()


def test_only_partners_offer_and_only_operators_decide(partner):
    plan = plan_on_sale()
    with pytest.raises(solutions.NotAPartner):
        offer(admin_of(TenantFactory()), plan)
    with pytest.raises(NotAllowed):
        offer(admin_of(partner.tenant, "billing_admin"), plan)
    with pytest.raises(solutions.SolutionExists):
        offer(partner, plan) and offer(partner, plan)
    solution = Solution.objects.get()
    with pytest.raises(NotAllowed):
        solutions.decide(solution=solution, approve=True, seen=solution.changed_at, by=partner, at=timezone.now())
    with pytest.raises(NotAllowed):
        solutions.withdraw(solution=solution, by=acting(MembershipFactory()), at=timezone.now())
    solutions.withdraw(solution=solution, by=partner, at=timezone.now())
    assert Solution.objects.get().state == "withdrawn"
