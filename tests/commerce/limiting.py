"""Spend limits in tests: set by an admin, and what is taken of them."""

from decimal import Decimal

from policies.models import SpendLimit
from policies.operations import spend_limits
from policies.operations.spend_limits import Terms
from tests.factories import NOON, admin_of

MARCH = 2026 * 12 + 2
PRICE = Decimal("19.98")


def limit(tenant, amount, level="tenant", scope=None, period="month", currency="USD", **terms):
    return spend_limits.add(
        tenant=tenant,
        level=level,
        scope_id=str(scope.pk) if scope else "",
        terms=Terms(period=period, amount=Decimal(amount), currency=currency, **terms),
        reason="The budget of 2026",
        by=admin_of(tenant),
        at=NOON,
    )


def taken(limit, month=MARCH):
    found = SpendLimit.objects.with_sums(limit.tenant, month).get(pk=limit.pk)
    return found.committed, found.charged
