"""Who calls the API: a bearer token, which acts in exactly one tenant (an operator's in none). Not by session."""

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from tenants.access import Actor
from tenants.directory.models import User
from tenants.signin import tokens

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
        acting = tokens.find(raw.strip(), at=timezone.now())
        actor = tokens.actor_behind(acting) if acting else None
        if acting is None or actor is None or actor.user is None:
            raise AuthenticationFailed(_("The token is unknown, has expired, or its person may not sign in."))
        return actor.user, Grant(actor=actor, scopes=frozenset(acting.token.scope.split()))

    def authenticate_header(self, request: Request) -> str:
        sent = request.headers.get("Authorization", "").lower().startswith("bearer")
        return f'{CHALLENGE}, error="invalid_token"' if sent else CHALLENGE
