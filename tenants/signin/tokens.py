"""Bearer tokens of people: issued by the operator, stored as a checksum, acting in one tenant."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import get_access_token_model, set_token_value

from tenants.access import SCOPES, Actor, acting_memberships, actor_in, actor_of
from tenants.directory.models import Tenant, User
from tenants.journal import events
from tenants.refusal import BadInput, Refused
from tenants.signin.models import TokenTenant

AccessToken = get_access_token_model()


class NobodyToActAs(Refused):
    message = _("Nobody with this e-mail address may act there now.")


@transaction.atomic
def issue(
    *,
    email: str,
    tenant: Tenant | None = None,
    scopes: tuple[str, ...] = SCOPES,
    lifetime: timedelta,
    by: Actor,
    at: datetime,
) -> str:
    """
    A new token of a person for one tenant, by default their home. It is shown once: only its checksum is kept.

    :raises NotAllowed: neither an operator nor the system
    :raises NobodyToActAs: the person is unknown, disabled, has left, or is neither of that tenant nor of its partner
    :raises BadInput: an unknown scope
    """
    by.require_operator()
    if unknown := set(scopes) - set(SCOPES):
        raise BadInput(_("There is no scope %(names)s.") % {"names": ", ".join(sorted(unknown))}, field="scopes")
    user = User.objects.filter(email=email.lower()).first()
    if user is None:
        raise NobodyToActAs
    acting_in = where(user, tenant)
    raw = secrets.token_urlsafe(32)
    token = AccessToken(user=user, expires=at + lifetime, scope=" ".join(scopes))
    set_token_value(token, raw)
    token.save()
    TokenTenant.objects.create(token=token, tenant=acting_in.tenant)
    events.record(
        "token.issued",
        tenant=acting_in.tenant,
        by=by,
        at=at,
        subject=acting_in.membership.pk if acting_in.membership else user.pk,
        scopes=list(scopes),
        expires_at=at + lifetime,
    )
    return raw


def where(user: User, tenant: Tenant | None) -> Actor:
    """The person as they would act: in that tenant, else at home; an operator in none."""
    if tenant is not None or user.is_operator:
        found = actor_in(user, tenant.pk if tenant is not None else None)
    else:
        at_home = [membership for membership in acting_memberships(user) if not membership.is_guest]
        found = actor_of(at_home[0]) if at_home else None
    if found is None:
        raise NobodyToActAs
    return found


def checksum(raw: str) -> str:
    """How a token is stored: only this is in the database."""
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()


def find(raw: str, *, at: datetime) -> TokenTenant | None:
    """A token that is still good, with the tenant it acts in."""
    valid = TokenTenant.objects.filter(token__token_checksum=checksum(raw), token__expires__gt=at)
    return valid.select_related("token__user").first()


def forget_expired(*, at: datetime, at_once: int = 1000) -> int:
    """Remove tokens that are worth nothing any more, in batches of a transaction each. Returns how many there were."""
    removed = 0
    expired = AccessToken.objects.filter(expires__lte=at).order_by("pk")
    while batch := list(expired.values_list("pk", flat=True)[:at_once]):
        AccessToken.objects.filter(pk__in=batch).delete()
        removed += len(batch)
    return removed


def actor_behind(acting: TokenTenant) -> Actor | None:
    """
    The person as they are now: a token of somebody who was disabled or left, or whose delegation is over, is worth
    nothing.
    """
    user = acting.token.user
    return actor_in(user, acting.tenant_id) if user is not None else None
