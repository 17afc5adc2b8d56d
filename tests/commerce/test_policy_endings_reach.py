"""Which purchases a change of policy ends, each once, and which changes of policy end nothing."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.models import Refund
from licensing.models import Subscription
from policies.models import Ending
from policies.operations import dry_runs, policies, settings, values
from policies.operations.endings import Existing
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import Scope, Time
from tenants.access import SYSTEM
from tenants.ids import new_id
from tenants.journal.models import Event
from tenants.refusal import BadInput
from tests.commerce.changes import DAY
from tests.commerce.forbidding import CANCEL, STOP, apply, forbid, now
from tests.factories import NOON, MembershipFactory, buy, buy_centrally, price_centrally
from tests.race import at_once, between_transactions

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestWhatIsAffected:
    def test_leaves_what_was_bought_unless_it_says_otherwise(self, ana, plan):
        subscription = buy(ana, plan)
        policies.set_product_policy(
            tenant=ana.tenant, product=plan.product, value="disabled", reason="Too dear", by=SYSTEM, at=NOON
        )
        assert apply() == 0
        assert now(subscription) == ("active", True, None)
        assert "existing" not in Event.objects.get(type="policy.changed").data

    def test_is_what_the_dry_run_lists(self, ana, cleo, plan):
        mine, hers = buy(ana, plan), buy(cleo, plan)
        other = buy(MembershipFactory(tenant=ana.tenant), plan)
        stranger = buy(MembershipFactory(), plan)
        values.put(tenant=ana.tenant, scope=Scope(member=cleo), value="enabled", reason="Trusted", by=SYSTEM, at=NOON)
        change = Change(values=[NewValue(scope=Scope(product=plan.product), value="disabled")])
        touched = dry_runs.of(tenant=ana.tenant, change=change, by=SYSTEM, at=NOON)
        assert {row.pk for row in touched.subscriptions} == {mine.pk, other.pk}
        assert touched.subscriptions_count == 2
        forbid(ana.tenant, plan.product)
        assert {ending.subscription_id for ending in Ending.objects.all()} == {mine.pk, other.pk}
        apply()
        assert now(hers) == now(stranger) == ("active", True, None)

    def test_never_what_the_organisation_bought_itself(self, ana, plan):
        price_centrally(plan)
        subscription = buy_centrally(MembershipFactory(tenant=ana.tenant, roles=["billing_admin"]), plan)
        forbid(ana.tenant, plan.product)
        assert apply() == 0
        assert now(subscription)[1:] == (True, None)

    def test_a_stop_of_all_self_service_may_end_everything(self, ana, cleo, plan):
        bought = [buy(ana, plan), buy(cleo, plan)]
        values.put(tenant=ana.tenant, scope=Scope(member=cleo), value="enabled", reason="x", by=SYSTEM, at=NOON)
        settings.change(
            tenant=ana.tenant, self_service_enabled=False, existing=STOP, reason="Audit", by=SYSTEM, at=NOON
        )
        assert Event.objects.get(type="self_service.stopped").data["existing"] == "stop_at_renewal"
        assert apply() == 2
        assert [now(one)[1] for one in bought] == [False, False]

    def test_a_default_ends_what_has_no_value_of_its_own(self, ana, cleo, plan):
        mine, hers = buy(ana, plan), buy(cleo, plan)
        values.put(tenant=ana.tenant, scope=Scope(member=cleo), value="enabled", reason="x", by=SYSTEM, at=NOON)
        settings.change(
            tenant=ana.tenant, default_for_new_products="disabled", existing=STOP, reason="Audit", by=SYSTEM, at=NOON
        )
        apply()
        assert (now(mine)[1], now(hers)[1]) == (False, True)

    def test_a_value_for_later_ends_things_when_it_holds(self, ana, plan):
        subscription = buy(ana, plan)
        values.put(
            tenant=ana.tenant,
            scope=Scope(product=plan.product),
            value="disabled",
            reason="Later",
            time=Time(valid_from=NOON + 2 * DAY),
            existing=CANCEL,
            by=SYSTEM,
            at=NOON,
        )
        assert apply(NOON + DAY) == 0
        assert apply(NOON + 2 * DAY) == 1
        assert now(subscription)[0] == "disabled"


@pytest.mark.parametrize(
    ("existing", "value", "field"),
    [
        (Existing(rule="burn"), "disabled", "existing"),
        (STOP, "enabled", "existing"),
        (Existing(rule="stop_at_renewal", at=NOON + DAY), "disabled", "at"),
        (Existing(rule="cancel", at=NOON - DAY), "disabled", "at"),
        (Existing(rule="cancel", at=NOON + 9999 * DAY), "disabled", "at"),
    ],
)
def test_refuses_an_ending_that_makes_no_sense_and_changes_nothing(ana, plan, existing, value, field):
    buy(ana, plan)
    before = Event.objects.count()
    with pytest.raises(BadInput) as refusal:
        forbid(ana.tenant, plan.product, existing, value=value)
    assert refusal.value.field == field
    assert (Event.objects.count(), Ending.objects.count()) == (before, 0)


@between_transactions
def test_two_workers_end_each_once(ana, plan):
    for _ in range(3):
        buy(ana, plan)
    forbid(ana.tenant, plan.product, CANCEL)
    assert sum(at_once(lambda _: apply(), [1, 2])) == 3
    assert Refund.objects.count() == 3
    assert Event.objects.filter(type="policy.applied").count() == 3


def test_many_subscriptions_are_listed_with_as_many_statements_as_one(ana, plan):
    bought = buy(ana, plan)
    counted = []
    for count in (0, 40):
        rows = []
        for number in range(count):
            copy = Subscription.objects.get(pk=bought.pk)
            copy.pk, copy.order_ref, copy._state.adding = new_id(), f"copy-{number}", True
            copy.seats_assigned = 0
            rows.append(copy)
        Subscription.objects.bulk_create(rows)
        Ending.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            forbid(ana.tenant, plan.product, reason=f"Because of {count}")
        counted.append(len(queries))
    assert Ending.objects.count() == 41
    # The first one makes the row of the policy, the second changes it.
    assert abs(counted[0] - counted[1]) <= 1
