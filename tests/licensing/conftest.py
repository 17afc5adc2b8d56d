import json

import pytest
from django.core.management import call_command

from licensing.models import Seat
from licensing.operations import seats, subscriptions
from tests.factories import NOON, MembershipFactory, PlanFactory, acting


@pytest.fixture
def load(capsys):
    """Load a catalogue; returns how many of each kind were added, changed and left."""

    def run(path, **options):
        call_command("load_catalogue", str(path), json=True, **options)
        return {
            row["kind"]: (row["added"], row["changed"], row["unchanged"]) for row in json.loads(capsys.readouterr().out)
        }

    return run


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "catalogue.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def granted(quantity=2, owner=None, **options):
    """A subscription as a paid order grants it, without the order."""
    owner = owner or MembershipFactory()
    options = {"plan": PlanFactory(), "channel": "self_service", "order_ref": f"order-{owner.pk}"} | options
    return subscriptions.grant(quantity=quantity, purchaser=owner, by=acting(owner), at=NOON, **options)


def colleagues(subscription, number=1):
    return MembershipFactory.create_batch(number, tenant=subscription.tenant)


def assign(subscription, *members, by=None, at=NOON):
    by = by or acting(subscription.owner)
    return seats.assign(subscription=subscription, members=members, by=by, at=at)


def release(subscription, *members, by=None, at=NOON):
    by = by or acting(subscription.owner)
    return seats.release(subscription=subscription, members=members, by=by, at=at)


def sitting(subscription):
    subscription.refresh_from_db()
    people = {seat.member for seat in Seat.objects.open().filter(subscription=subscription)}
    assert subscription.seats_assigned == len(people)
    return people
