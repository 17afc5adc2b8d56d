"""
What a purchase would cost and in which currency, asked of the app that knows prices. It lies above: settings name it.
"""

from datetime import datetime
from functools import cache
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from django.conf import settings

from licensing.models import Plan, Product
from policies.spending import Proposal
from tenants.directory.models import Tenant


class Asked(NamedTuple):
    """The purchase that a question is about, and what it would cost where it has a price."""

    plan: Plan | None = None
    quantity: int | None = None
    proposal: Proposal | None = None


class _Costs(Protocol):
    def of_purchase(
        self, product: Product, *, plan: Plan | None, quantity: int | None, tenant: Tenant, at: datetime
    ) -> Asked: ...

    def currency_of(self, tenant: Tenant) -> str: ...


def of_purchase(product: Product, *, plan: Plan | None, quantity: int | None, tenant: Tenant, at: datetime) -> Asked:
    return _costs().of_purchase(product, plan=plan, quantity=quantity, tenant=tenant, at=at)


def currency_of(tenant: Tenant) -> str:
    return _costs().currency_of(tenant)


@cache
def _costs() -> _Costs:
    return cast(_Costs, import_module(settings.PURCHASE_COSTS))
