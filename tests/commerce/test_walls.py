"""What the tables themselves refuse, whatever code forgets."""

import pytest
from django.db import IntegrityError, transaction

from commerce.models import DunningStep, LeaverTask, ScheduledChange
from licensing.models import Subscription
from tests.commerce.handing_over import leave
from tests.factories import NOON, buy, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def refuses(wall, write):
    with pytest.raises(IntegrityError, match=wall), transaction.atomic():
        write()


def test_dunning_ends_within_30_days_and_tries_nothing_on_the_first(tenant):
    steps = DunningStep.objects
    refuses("dunning_ends_within_30_days", lambda: steps.create(tenant=tenant, day=31))
    refuses("nothing_is_tried_on_day_0", lambda: steps.create(tenant=tenant, day=0, retry=True))
    steps.create(tenant=tenant, day=30)
    steps.create(tenant=tenant, day=0, retry=False)


def test_what_is_closed_says_when_and_nothing_else_does(ana, plan):
    held = buy(ana, plan, 3)
    leave(ana)
    task = LeaverTask.objects.all()
    refuses("a_closed_leaver_task_says_when", lambda: task.update(state="closed"))
    refuses("a_closed_leaver_task_says_when", lambda: task.update(closed_at=NOON))
    change = ScheduledChange.objects.create(
        tenant=ana.tenant, subscription=held, quantity=2, takes_effect_at=held.term_end, created_at=NOON
    )
    row = ScheduledChange.objects.filter(pk=change.pk)
    refuses("a_settled_change_says_when", lambda: row.update(state="applied"))
    refuses("a_settled_change_says_when", lambda: row.update(settled_at=NOON))


def test_only_what_was_bought_by_oneself_began_as_a_trial_that_converts(admin, plan):
    central = buy_centrally(admin, plan)
    refuses("only_self_service_converts", lambda: Subscription.objects.filter(pk=central.pk).update(converts=True))
