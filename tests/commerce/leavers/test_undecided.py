"""What holds of a leaver's purchases where nobody decides: what the organisation has set, or that they go on."""

import pytest

from commerce.models import LeaverTask, PaymentSource
from commerce.operations.leaving import decisions
from licensing.models import Subscription
from policies.models import TenantSettings
from policies.operations import settings
from tenants.access import SYSTEM
from tenants.directory.operations import people
from tenants.refusal import BadInput
from tests.commerce.conftest import state_of
from tests.commerce.handing_over import newest, offer
from tests.commerce.leavers.conftest import decide, say
from tests.factories import NOON, add_card, agree

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def charge(subscription, at=NOON):
    """What a renewal asks before it charges."""
    subscription = Subscription.objects.get(pk=subscription.pk)
    decisions.before_charge(subscription=subscription, at=at)
    subscription.refresh_from_db()
    return subscription.auto_renew, subscription


def test_unless_said_otherwise_it_is_renewed(task, subscription):
    goes_on, now = charge(subscription)
    assert (goes_on, now.payer_id) == (True, task.member_id)
    assert (state_of(task), task.note) == ("open", "renewed")


def test_by_its_setting_it_ends(task, tenant, subscription):
    say(tenant, leaver_default="let_end")
    goes_on, now = charge(subscription)
    assert (goes_on, now.auto_renew) == (False, False)
    assert (state_of(task), task.choice, task.decided_by) == ("decided", "let_end", None)


def test_by_its_setting_it_is_adopted(task, tenant, subscription, plan):
    say(tenant, leaver_default="adopt")
    agreement = agree(tenant, prices=[(plan, "8.99")])
    goes_on, now = charge(subscription)
    assert (goes_on, now.owner, now.payer) == (True, None, None)
    assert PaymentSource.objects.get().agreement == agreement
    assert (state_of(task), task.choice, task.decided_by) == ("closed", "adopt", None)


def test_the_organisations_card_adopts_where_there_is_no_agreement(task, tenant, admin, subscription):
    say(tenant, leaver_default="adopt")
    card = add_card(admin, for_organisation=True).payment_method
    assert charge(subscription)[1].payer is None
    assert PaymentSource.objects.get().payment_method == card


def test_with_nothing_to_pay_it_is_renewed_and_the_task_says_so(task, tenant, subscription):
    say(tenant, leaver_default="adopt")
    goes_on, now = charge(subscription)
    assert (goes_on, now.payer_id) == (True, task.member_id)
    assert (state_of(task), task.note) == ("open", "not_adopted")


@pytest.mark.parametrize("default", ["let_end", "adopt"])
def test_what_somebody_decided_beats_the_setting(task, tenant, admin, cleo, plan, subscription, default):
    say(tenant, leaver_default=default)
    agree(tenant, prices=[(plan, "8.99")])
    decide(task, "keep", admin)
    assert charge(subscription)[0]
    decide(task, "transfer", admin, to=cleo)
    goes_on, now = charge(subscription)
    assert (goes_on, now.payer_id, now.auto_renew) == (True, task.member_id, True)
    assert newest().state == "open"


def test_a_charge_right_after_somebody_left_finds_the_setting_too(ana, tenant, subscription):
    say(tenant, leaver_default="let_end")
    people.change_member(membership=ana, by=SYSTEM, at=NOON, state="left")
    assert not charge(subscription)[0]


def test_purchases_of_people_who_are_here_go_on(tenant, subscription, cleo):
    say(tenant, leaver_default="let_end")
    offer(subscription, cleo)
    assert charge(subscription)[0]
    assert not LeaverTask.objects.exists()


def test_settings_are_checked_and_kept(tenant):
    for bad in ({"leaver_default": "forget"}, {"leaver_grace_days": -1}, {"leaver_grace_days": 366}):
        with pytest.raises(BadInput):
            say(tenant, **bad)
    assert not TenantSettings.objects.exists()
    say(tenant, leaver_default="adopt", leaver_grace_days=30)
    assert (settings.of(tenant).leaver_default, settings.of(tenant).leaver_grace_days) == ("adopt", 30)
