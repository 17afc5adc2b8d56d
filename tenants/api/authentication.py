"""Who calls the API: a bearer token, which acts in exactly one tenant (an operator's in none). Not by session."""

import hashlib
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import get_access_token_model
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from tenants.access import Actor, actor_of, is_welcome
from tenants.api.models import TokenTenant
from tenants.directory.models import Membership, User

AccessToken = get_access_token_model()

CHALLENGE = 'Bearer realm="seatwise"'


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a token allows at most: `request.auth` of an API call."""

    actor: Actor
    scopes: frozenset[str]


class BearerAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, Grant] | None:
        scheme, _space, raw = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        acting = find(raw.strip())
        actor = actor_behind(acting) if acting else None
        if acting is None or actor is None or actor.user is None:
            raise AuthenticationFailed(_("The token is unknown, has expired, or its person may not sign in."))
        return actor.user, Grant(actor=actor, scopes=frozenset(acting.token.scope.split()))

    def authenticate_header(self, request: Request) -> str:
        sent = request.headers.get("Authorization", "").lower().startswith("bearer")
        return f'{CHALLENGE}, error="invalid_token"' if sent else CHALLENGE


def checksum(raw: str) -> str:
    """How a token is stored: only this is in the database."""
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()


def find(raw: str) -> TokenTenant | None:
    valid = TokenTenant.objects.filter(token__token_checksum=checksum(raw), token__expires__gt=timezone.now())
    return valid.select_related("token__user").first()


def actor_behind(acting: TokenTenant) -> Actor | None:
    """The person as they are now: a token of somebody who was disabled or left is worth nothing."""
    user = acting.token.user
    if user is None or not is_welcome(user):
        return None
    if acting.tenant_id is None:
        return Actor(user=user) if user.is_operator else None
    memberships = Membership.objects.active().select_related("tenant", "user", "department")
    membership = memberships.filter(user=user, tenant_id=acting.tenant_id).first()
    return actor_of(membership) if membership else None
