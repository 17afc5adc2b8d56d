"""Filters of the list of purchases that people keep, for themselves or for everybody in the organisation."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import SavedFilter
from commerce.models.saved_filter import SavedFilterQuerySet
from commerce.operations.procurement import columns as all_columns
from commerce.operations.procurement import found
from tenants.access import Actor, Right
from tenants.directory.models import Tenant
from tenants.directory.operations import organisations
from tenants.journal import events
from tenants.refusal import BadInput, NotAllowed, Refused
from tenants.text import checked

LONGEST_NAME, MOST = 80, 100


class FilterExists(Refused):
    message = _("You keep a filter of this name already.")


class TooManyFilters(Refused):
    message = _("You keep 100 filters. Remove one that you no longer use first.")


def usable(by: Actor) -> SavedFilterQuerySet:
    """What somebody may use where they act: their own, and what others share; by name."""
    if by.tenant is None or by.user is None or not by.may(Right.SEE_CENTRAL_PURCHASES):
        return SavedFilter.objects.none()
    return SavedFilter.objects.of(by.tenant).usable_by(by.user).select_related("user").order_by("name", "pk")


@transaction.atomic
def keep(
    *, name: str, query: Mapping[str, str], columns: Collection[str] = (), shared: bool = False, by: Actor, at: datetime
) -> SavedFilter:
    """
    Keep a query under a name.

    :raises NotAllowed: somebody who sees no purchases of the organisation, or an operator, who acts in none
    :raises BadInput: no name, a query that nothing can be, or a column that does not exist
    :raises FilterExists: the person has one of this name
    :raises TooManyFilters: the person keeps 100
    """
    tenant = _tenant_of(by)
    name = checked(name, field="name", longest=LONGEST_NAME)
    if not name:
        raise BadInput(_("Type a name."), field="name", code="required")
    found.purchases(by=by, query=query, at=at)
    all_columns.require_listed(columns)
    # Row lock: how many there are is counted by one after another.
    organisations.lock(tenant)
    mine = SavedFilter.objects.of(tenant).filter(user=by.user)
    if mine.count() >= MOST:
        raise TooManyFilters
    kept = SavedFilter(
        tenant=tenant,
        user=by.user,
        name=name,
        query=found.asked(query),
        columns=all_columns.narrowed(columns),
        shared=shared,
        created_at=at,
    )
    try:
        with transaction.atomic():
            kept.save(force_insert=True)
    except IntegrityError:
        raise FilterExists(field="name") from None
    events.record("filter.kept", tenant=tenant, by=by, at=at, subject=kept.pk, shared=shared)
    return kept


@transaction.atomic
def remove(*, kept: UUID, by: Actor, at: datetime) -> None:
    """
    Remove one's own filter, or one that somebody shares if one manages the organisation's billing. Gone already:
    nothing happens.

    :raises NotAllowed: it is shared by somebody else, and the person does not change what concerns all
    """
    tenant = _tenant_of(by)
    row = usable(by).select_for_update(of=("self",)).filter(pk=kept).first()
    if row is None:
        return
    if row.user != by.user and not by.may(Right.CHANGE_BILLING):
        raise NotAllowed(_("Only who keeps this filter, or a billing admin, removes it."))
    row.delete()
    events.record("filter.removed", tenant=tenant, by=by, at=at, subject=kept, shared=row.shared)


def _tenant_of(by: Actor) -> Tenant:
    if by.tenant is None or by.user is None:
        raise NotAllowed(_("This is for the people of an organisation; an operator belongs to none."))
    by.require(Right.SEE_CENTRAL_PURCHASES)
    return by.tenant
