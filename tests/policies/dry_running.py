"""Asking for products, and trying a change of policy out on what was answered."""

import itertools

from licensing.models import Channel, Plan
from licensing.operations import subscriptions
from policies.eligibility import decide
from policies.operations import decisions, dry_runs, values
from policies.operations.proposed import Change
from policies.operations.scopes import Scope
from tenants.access import SYSTEM
from tenants.ids import new_id
from tests.factories import NOON, PlanFactory, acting


def asked(world, at=NOON):
    """Everybody asks for everything; returns the answers as they were kept, in the order of asking."""
    ana, ben, product, other = world
    found = []
    for member, wanted, trial in itertools.product((ana, ben), (product, other), (False, True)):
        answer = decide(member, wanted, at=at, quantity=1, trial=trial)
        found.append(decisions.keep(answer=answer, by=acting(member), at=at, quantity=1, trial=trial))
    return found


def say(tenant, value, at=NOON, **scope):
    return values.put(tenant=tenant, scope=Scope(**scope), value=value, reason="Because", by=SYSTEM, at=at)


def told(touched):
    return [(d.member, d.product, d.old, d.new) for d in touched.decisions]


def dry_run(tenant, *new, at=NOON, **change):
    return dry_runs.of(tenant=tenant, change=Change(values=new, **change), by=SYSTEM, at=at)


def have(member, product):
    """Somebody has bought it."""
    return subscriptions.grant(
        plan=Plan.objects.filter(product=product).first() or PlanFactory(product=product),
        quantity=1,
        channel=Channel.SELF_SERVICE,
        purchaser=member,
        order_ref=str(new_id()),
        by=SYSTEM,
        at=NOON,
    )
