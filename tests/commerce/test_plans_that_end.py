"""A plan that the operator no longer sells: what runs of it ends with its term, and people are told why."""

import pytest

from commerce.operations.changes.reactivations import PlanNotRenewable
from commerce.operations.renewing import notices
from licensing.models import Plan, Subscription
from tests import ledger
from tests.commerce.changes import DAY, reactivate
from tests.commerce.conftest import all_is_well
from tests.commerce.renewing import advance, renewal_of, sweep
from tests.factories import buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def ending(ana, plan):
    held = buy(ana, plan, 2)
    Plan.objects.update(renewable=False)
    return Subscription.objects.select_related("plan__product", "tenant").get(pk=held.pk)


def test_is_not_renewed(ending):
    charged = ledger.captured()
    assert sweep(ending.term_end) == {"refused": 1}
    renewal = renewal_of(ending)
    assert (renewal.state, renewal.refused_by) == ("refused", ["plan_not_renewable"])
    assert ledger.captured() == charged
    assert all_is_well()


def test_is_said_ahead(ending):
    [reasons] = notices.reasons_against([ending])
    assert [reason["code"] for reason in reasons] == ["plan_not_renewable"]


@pytest.mark.parametrize("later", [-1, 1, 40])
def test_is_not_reactivated_while_it_runs_in_grace_or_when_it_is_disabled(ending, later):
    charged, at = ledger.captured(), ending.term_end + later * DAY
    Subscription.objects.filter(pk=ending.pk).update(auto_renew=False)
    advance(at)
    ending.refresh_from_db()
    before = ending.state
    with pytest.raises(PlanNotRenewable):
        reactivate(ending, at=at)
    ending.refresh_from_db()
    assert (ending.state, ending.auto_renew, ledger.captured()) == (before, False, charged)
