"""Where an organisation's news goes: said, changed and taken back by its global admins."""

import secrets
from base64 import b64encode
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from tenants import outbound, sealing
from tenants.access import Actor, Right
from tenants.delivery.webhooks.models import DeliveryState, EndpointState, WebhookDelivery, WebhookEndpoint
from tenants.directory.models import Tenant
from tenants.directory.operations import organisations
from tenants.journal import events
from tenants.journal.models import EventPosition
from tenants.journal.types import TYPES
from tenants.refusal import BadInput, Refused

MOST = 10
PURPOSE = "webhook"
BOTH_SECRETS_FOR = timedelta(hours=24)
# What a person may turn an endpoint to; it is the service that disables one.
CHOSEN = (EndpointState.ACTIVE, EndpointState.PAUSED)


class TooManyWebhookEndpoints(Refused):
    message = _("An organisation has ten of these addresses at most. Remove one first.")


class WebhookEndpointNotActive(Refused):
    message = _("Nothing is sent to this address at present. Make it active first.")


@transaction.atomic
def add(
    *, tenant: Tenant, url: str, types: Collection[str] = (), loopback: bool, by: Actor, at: datetime
) -> tuple[WebhookEndpoint, str]:
    """
    Send what happens from now on to an address: these types of events, or all. Returns the secret by which it knows
    that they come from here: nobody can read it again. `loopback` as in `tenants.outbound`.

    :raises NotAllowed: no global admin of this tenant's own people
    :raises BadInput: no address of the public network by https, or a type that there is not
    :raises TooManyWebhookEndpoints: it has as many as it may
    """
    by.require_in(tenant, Right.MANAGE_WEBHOOKS)
    maker = by.home
    outbound.require_address(url, field="url", loopback=loopback)
    wanted = _known(types)
    # Row lock: how many there are is counted by one after another.
    organisations.lock(tenant)
    if WebhookEndpoint.objects.of(tenant).count() >= MOST:
        raise TooManyWebhookEndpoints
    # What was committed before gets its position now, so that it lies behind where this one begins.
    events.sequence(tenant.pk)
    secret = _new_secret()
    endpoint = WebhookEndpoint.objects.create(
        tenant=tenant,
        url=url,
        types=wanted,
        secret=_sealed(secret),
        position=EventPosition.objects.filter(tenant=tenant).aggregate(last=Max("position"))["last"] or 0,
        created_by=maker,
        created_at=at,
    )
    _record("webhook_endpoint.added", endpoint, by=by, at=at, types=wanted)
    return endpoint, secret


@transaction.atomic
def change(
    *,
    endpoint: WebhookEndpoint,
    url: str | None = None,
    types: Collection[str] | None = None,
    state: str | None = None,
    loopback: bool,
    by: Actor,
    at: datetime,
) -> WebhookEndpoint:
    """
    Change what is named. One that is active again goes on where it stopped: nothing of what happened meanwhile is lost.

    :raises NotAllowed: no global admin of this tenant's own people
    :raises BadInput: as for `add`, or a state that nobody can choose
    """
    endpoint = _locked(endpoint, by)
    asked: dict[str, object] = {}
    if url is not None:
        outbound.require_address(url, field="url", loopback=loopback)
        asked["url"] = url
    if types is not None:
        asked["types"] = _known(types)
    if state is not None:
        if state not in CHOSEN:
            raise BadInput(_("Choose active or paused."), field="state", code="invalid_choice")
        asked["state"] = state
    changed = {name: value for name, value in asked.items() if getattr(endpoint, name) != value}
    if not changed:
        return endpoint
    for name, value in changed.items():
        setattr(endpoint, name, value)
    if "state" in changed:
        endpoint.disabled_because, endpoint.disabled_at = "", None
        endpoint.failing_since, endpoint.failed_at = None, None
    endpoint.save()
    # Never the address: it may hold what only its owner should know.
    told = {name: value for name, value in changed.items() if name != "url"}
    _record("webhook_endpoint.changed", endpoint, by=by, at=at, changed=sorted(changed), **told)
    return endpoint


@transaction.atomic
def rotate(*, endpoint: WebhookEndpoint, by: Actor, at: datetime, now: datetime) -> tuple[WebhookEndpoint, str]:
    """
    Make a new secret, returned this once. The present one signs as well for a day of the world's time, which is `now`.

    :raises NotAllowed: no global admin of this tenant's own people
    """
    endpoint = _locked(endpoint, by)
    secret = _new_secret()
    endpoint.previous_secret, endpoint.previous_until = endpoint.secret, now + BOTH_SECRETS_FOR
    endpoint.secret = _sealed(secret)
    endpoint.save(update_fields=["secret", "previous_secret", "previous_until"])
    _record("webhook_secret.rotated", endpoint, by=by, at=at)
    return endpoint, secret


@transaction.atomic
def remove(*, endpoint: WebhookEndpoint, by: Actor, at: datetime) -> None:
    """
    Send nothing there any more; what was sent is forgotten, too.

    :raises NotAllowed: no global admin of this tenant's own people
    """
    endpoint = _locked(endpoint, by)
    _record("webhook_endpoint.removed", endpoint, by=by, at=at)
    endpoint.delete()


@transaction.atomic
def redeliver(*, delivery: WebhookDelivery, by: Actor, at: datetime, now: datetime) -> WebhookDelivery:
    """
    Have it sent once more, with all tries that a new one has. What is due for the first time stays as it is. `now` is
    the world's time, by which it is sent.

    :raises NotAllowed: no global admin of this tenant's own people
    :raises WebhookEndpointNotActive: nothing is sent there at present
    """
    # Row locks: the endpoint before what goes there.
    endpoint = _locked(delivery.endpoint, by)
    if endpoint.state != EndpointState.ACTIVE:
        raise WebhookEndpointNotActive
    delivery = WebhookDelivery.objects.locked().select_related("event").get(pk=delivery.pk)
    if delivery.state == DeliveryState.DUE and delivery.attempts == 0:
        return delivery
    delivery.state, delivery.attempts, delivery.next_try_at = DeliveryState.DUE, 0, now
    delivery.save(update_fields=["state", "attempts", "next_try_at"])
    _record("webhook_delivery.repeated", endpoint, by=by, at=at, delivery=delivery.pk, event=delivery.event_id)
    return delivery


def secrets_of(endpoint: WebhookEndpoint, *, at: datetime) -> list[bytes]:
    """Those that sign at a moment, the present one first; none where the service cannot open them any more."""
    kept = [endpoint.secret]
    if endpoint.previous_until is not None and endpoint.previous_until > at:
        kept.append(endpoint.previous_secret)
    return [secret for secret in (sealing.opened(each, purpose=PURPOSE) for each in kept) if secret is not None]


def _new_secret() -> str:
    """As the specification writes it."""
    return f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"


def _sealed(secret: str) -> str:
    return sealing.sealed(secret.encode(), purpose=PURPOSE)


def _known(types: Collection[str]) -> list[str]:
    for index, type in enumerate(types):
        if type not in TYPES:
            said = _("There is no event of the type %(type)s.") % {"type": type}
            raise BadInput(said, field=f"types.{index}", code="unknown_type")
    return sorted(set(types))


def _locked(endpoint: WebhookEndpoint, by: Actor) -> WebhookEndpoint:
    by.require_in(endpoint.tenant, Right.MANAGE_WEBHOOKS)
    return WebhookEndpoint.objects.locked().select_related("tenant", "created_by__user").get(pk=endpoint.pk)


def _record(type: str, endpoint: WebhookEndpoint, *, by: Actor, at: datetime, **data: object) -> None:
    events.record(type, tenant=endpoint.tenant, by=by, at=at, subject=endpoint.pk, **data)
