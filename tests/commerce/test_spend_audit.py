"""The audit of spend limits finds what does not fit, and what was bought before there were any is counted."""

import importlib

import pytest
from django.db import connection

from commerce.operations.accounts.invariants import CHECKS
from commerce.operations.changes import cancellations
from policies.models import Commitment
from tests.commerce.conftest import all_is_well
from tests.factories import (
    NOON,
    DepartmentFactory,
    MembershipFactory,
    acting,
    buy,
    buy_centrally,
    open_checkout,
    pay,
    price_centrally,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def findings():
    return [finding for check in CHECKS for finding in check()]


@pytest.fixture
def story(ana, plan):
    """Purchases of both channels, one of them given back, and one that waits for its cardholder."""
    ana.department = DepartmentFactory(tenant=ana.tenant, parent=DepartmentFactory(tenant=ana.tenant))
    ana.save()
    buy(ana, plan)
    cancellations.cancel_subscription(subscription=buy(ana, plan, 3), reason="", by=acting(ana), at=NOON)
    buy_centrally(MembershipFactory(tenant=ana.tenant, roles=["billing_admin"]), price_centrally(plan))
    pay(open_checkout(ana, plan), "pm_card_authenticationRequired")
    assert all_is_well()


def test_finds_a_charge_that_is_not_counted(story):
    Commitment.objects.filter(step=0, settled=True, amount__gt=0).first().delete()
    [finding] = findings()
    assert finding.startswith("order ")
    assert finding.endswith("its total does not count towards spend limits")


def test_finds_a_refund_that_is_not_counted(story):
    Commitment.objects.get(amount__lt=0).delete()
    [finding] = findings()
    assert finding.endswith("what it gave back still counts towards spend limits")


def test_finds_renewals_that_are_not_counted(story):
    Commitment.objects.filter(step=1, subscription__isnull=False).first().delete()
    [finding] = findings()
    assert finding.endswith("its renewals do not count towards spend limits")


def test_finds_what_nobody_will_pay(story):
    row = Commitment.objects.filter(step=0, settled=True, amount__gt=0).first()
    row.pk, row.subject, row.settled, row.subscription = None, MembershipFactory().pk, False, None
    row.save(force_insert=True)
    [finding] = findings()
    assert finding.endswith("counts towards spend limits, and nothing waits to be paid")


def rows():
    names = ["tenant", "subject", "member", "departments", "product", "subscription", "counts_as", "amount", "currency"]
    charged = Commitment.objects.exclude(settled=False, subscription=None).order_by("subject", "step")
    return [
        (*row[:3], sorted(row[3]), *row[4:]) for row in charged.values_list(*names, "step", "settled", "created_at")
    ]


def test_what_was_bought_before_is_counted_as_if_it_were_bought_now(story):
    before = rows()
    assert len(before) == 7  # three charges, their renewals, a refund
    Commitment.objects.all().delete()
    backfill = importlib.import_module("commerce.migrations.0018_count_what_was_bought")
    with connection.cursor() as cursor:
        for statement in (backfill.CHARGES, backfill.RENEWALS, backfill.REFUNDS):
            cursor.execute(statement)
    assert rows() == before
    assert all_is_well()
