"""People who have long been here, and what they hold, for tests of waste."""

from datetime import timedelta

from django.utils import timezone

from licensing.operations import seats, waste
from tenants.access import SYSTEM
from tenants.directory.operations import people

DAY = timedelta(days=1)


def give(subscription, *members, by, at):
    return seats.assign(subscription=subscription, members=members, by=by, at=at)


def found(tenant, kind, at, **options):
    return [seat.member.name for seat in waste.found(tenant, kind, at=at, **options)]


def on_leave(member, until, by=SYSTEM):
    return people.change_member(membership=member, by=by, at=timezone.now(), away_until=until)
