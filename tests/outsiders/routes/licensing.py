"""Routes of what there is, and who sits on it."""

from typing import Any

from django.utils import timezone

from licensing.models import LifecycleDays, Solution
from tests import factories
from tests.outsiders.routes.act import Act, Fill, nothing
from tests.outsiders.world import World
from tests.tenants.partners import let_in


def _solution(world: World) -> Solution:
    said = {"text": "Nice", "link": "https://nice.example/", "changed_at": world.tenant.created_at}
    return Solution.objects.get_or_create(tenant=world.tenant, name="Reports", defaults=said)[0]


ENTRIES: dict[str, Fill] = {
    **{
        f"admin/licensing/solution/<{kind}:object_id>/{page}/": lambda w: {"object_id": _solution(w).pk}
        for kind, page in (("path", "change"), ("uuid", "approve"), ("uuid", "decline"), ("uuid", "withdraw"))
    },
    "api/v1/subscriptions/<uuid:id>/seats/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/seats/release/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/seats/<uuid:seat>/": lambda w: {"id": w.subscription.pk, "seat": w.seat.pk},
    "admin/licensing/family/<path:object_id>/change/": lambda w: {"object_id": w.plan.product.family_id},
    "admin/licensing/product/<path:object_id>/change/": lambda w: {"object_id": w.plan.product_id},
    "admin/licensing/plan/<path:object_id>/change/": lambda w: {"object_id": w.plan.pk},
    "admin/licensing/lifecycledays/<path:object_id>/change/": lambda w: {"object_id": LifecycleDays.objects.first().pk},
    "admin/licensing/lifecycledays/<path:object_id>/remove/": lambda w: {"object_id": LifecycleDays.objects.first().pk},
}


def _seen(world: World) -> dict[str, Any]:
    return {"seen": _solution(world).changed_at.isoformat()}


def _offered(world: World) -> dict[str, Any]:
    """By an organisation that is somebody's partner."""
    let_in(factories.TenantFactory(), at=timezone.now(), partner=world.tenant)
    return {"name": "Renamed", "text": "Better", "link": "https://better.example/", "products": world.plan.product_id}


ACTS = [
    Act("admin/licensing/solution/<path:object_id>/change/", "POST", _offered, by="admin"),
    Act("admin/licensing/solution/<uuid:object_id>/approve/", "POST", _seen, by="operator"),
    Act("admin/licensing/solution/<uuid:object_id>/decline/", "POST", _seen, by="operator"),
    Act("admin/licensing/solution/<uuid:object_id>/withdraw/", "POST", nothing, by="admin"),
    Act("api/v1/subscriptions/<uuid:id>/seats/", "POST", lambda w: {"members": [w.colleague.user.email]}),
    Act("api/v1/subscriptions/<uuid:id>/seats/release/", "POST", lambda w: {"members": [w.owner.user.email]}),
    Act("api/v1/subscriptions/<uuid:id>/seats/<uuid:seat>/", "DELETE", nothing),
]

READ_ONLY: set[str] = set()  # but for those of the admin
