"""
Two organisations, one clock that only goes forward, and the sweeps; after each step everything that must always hold is
asked. What happens there is in `tests.lifecycle.machine`.
"""

import logging
from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from decimal import Decimal

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from commerce.operations.accounts.invariants import CHECKS
from licensing.models import Subscription, Term
from policies.operations import settings
from tenants.access import SYSTEM
from tenants.directory.models import Membership
from tenants.journal.models import Event
from tenants.refusal import Refused
from tests.factories import (
    NOON,
    MarketFactory,
    MembershipFactory,
    PlanFactory,
    PriceFactory,
    TaxRateFactory,
    TenantFactory,
    open_checkout,
    pay,
    plan_on_sale,
)
from tests.lifecycle import books, schedule

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
GOOD, PAYS_ONCE = "pm_card_visa", "pm_card_chargeCustomerFail"
# More rounds than anything needs: what moves after that moves for ever.
ROUNDS = 12
# What is refused for these reasons has tried nothing, so there is nothing to look at.
TRIED_NOTHING = {"subscription_inactive", "not_allowed", "no_seat_left", "invalid", "changed_since_preview"}
# What was done and what came of it, over all machines, for a test that asks whether chance got everywhere.
reached = Counter()


class Heard(logging.Handler):
    """What the sweeps report instead of stopping."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.errors = []

    def emit(self, record):
        self.errors.append(self.format(record))


class World(RuleBasedStateMachine):
    """Every example begins with nothing and leaves nothing, here and at the provider."""

    def __init__(self):
        super().__init__()
        self.now, self.heard = NOON, Heard()
        self.stack = ExitStack()
        for database in ("default", "sandbox"):
            self.stack.enter_context(transaction.atomic(using=database))
            self.stack.callback(transaction.set_rollback, True, using=database)
        for name in ("commerce", "licensing", "policies"):
            logger = logging.getLogger(name)
            logger.addHandler(self.heard)
            self.stack.callback(logger.removeHandler, self.heard)
        # Whether the sweeps have been round since the last deed, and something happened since it was last looked at.
        self.is_settled, self.is_unseen = True, False

    def teardown(self):
        with self.stack:
            if not connection.needs_rollback:
                reached.update(Event.objects.values_list("type", flat=True))

    @initialize(first=st.integers(1, 4), card=st.sampled_from([GOOD, PAYS_ONCE]))
    def two_organisations(self, first, card):
        monthly = plan_on_sale("9.99")
        annual = PriceFactory(plan=PlanFactory(product=monthly.product, term=Term.YEAR), amount=Decimal("99.90")).plan
        MarketFactory(country="DE")
        TaxRateFactory()
        self.product, self.plans = monthly.product, [monthly.pk, monthly.pk, annual.pk]
        tenants = [
            TenantFactory(country="US", time_zone="America/New_York"),
            TenantFactory(country="DE", time_zone="Europe/Berlin"),
        ]
        self.admins = [MembershipFactory(tenant=tenant, roles=["global_admin"]) for tenant in tenants]
        self.people = [MembershipFactory(tenant=tenant) for tenant in tenants for _person in range(3)]
        settings.change(tenant=tenants[1], leaver_default="let_end", by=SYSTEM, at=NOON)
        pay(open_checkout(self.people[0], monthly, first), card)

    # --- What the rules are made of

    def member(self, index):
        return Membership.objects.select_related("tenant", "user").get(pk=self.people[index % len(self.people)].pk)

    def subscription(self, index):
        keys = list(Subscription.objects.order_by("created_at", "pk").values_list("pk", flat=True))
        return Subscription.objects.with_people().get(pk=keys[index % len(keys)])

    @contextmanager
    def asked(self, what):
        """A refusal is an answer; anything else is a defect."""
        try:
            yield
            reached[what] += 1
            self.is_settled = False
        except Refused as no:
            reached[f"{what}: {no.code}"] += 1
            self.is_settled = self.is_settled and no.code in TRIED_NOTHING

    def settle(self):
        """The sweeps come round every minute, until nothing moves."""
        for _round in range(ROUNDS):
            self.now += MINUTE
            if not schedule.run(self.now):
                self.is_settled = self.is_unseen = True
                return
        raise AssertionError("the sweeps do not come to an end")

    def pass_time(self, span, *, silent=False):
        if not span:
            return
        self.now += span
        if silent:
            with schedule.silent_provider():
                schedule.run(self.now)
            self.now += 5 * MINUTE  # nobody asks again at once
            reached["silence"] += 1
        self.settle()
        self.is_unseen = True

    # --- What must always hold

    @invariant()
    def nothing_is_wrong(self):
        if self.is_settled and not self.is_unseen:
            return
        if not self.is_settled:
            self.settle()
        self.is_unseen = False
        connection.check_constraints()
        found = [*self.heard.errors, *(f"{check.__name__}: {told}" for check in CHECKS for told in check())]
        found += books.wrong(self.now, self.people)
        assert not found, "\n".join(found)
