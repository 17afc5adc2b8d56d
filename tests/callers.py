"""Who calls, through the public edges: the API with a token, the web with a session."""

import json
import uuid
from datetime import timedelta
from functools import partial

from django.test import Client
from django.utils import timezone
from oauth2_provider.models import set_token_value

from tenants.access import SCOPES
from tenants.directory.models import Membership, User
from tenants.signin.models import TokenTenant
from tenants.signin.tokens import AccessToken


def token_for(who: Membership | User, *, scopes=SCOPES, lifetime=timedelta(days=1), tenant=None) -> str:
    """A token of a membership for its tenant, of a partner's person for a customer's, or of an operator for none."""
    user, home = (who.user, who.tenant) if isinstance(who, Membership) else (who, None)
    raw = uuid.uuid4().hex
    token = AccessToken(user=user, expires=timezone.now() + lifetime, scope=" ".join(scopes))
    set_token_value(token, raw)
    token.save()
    TokenTenant.objects.create(token=token, tenant=tenant or home)
    return raw


class Api:
    """`Api(membership).post("checkouts/", {"plan": …}, key="k")`; without a caller, a stranger."""

    def __init__(self, who: Membership | User | None = None, *, raise_errors: bool = True, client=Client, **token):
        self.client = client(raise_request_exception=raise_errors)
        self.headers = {"Authorization": f"Bearer {token_for(who, **token)}"} if who else {}

    def call(self, method, path, body=None, *, key=None, headers=None):
        url = path if path.startswith(("/", "http")) else f"/api/v1/{path}"
        sent = {**self.headers, **({"Idempotency-Key": key} if key is not None else {}), **(headers or {})}
        data = body if isinstance(body, str | bytes) else "" if body is None else json.dumps(body)
        return self.client.generic(method, url, data, content_type="application/json", headers=sent)

    def get(self, path, **kwargs):
        return self.call("GET", path, **kwargs)

    def post(self, path, body=None, **kwargs):
        return self.call("POST", path, {} if body is None else body, **kwargs)

    def put(self, path, body, **kwargs):
        return self.call("PUT", path, body, **kwargs)

    def patch(self, path, body, **kwargs):
        return self.call("PATCH", path, body, **kwargs)

    def delete(self, path, **kwargs):
        return self.call("DELETE", path, **kwargs)


class Brief(Client):
    """
    For walks of thousands of calls: a failure is an answer, too, and neither templates nor cookies of it are kept, so
    that every call is made as the one before. Copying the contexts of a page takes as long as many a page.
    """

    def request(self, **request):
        answer = self.handler(self._base_environ(**request))
        answer.json = partial(self._parse_json, answer)
        return answer


def signed_in(who: Membership | User, browser: type[Client] = Client) -> Client:
    """A browser of somebody who has signed in and acts for the membership's tenant."""
    client = browser()
    client.force_login(who.user if isinstance(who, Membership) else who)
    if isinstance(who, Membership):
        session = client.session
        session["acting_tenant"] = str(who.tenant_id)
        session.save()
    return client
