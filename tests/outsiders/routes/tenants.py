"""Routes of people, organisations, and what is done with many rows."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from tenants.delivery.models import Job
from tenants.delivery.webhooks.models import WebhookDelivery
from tests.outsiders.routes.act import Act, Fill, nothing
from tests.outsiders.world import World


def _webhook(world: World) -> WebhookDelivery:
    return WebhookDelivery.objects.get(tenant=world.tenant)


ENTRIES: dict[str, Fill] = {
    "api/v1/members/<uuid:id>/": lambda w: {"id": w.owner.pk},
    "api/v1/members/<uuid:id>/roles/<str:role>/": lambda w: {"id": w.owner.pk, "role": "global_reader"},
    "admin/tenants/membership/<path:object_id>/roles/": lambda w: {"object_id": w.owner.pk},
    "admin/tenants/membership/<path:object_id>/second-factor/": lambda w: {"object_id": w.owner.pk},
    "admin/tenants/signinrules/<path:object_id>/change/": lambda w: {"object_id": w.tenant.pk},
    "api/v1/delegations/<uuid:id>/": lambda w: {"id": w.delegation.pk},
    "api/v1/delegations/<uuid:id>/accept/": lambda w: {"id": w.delegation.pk},
    "api/v1/webhook-endpoints/<uuid:id>/": lambda w: {"id": _webhook(w).endpoint_id},
    "api/v1/webhook-endpoints/<uuid:id>/rotate-secret/": lambda w: {"id": _webhook(w).endpoint_id},
    "api/v1/webhook-endpoints/<uuid:id>/deliveries/": lambda w: {"id": _webhook(w).endpoint_id},
    "api/v1/webhook-endpoints/<uuid:id>/deliveries/<uuid:delivery>/redeliver/": lambda w: {
        "id": _webhook(w).endpoint_id,
        "delivery": _webhook(w).pk,
    },
    "admin/tenants/delegation/<path:object_id>/change/": lambda w: {"object_id": w.delegation.pk},
    "admin/tenants/delegation/<uuid:object_id>/accept/": lambda w: {"object_id": w.delegation.pk},
    "admin/tenants/delegation/<uuid:object_id>/revoke/": lambda w: {"object_id": w.delegation.pk},
    "admin/tenants/tenant/<path:object_id>/change/": lambda w: {"object_id": w.tenant.pk},
    "admin/tenants/membership/<path:object_id>/change/": lambda w: {"object_id": w.owner.pk},
    "admin/tenants/domain/<path:object_id>/change/": lambda w: {"object_id": w.tenant.domains.get().pk},
    "admin/tenants/event/<path:object_id>/change/": lambda w: {"object_id": w.tenant.events.first().pk},
    "api/v1/runs/<uuid:id>/": lambda w: {"id": w.run.pk},
    "api/v1/runs/<uuid:id>/rows/": lambda w: {"id": w.run.pk},
    "admin/tenants/run/<path:object_id>/change/": lambda w: {"object_id": w.run.pk},
    "admin/tenants/run/<path:object_id>/stop/": lambda w: {"object_id": w.run.pk},
    "admin/tenants/run/<path:object_id>/again/": lambda w: {"object_id": w.run.pk},
    "admin/tenants/run/<path:object_id>/outcomes/": lambda w: {"object_id": w.run.pk},
    "admin/tenants/job/<path:object_id>/change/": lambda w: {"object_id": Job.objects.first().pk},
    "admin/tenants/sandboxclock/<path:object_id>/change/": lambda w: {"object_id": w.tenant.pk},
}


def _in_a_year() -> str:
    return (timezone.now() + timedelta(days=365)).isoformat()


def _failed(world: World) -> dict[str, Any]:
    world.run.rows.update(state="set_aside", done_at=timezone.now())
    return {}


PERSON = {"name": "Renamed", "state": "active", "source": "cloud"}

ACTS = [
    Act(
        "admin/tenants/delegation/<path:object_id>/change/",
        "POST",
        lambda w: {"last_day": _in_a_year()[:10]},
        by="admin",
    ),
    Act("admin/tenants/delegation/<uuid:object_id>/accept/", "POST", nothing, by="partner"),
    Act("admin/tenants/delegation/<uuid:object_id>/revoke/", "POST", nothing, by="admin"),
    Act("api/v1/delegations/<uuid:id>/", "PATCH", lambda w: {"ends_at": _in_a_year()}, by="admin"),
    Act("api/v1/delegations/<uuid:id>/", "DELETE", nothing, by="admin"),
    Act("api/v1/delegations/<uuid:id>/accept/", "POST", nothing, by="partner"),
    Act("api/v1/webhook-endpoints/<uuid:id>/", "PATCH", lambda w: {"state": "paused"}, by="admin"),
    Act("api/v1/webhook-endpoints/<uuid:id>/", "DELETE", nothing, by="admin"),
    Act("api/v1/webhook-endpoints/<uuid:id>/rotate-secret/", "POST", nothing, by="admin"),
    Act(
        "api/v1/webhook-endpoints/<uuid:id>/deliveries/<uuid:delivery>/redeliver/",
        "POST",
        nothing,
        by="admin",
    ),
    Act("api/v1/members/<uuid:id>/roles/<str:role>/", "PUT", nothing, by="admin"),
    Act("admin/tenants/run/<path:object_id>/stop/", "POST", nothing, by="admin"),
    Act("admin/tenants/run/<path:object_id>/again/", "POST", _failed, by="admin"),
    Act("admin/tenants/membership/<path:object_id>/change/", "POST", lambda w: PERSON, by="admin"),
    Act(
        "admin/tenants/signinrules/<path:object_id>/change/",
        "POST",
        lambda w: {"requires_second_factor": "on"},
        by="admin",
    ),
    Act("admin/tenants/membership/<path:object_id>/roles/", "POST", lambda w: {"roles": "global_reader"}, by="admin"),
    Act("api/v1/members/<uuid:id>/", "PATCH", lambda w: {"state": "disabled"}, by="admin"),
]

# Routes with an id that only show.
READ_ONLY = {
    "api/v1/runs/<uuid:id>/",
    "api/v1/runs/<uuid:id>/rows/",
    "api/v1/webhook-endpoints/<uuid:id>/deliveries/",
    "admin/tenants/run/<path:object_id>/change/",
    "admin/tenants/run/<path:object_id>/outcomes/",
}
