"""The preview of a change of policy: the form comes back with what it would touch, and nothing is changed."""

from collections.abc import Iterable

from django.utils import timezone

from policies.admin.shown import tenant_of
from policies.forms import ValueForm
from policies.operations import dry_runs, values
from policies.operations.dry_runs import Touched
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import STANDING, Scope, Time
from tenants.access import Actor
from tenants.refusal import Refused

# The name of the button that asks for it.
PREVIEW = "preview"


def tried(actor: Actor, form: ValueForm, scopes: Iterable[Scope], time: Time = STANDING) -> Touched | None:
    """What the form's value would touch; what is wrong is said on the form."""
    tenant, at, value = tenant_of(actor), timezone.now(), form.cleaned_data["value"]
    new = [NewValue(scope=scope, value=value, time=time) for scope in scopes]
    try:
        for one in new:
            values.check(tenant, one.scope, time, at=at)
        values.check_existing(form.said_of_existing, value, at=at)
        return dry_runs.of(tenant=tenant, change=Change(values=new), by=actor, at=at)
    except Refused as refused:
        form.add_error(refused.field if refused.field in form.fields else None, str(refused))
        return None
