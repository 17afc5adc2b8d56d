"""Of everything that can wait in an organisation, one."""

from datetime import timedelta

from django.utils import timezone

from commerce.models import Renewal, RenewalState
from tests import factories
from tests.admin.customers.there import address
from tests.commerce.handing_over import leave
from tests.commerce.licenses import ask
from tests.factories import buy, plan_on_sale

LISTS = ("approvals", "requests", "leavers", "new_products", "renewals", "purchases")


def everything(member, plan):
    """Of the member's organisation: what is due at once. The purchases: one that failed, and one of a leaver."""
    now = timezone.now()
    factories.ApprovalFactory(requester=member, plan=plan, created_at=now, lapses_at=now + timedelta(days=14))
    ask(member, factories.ProductFactory(), at=now)
    fail(buy(member, plan, at=now - timedelta(days=1)), now)
    leaver = factories.MembershipFactory(tenant=member.tenant, name=f"Leaver of {member.tenant}")
    buy(leaver, plan, at=now)
    leave(leaver, at=now)


def fail(subscription, now):
    return Renewal.objects.create(
        tenant=subscription.tenant,
        subscription=subscription,
        starts_at=subscription.term_end,
        state=RenewalState.RETRYING,
        next_try_at=now,
        first_failed_at=now,
        created_at=now,
    )


def new_product(name="Power Pages"):
    """That came after everybody else."""
    product = plan_on_sale(product__name=name).product
    product.created_at = timezone.now() + timedelta(days=1)
    product.save()
    return product


def customers_of(browser, name, query=""):
    """Whose rows a list shows, in their order."""
    response = browser.get(f"{address(name)}?{query}")
    assert response.status_code == 200, name
    return [line["customer"].slug for line in response.context["lines"]]


def told_at_home(browser, page):
    return {line["text"]: line["url"] for line in browser.get(page).context["waits"]}
