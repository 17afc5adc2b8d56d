"""The preview of a change of policy: the form comes back with what it would touch, and nothing is changed."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from policies.admin.shown import tenant_of
from policies.forms import ExistingForm, ValueForm
from policies.models import Reach
from policies.operations import dry_runs, endings, settings, values
from policies.operations.dry_runs import Touched
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import STANDING, Scope, Time
from tenants.access import Actor
from tenants.procurement_form import blame
from tenants.refusal import Refused

# The name of the button that asks for it.
PREVIEW = "preview"


def tried(actor: Actor, form: ValueForm, scopes: Iterable[Scope], time: Time = STANDING) -> Touched | None:
    """What the form's value would touch; what is wrong is said on the form."""
    value = form.cleaned_data["value"]
    new = [NewValue(scope=scope, value=value, time=time) for scope in scopes]

    def check(at: datetime) -> None:
        for one in new:
            values.check(tenant_of(actor), one.scope, time, at=at)
        values.check_existing(form.said_of_existing, value, at=at)

    return _tried(actor, form, Change(values=new), check)


def settings_tried(actor: Actor, form: ExistingForm, **wanted: Any) -> Touched | None:
    """What another default, or a stop and its end, would touch; what is wrong is said on the form."""
    default, enabled = wanted.get("default_for_new_products"), wanted.get("self_service_enabled")
    change = Change(
        values=[NewValue(scope=Scope(), value=default)] if default else [],
        stopped=None if enabled is None else not enabled,
    )

    def check(at: datetime) -> None:
        settings.check_existing(form.said_of_existing, at=at, **wanted)

    return _tried(actor, form, change, check)


def tell(request: HttpRequest, reaches: Iterable[Reach | None]) -> None:
    """What a change that was just made does to what people have."""
    for sentence in endings.reach_told(reaches):
        messages.info(request, sentence)


def _tried(actor: Actor, form: ExistingForm, change: Change, check: Callable[[datetime], None]) -> Touched | None:
    at = actor.now()
    try:
        check(at)
        return dry_runs.of(tenant=tenant_of(actor), change=change, by=actor, at=at)
    except Refused as refused:
        blame(form, refused)
        return None
