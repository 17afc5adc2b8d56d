"""An admin leaves a renewal that a change of policy has stopped to its owner again."""

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from commerce.operations.changes import policy_endings
from commerce.operations.letters import policy_letters
from licensing.operations import subscriptions
from licensing.operations.renewal_stops import RenewalNotStopped
from policies.operations import policies
from policies.operations.endings import Existing
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.callers import Api, signed_in
from tests.factories import MembershipFactory, acting, admin_of, buy
from tests.race import at_once

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def stopped(ana, plan):
    return stop(ana, plan)


def stop(owner, plan):
    now = timezone.now()
    subscription = buy(owner, plan, at=now)
    policies.set_product_policy(
        tenant=owner.tenant,
        product=plan.product,
        value="disabled",
        reason="Too dear",
        existing=Existing(rule="stop_at_renewal"),
        by=SYSTEM,
        at=now,
    )
    policy_endings.apply_due(at=now)
    subscription.refresh_from_db()
    assert subscription.renewal_stopped_at == now
    return subscription


def lift(subscription, by, reason="Needed"):
    return policy_endings.lift_stop(subscription=subscription, reason=reason, by=by, at=timezone.now())


def state(subscription):
    subscription.refresh_from_db()
    return subscription.renewal_stopped_at is not None, subscription.auto_renew


def test_its_owner_decides_again_and_nothing_renews_before(ana, stopped):
    admin = admin_of(ana.tenant, "billing_admin")
    lift(stopped, admin)
    assert state(stopped) == (False, False)
    event = Event.objects.get(type="subscription.renewal_allowed")
    assert (event.actor, event.subject, event.data["reason"]) == (admin.user, str(stopped.pk), "Needed")
    subscriptions.set_auto_renew(subscription=stopped, auto_renew=True, by=acting(ana), at=timezone.now())
    assert state(stopped) == (False, True)


def test_its_owner_is_told(ana, stopped):
    lift(stopped, admin_of(ana.tenant))
    job = Job.objects.get(name="commerce.tell_lifted_stop")
    mail.outbox.clear()
    policy_letters.deliver_lifted_stop(**job.arguments, site="https://s.example", sender="s@s.example")
    [letter] = mail.outbox
    assert letter.to == [ana.user.email]
    assert f"https://s.example/my/subscriptions/{stopped.pk}/" in letter.body


def test_what_is_not_stopped_is_refused(ana, plan):
    subscription = buy(ana, plan, at=timezone.now())
    with pytest.raises(RenewalNotStopped):
        lift(subscription, admin_of(ana.tenant))
    assert not Event.objects.filter(type="subscription.renewal_allowed").exists()


def test_only_who_may_change_policy_lifts_it(ana, stopped):
    others = [acting(ana), admin_of(ana.tenant, "license_admin"), admin_of(MembershipFactory().tenant)]
    for by in others:
        with pytest.raises(NotAllowed):
            lift(stopped, by)
    assert state(stopped) == (True, False)


def test_an_owner_who_is_an_admin_turns_it_on_at_once(plan):
    owner = MembershipFactory(roles=["billing_admin"])
    subscription = stop(owner, plan)
    answer = Api(owner).post(f"subscriptions/{subscription.pk}/auto-renew/", {"auto_renew": True})
    assert (answer.status_code, answer.json()["auto_renew"]) == (200, True)
    assert not Job.objects.filter(name="commerce.tell_lifted_stop").exists()


class TestByApi:
    def path(self, subscription):
        return f"subscriptions/{subscription.pk}/auto-renew/"

    def test_an_admin_lifts_it_with_a_reason(self, ana, stopped):
        admin = Api(admin_of(ana.tenant).membership)
        answer = admin.post(self.path(stopped), {"auto_renew": True, "reason": "Needed"})
        assert answer.status_code == 200, answer.content
        assert (answer.json()["renewal_stopped_at"], answer.json()["auto_renew"]) == (None, False)
        assert Event.objects.get(type="subscription.renewal_allowed").data["reason"] == "Needed"
        # There is nothing left to lift: on is the owner's to say.
        assert admin.post(self.path(stopped), {"auto_renew": True}).status_code == 403

    def test_its_owner_is_refused_as_before(self, ana, stopped):
        answer = Api(ana).post(self.path(stopped), {"auto_renew": True})
        assert (answer.status_code, answer.json()["code"]) == (409, "renewal_stopped")
        assert state(stopped) == (True, False)

    def test_turning_it_off_lifts_nothing(self, ana, stopped):
        assert Api(admin_of(ana.tenant).membership).post(self.path(stopped), {"auto_renew": False}).status_code == 200
        assert state(stopped) == (True, False)


class TestOnThePage:
    def url(self, subscription):
        return reverse("admin:commerce_purchase_change", args=[subscription.pk])

    def press(self, browser, subscription, **body):
        return browser.post(reverse("admin:commerce_purchase_allow_renewal", args=[subscription.pk]), body, follow=True)

    def test_the_button_is_for_who_may_and_is_gone_afterwards(self, ana, stopped):
        reader = signed_in(admin_of(ana.tenant, "global_reader").membership)
        assert "Let its owner renew it again" not in reader.get(self.url(stopped)).text
        assert self.press(reader, stopped).status_code == 403
        admin = signed_in(admin_of(ana.tenant, "billing_admin").membership)
        assert "Let its owner renew it again" in admin.get(self.url(stopped)).text
        page = self.press(admin, stopped, reason="Needed").text
        assert "left to its owner again" in page
        assert "Let its owner renew it again" not in page
        assert Event.objects.get(type="subscription.renewal_allowed").data["reason"] == "Needed"
        assert "is not stopped" in self.press(admin, stopped).text

    def test_opening_the_address_does_nothing(self, ana, stopped):
        admin = signed_in(admin_of(ana.tenant).membership)
        assert admin.get(reverse("admin:commerce_purchase_allow_renewal", args=[stopped.pk])).status_code == 403
        assert state(stopped) == (True, False)


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_two_admins_at_once_lift_it_once(ana, plan):
    subscription = stop(ana, plan)
    admins = [admin_of(ana.tenant), admin_of(ana.tenant)]

    def press(admin):
        try:
            lift(subscription, admin)
        except RenewalNotStopped:
            return False
        return True

    assert sorted(at_once(press, admins)) == [False, True]
    assert Event.objects.filter(type="subscription.renewal_allowed").count() == 1
