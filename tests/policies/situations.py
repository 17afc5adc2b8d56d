"""What may stand in the way of a purchase, made to happen, by the code that tells of it."""

from datetime import timedelta

from django.utils import timezone

from policies.models import Market, SpendLimit, TenantSettings
from tests.factories import NOON, ExclusionFactory, MembershipFactory, PolicyFactory, UserFactory, buy

AUTHOR = "vera.author@contoso.example"


def sector(ana, plan):
    ana.tenant.sector = "education"
    ana.tenant.save()


def unmanaged(ana, plan):
    ana.tenant.managed = False
    ana.tenant.save()


def not_yet(ana, plan):
    Market.objects.update(opens_on=timezone.now().date() + timedelta(days=400))


def not_for_sale(ana, plan):
    plan.product.self_service = False
    plan.product.save()


def stopped(ana, plan):
    TenantSettings.objects.create(
        tenant=ana.tenant, self_service_enabled=False, set_by=UserFactory(email=AUTHOR), set_at=NOON
    )


def said(value):
    def happens(ana, plan):
        PolicyFactory(
            tenant=ana.tenant, product=plan.product, value=value, set_by=UserFactory(email=AUTHOR), set_at=NOON
        )

    return happens


def nobody_to_ask(ana, plan):
    said("approval_required")(ana, plan)


def spent(ana, plan):
    buy(MembershipFactory(tenant=ana.tenant), plan, at=timezone.now())
    SpendLimit.objects.create(
        tenant=ana.tenant, level="tenant", period="month", amount=1, currency="USD", mode="hard",
        counts=["self_service"], set_by=UserFactory(email=AUTHOR), set_at=NOON, created_at=NOON,
    )  # fmt: skip


# By code: what happens, what would make it pass, and whether somebody is named who set it.
SITUATIONS = {
    "tenant_not_managed": (unmanaged, "The organisation gets a managed directory.", False),
    "sector_excluded": (sector, "The operator ends the exclusion of the sector.", False),
    "market_closed": (
        lambda ana, plan: Market.objects.all().delete(),
        "The operator opens United States of America for Power BI Pro.",
        False,
    ),
    "market_not_open_yet": (not_yet, "Wait until ", False),
    "operator_exclusion": (
        lambda ana, plan: ExclusionFactory(product=plan.product),
        "The operator ends the exclusion.",
        False,
    ),
    "product_not_self_service": (
        not_for_sale,
        "The operator sells Power BI Pro by self-service; an admin can buy it already.",
        False,
    ),
    "self_service_stopped": (stopped, "An admin lets people buy again.", True),
    "policy_disabled": (said("disabled"), "An admin sets Power BI Pro to Enabled.", True),
    "policy_trials_only": (
        said("only_trials_without_payment_method"),
        "An admin sets Power BI Pro to Enabled.",
        True,
    ),
    "spend_limit_exceeded": (spent, "Buy less, wait for the limit's next period, or an admin raises", True),
    "no_approver": (nobody_to_ask, "An admin names an approver.", False),
}
