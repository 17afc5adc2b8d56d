"""Forbidding products in tests, what becomes of purchases then, and how they stand."""

from commerce.operations.changes import policy_endings
from policies.operations import policies
from policies.operations.endings import Existing
from tenants.access import SYSTEM
from tests.factories import NOON

STOP, CANCEL = Existing(rule="stop_at_renewal"), Existing(rule="cancel")


def forbid(tenant, product, existing=STOP, by=SYSTEM, at=NOON, value="disabled", reason="Too dear"):
    return policies.set_product_policy(
        tenant=tenant, product=product, value=value, reason=reason, existing=existing, by=by, at=at
    )


def apply(at=NOON):
    return policy_endings.apply_due(at=at)


def now(subscription):
    subscription.refresh_from_db()
    return subscription.state, subscription.auto_renew, subscription.renewal_stopped_at
