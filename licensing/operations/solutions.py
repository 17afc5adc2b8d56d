"""What partners offer beside products: written by a partner, shown to everybody once an operator has approved it."""

from collections.abc import Collection
from datetime import datetime
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from licensing.models import Product, Solution, SolutionState
from tenants.access import Actor, Right
from tenants.directory.delegations import Delegation
from tenants.directory.models import Tenant
from tenants.journal import events
from tenants.refusal import BadInput, Refused
from tenants.text import checked, require_one_line


class NotAPartner(Refused):
    message = _("Only an organisation that another one has let in as its partner offers solutions.")


class SolutionExists(Refused):
    message = _("Your organisation has a solution of that name already.")


class SolutionChanged(Refused):
    message = _("It was changed after you opened this page. Read it again, then decide.")


@transaction.atomic
def save(
    *,
    tenant: Tenant,
    name: str,
    text: str,
    link: str,
    products: Collection[Product],
    solution: Solution | None = None,
    by: Actor,
    at: datetime,
) -> Solution:
    """
    Offer a solution, or change one. Whatever is new about it waits for an operator: until then nobody is shown it.

    :raises NotAllowed: without the right to manage this tenant's delegations
    :raises NotAPartner: no organisation has let it in
    :raises BadInput: too long, no https address, or no product
    :raises SolutionExists: the tenant has one of that name
    """
    by.require_in(tenant, Right.MANAGE_DELEGATIONS)
    if not Delegation.objects.to_partner(tenant).filter(accepted_at__isnull=False).exists():
        raise NotAPartner
    require_one_line(name, field="name")
    said = {
        "name": checked(name, field="name", longest=100),
        "text": checked(text, field="text", longest=500),
        "link": _checked_link(link),
    }
    if not products:
        raise BadInput(_("Choose at least one product."), field="products", code="required")
    kept = Solution(tenant=tenant) if solution is None else solution
    for field, value in said.items():
        setattr(kept, field, value)
    kept.state, kept.changed_at, kept.decided_by, kept.decided_at = SolutionState.WAITING, at, None, None
    try:
        with transaction.atomic():
            kept.save()
    except IntegrityError as error:
        raise SolutionExists(field="name") from error
    kept.products.set(products)
    type = "solution.offered" if solution is None else "solution.changed"
    events.record(type, tenant=tenant, by=by, at=at, subject=kept.pk, products=sorted(each.pk for each in products))
    return kept


@transaction.atomic
def decide(*, solution: Solution, approve: bool, seen: datetime | None, by: Actor, at: datetime) -> Solution:
    """
    Let it be shown beside its products, or not, as it stood when who decides read it: since the change at `seen`.

    :raises NotAllowed: no operator
    :raises SolutionChanged: the partner has changed it since, and nobody has read that
    """
    by.require_operator()
    solution = Solution.objects.select_for_update(of=("self",), no_key=True).get(pk=solution.pk)
    if solution.changed_at != seen:
        raise SolutionChanged
    state = SolutionState.APPROVED if approve else SolutionState.DECLINED
    if solution.state not in (state, SolutionState.WITHDRAWN):
        _turn(solution, state, f"solution.{state.value}", by, at)
    return solution


@transaction.atomic
def withdraw(*, solution: Solution, by: Actor, at: datetime) -> Solution:
    """
    Nobody is shown it any more. A change offers it again.

    :raises NotAllowed: without the right to manage this tenant's delegations
    """
    by.require_in(solution.tenant, Right.MANAGE_DELEGATIONS)
    solution = Solution.objects.select_for_update(of=("self",), no_key=True).get(pk=solution.pk)
    if solution.state != SolutionState.WITHDRAWN:
        _turn(solution, SolutionState.WITHDRAWN, "solution.withdrawn", by, at)
    return solution


def _turn(solution: Solution, state: SolutionState, type: str, by: Actor, at: datetime) -> None:
    solution.state, solution.decided_by, solution.decided_at = state, by.user, at
    solution.save(update_fields=["state", "decided_by", "decided_at"])
    events.record(type, tenant=solution.tenant, by=by, at=at, subject=solution.pk)


def _checked_link(link: str) -> str:
    link = checked(link, field="link", longest=500)
    try:
        parts = urlsplit(link)
    except ValueError as error:
        raise BadInput(_("Type an address that begins with https://."), field="link") from error
    if parts.scheme != "https" or not parts.hostname:
        raise BadInput(_("Type an address that begins with https://."), field="link")
    return link
