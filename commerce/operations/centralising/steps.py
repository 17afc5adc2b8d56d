"""Centralising a product, one step after the other: whoever comes back goes on where somebody stopped."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import Centralisation, CentralisedPerson
from commerce.models import CentralisationStep as Step
from commerce.models.centralisation import BEFORE_SEATS
from commerce.operations.centralising import requests, self_service
from licensing.models import Product
from licensing.operations import central_seats
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant
from tenants.directory.operations import organisations
from tenants.journal import events
from tenants.refusal import BadInput, NotAllowed, Refused

MOST_PEOPLE = 200


class NobodyToCentralise(Refused):
    message = _("Nobody uses a self-service seat of this product.")


class WrongStep(Refused):
    message = _("Somebody went on meanwhile. Look at where it stands now.")


class NobodyLeft(Refused):
    message = _("Nobody of the people you chose is an active member any more. Choose others.")


def require_may_see(tenant: Tenant, by: Actor) -> None:
    """:raises NotAllowed: somebody who neither gives seats nor ends purchases, or does not see them all"""
    by.require_in(tenant, Right.SEE_PURCHASES)
    if not (by.is_system or by.may(Right.ASSIGN_CENTRAL_SEATS) or by.may(Right.END_PURCHASES_OF_OTHERS)):
        raise NotAllowed(_("Your roles in this organisation do not allow this."))


@transaction.atomic
def start(*, tenant: Tenant, product: Product, by: Actor, at: datetime) -> Centralisation:
    """
    Begin, or go on with the one that is under way.

    :raises NotAllowed: as `require_may_see`
    :raises NobodyToCentralise: nobody has a self-service seat of it
    """
    require_may_see(tenant, by)
    # Of two who begin at once the second finds what the first began.
    organisations.lock(tenant)
    there = Centralisation.objects.of(tenant).under_way().filter(product=product).first()
    if there is not None:
        return there
    if not self_service.seats_of(tenant, product).exists():
        raise NobodyToCentralise
    begun = Centralisation.objects.create(tenant=tenant, product=product, started_by=by.user, started_at=at)
    record("started", begun, by=by, at=at)
    return begun


@transaction.atomic
def choose(*, centralisation: Centralisation, members: Sequence[Membership], by: Actor, at: datetime) -> Centralisation:
    """
    Say who is to have a central seat; who was chosen before and is not now is left out.

    :raises NotAllowed: as `require_may_see`
    :raises WrongStep: seats were given already
    :raises BadInput: nobody, more than 200, or somebody without a self-service seat of it
    """
    locked = reached(centralisation, by, BEFORE_SEATS)
    wanted = {member.pk: member for member in members}
    if not wanted:
        raise BadInput(_("Choose at least one person."), field="people", code="required")
    if len(wanted) > MOST_PEOPLE:
        said = _("At most %(most)s people at once.") % {"most": MOST_PEOPLE}
        raise BadInput(said, field="people", code="max_length")
    seated = self_service.seats_of(locked.tenant, locked.product).filter(member__in=list(wanted))
    if set(seated.values_list("member_id", flat=True)) != set(wanted):
        raise BadInput(
            _("Somebody you chose has no self-service seat of it any more. Look at the list again."),
            field="people",
            code="invalid_choice",
        )
    locked.people.all().delete()
    CentralisedPerson.objects.bulk_create(
        CentralisedPerson(tenant=locked.tenant, centralisation=locked, member=member) for member in wanted.values()
    )
    go_to(locked, Step.COST)
    record("chosen", locked, by=by, at=at, members=list(wanted))
    return locked


@transaction.atomic
def accept_cost(*, centralisation: Centralisation, by: Actor, at: datetime) -> Centralisation:
    """
    Go on to the seats: what it costs was looked at. Nothing is bought.

    :raises NotAllowed: as `require_may_see`
    :raises WrongStep: nobody was chosen yet, or seats were given already
    """
    locked = reached(centralisation, by, (Step.COST, Step.SEATS))
    if locked.step == Step.COST:
        go_to(locked, Step.SEATS)
        record("cost_accepted", locked, by=by, at=at)
    return locked


@transaction.atomic
def assign(*, centralisation: Centralisation, by: Actor, at: datetime) -> Centralisation:
    """
    Give everybody who was chosen a free central seat, all or none. Who has left meanwhile is left out; whose purchaser
    has canceled meanwhile gets one all the same.

    :raises NotAllowed: `by` does not assign central seats
    :raises WrongStep: the cost was not looked at, or seats were given already
    :raises NobodyLeft: all of them have left
    :raises NoSeatLeft: fewer are free than people need one
    """
    by.require_in(centralisation.tenant, Right.ASSIGN_CENTRAL_SEATS)
    locked = reached(centralisation, by, (Step.SEATS,))
    chosen = list(locked.people.select_related("member__user", "member__tenant").order_by("pk"))
    here = [person for person in chosen if person.member.is_active]
    if not here:
        raise NobodyLeft
    members = [person.member for person in here]
    given = central_seats.give_own(tenant=locked.tenant, product=locked.product, members=members, by=by, at=at)
    for person in chosen:
        person.seat_in, person.left_out = given.get(person.member_id), person.member_id not in given
    CentralisedPerson.objects.bulk_update(chosen, ["seat_in", "left_out"])
    go_to(locked, Step.ASKING)
    record("assigned", locked, by=by, at=at, members=list(given))
    return locked


@transaction.atomic
def drop(*, centralisation: Centralisation, by: Actor, at: datetime) -> Centralisation:
    """
    Stop for good: what was asked for is withdrawn, seats that were given stay. Over already: nothing changes.

    :raises NotAllowed: as `require_may_see`; or purchasers were asked, and `by` does not end purchases
    """
    require_may_see(centralisation.tenant, by)
    locked = Centralisation.objects.select_related("tenant", "product").locked().get(pk=centralisation.pk)
    if locked.is_over:
        return locked
    for asked in locked.purchases.select_related("request__tenant").order_by("subscription"):
        requests.withdraw(request=asked.request, by=by, at=at)
    end(locked, Step.DROPPED, by=by, at=at)
    return locked


def reached(centralisation: Centralisation, by: Actor, steps: Sequence[Step]) -> Centralisation:
    """
    Locked, at one of these steps.

    :raises NotAllowed: as `require_may_see`. :raises WrongStep: it stands elsewhere by now
    """
    require_may_see(centralisation.tenant, by)
    locked = Centralisation.objects.select_related("tenant", "product").locked().get(pk=centralisation.pk)
    if locked.step not in steps:
        raise WrongStep
    return locked


def go_to(locked: Centralisation, step: Step) -> None:
    locked.step = step
    locked.save(update_fields=["step"])


def end(locked: Centralisation, step: Step, *, by: Actor, at: datetime) -> None:
    locked.step, locked.ended_at = step, at
    locked.save(update_fields=["step", "ended_at"])
    record("finished" if step == Step.DONE else "dropped", locked, by=by, at=at)


def record(what: str, centralisation: Centralisation, *, by: Actor, at: datetime, **more: object) -> None:
    events.record(
        f"centralisation.{what}",
        tenant=centralisation.tenant,
        by=by,
        at=at,
        subject=centralisation.pk,
        product=centralisation.product_id,
        **more,
    )
