"""What a change of policy plans for what people have: seen and told before it happens, and withdrawn."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commerce.operations.changes import policy_endings
from commerce.operations.letters import policy_letters
from policies.models import Ending, Policy
from policies.operations import policies, settings, values
from policies.operations.endings import LEAVE, STOP, Existing
from policies.operations.scopes import Scope, Time
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tests.callers import Api, signed_in
from tests.factories import NOON, MembershipFactory, admin_of, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DAY = timedelta(days=1)
POST = {"site": "https://s.example", "sender": "s@s.example"}


def later(days=5, at=NOON):
    return Existing(rule="cancel", at=at + days * DAY)


def forbid(tenant, product, existing=LEAVE, *, at=NOON, value="disabled", reason="Too dear", by=SYSTEM):
    return policies.set_product_policy(
        tenant=tenant, product=product, value=value, reason=reason, existing=existing, by=by, at=at
    )


def jobs(name):
    return [job.arguments for job in Job.objects.filter(name=f"commerce.{name}").order_by("created_at")]


def waiting():
    return set(Ending.objects.waiting().values_list("subscription", flat=True))


class TestTelling:
    def test_its_owner_is_told_when_it_is_planned(self, ana, plan):
        buy(ana, plan)
        forbid(ana.tenant, plan.product, later())
        [job] = jobs("tell_planned_endings")
        mail.outbox.clear()
        policy_letters.deliver_planned(**job, at=NOON, **POST)
        [letter] = mail.outbox
        assert letter.to == [ana.user.email]
        assert "15 March 2026" in letter.subject
        assert "Too dear" in letter.body

    def test_what_happens_at_once_is_told_once(self, ana, plan):
        buy(ana, plan)
        forbid(ana.tenant, plan.product, Existing(rule="cancel"))
        assert jobs("tell_planned_endings") == []
        policy_endings.apply_due(at=NOON)
        assert len(jobs("tell_policy_ending")) == 1

    def test_what_was_withdrawn_before_the_letter_went_out_is_not_told_as_planned(self, ana, plan):
        buy(ana, plan)
        forbid(ana.tenant, plan.product, later())
        forbid(ana.tenant, plan.product, value="enabled")
        mail.outbox.clear()
        policy_letters.deliver_planned(**jobs("tell_planned_endings")[0], at=NOON, **POST)
        assert mail.outbox == []

    def test_its_owner_is_told_again_when_it_is_withdrawn(self, ana, plan):
        buy(ana, plan)
        forbid(ana.tenant, plan.product, later())
        forbid(ana.tenant, plan.product, value="enabled", reason="Cheaper now")
        [job] = jobs("tell_withdrawn_endings")
        mail.outbox.clear()
        policy_letters.deliver_withdrawn(**job, **POST)
        [letter] = mail.outbox
        assert (letter.to, "no longer cancels" in letter.body) == ([ana.user.email], True)

    def test_up_to_fifty_share_one_job(self, ana, plan):
        for _ in range(3):
            buy(ana, plan)
        forbid(ana.tenant, plan.product, later())
        [job] = jobs("tell_planned_endings")
        assert len(job["ending_ids"]) == 3


class TestWithdrawing:
    def test_a_later_change_that_leaves_what_was_bought_withdraws_it(self, ana, plan):
        subscription, admin = buy(ana, plan), admin_of(ana.tenant)
        forbid(ana.tenant, plan.product, later())
        forbid(ana.tenant, plan.product, value="enabled", reason="Cheaper now", by=admin)
        assert waiting() == set()
        event = Event.objects.get(type="policy.ending_withdrawn")
        assert (event.actor, event.subject, event.data["existing"]) == (admin.user, str(subscription.pk), "cancel")
        assert event.data["reason"] == "Cheaper now"
        assert policy_endings.apply_due(at=NOON + 9 * DAY) == 0
        subscription.refresh_from_db()
        assert (subscription.state, subscription.auto_renew) == ("active", True)

    def test_another_reason_for_the_same_value_is_a_change_and_the_very_same_is_none(self, ana, plan):
        buy(ana, plan)
        forbid(ana.tenant, plan.product, later())
        forbid(ana.tenant, plan.product)
        assert len(waiting()) == 1
        forbid(ana.tenant, plan.product, reason="Only for new ones")
        assert waiting() == set()

    def test_a_change_of_another_scope_withdraws_nothing(self, ana, cleo, plan):
        mine = buy(ana, plan)
        forbid(ana.tenant, plan.product, later())
        other = plan_on_sale()
        forbid(ana.tenant, other.product)
        for scope in (Scope(), Scope(family=plan.product.family), Scope(member=cleo, product=plan.product)):
            values.put(tenant=ana.tenant, scope=scope, value="disabled", reason="x", by=SYSTEM, at=NOON)
        time = Time(valid_from=NOON + 30 * DAY)
        scope = Scope(product=plan.product)
        values.put(tenant=ana.tenant, scope=scope, value="enabled", reason="x", time=time, by=SYSTEM, at=NOON)
        settings.change(tenant=ana.tenant, self_service_enabled=False, by=SYSTEM, at=NOON)
        assert waiting() == {mine.pk}
        assert not Event.objects.filter(type="policy.ending_withdrawn").exists()

    def test_of_many_products_only_those_that_are_changed_again(self, ana, plan):
        other = plan_on_sale()
        mine, second = buy(ana, plan), buy(ana, other)
        policies.set_product_policies(
            tenant=ana.tenant,
            products=[plan.product, other.product],
            value="disabled",
            reason="Too dear",
            existing=later(),
            by=SYSTEM,
            at=NOON,
        )
        assert waiting() == {mine.pk, second.pk}
        forbid(ana.tenant, other.product, value="enabled")
        assert waiting() == {mine.pk}

    def test_taking_the_value_back_withdraws_what_it_planned(self, ana, plan):
        buy(ana, plan)
        forbid(ana.tenant, plan.product, later())
        values.remove(policy=Policy.objects.get(), reason="Back", by=SYSTEM, at=NOON)
        assert waiting() == set()

    def test_resuming_withdraws_what_a_stop_planned(self, ana, plan):
        buy(ana, plan)
        settings.change(tenant=ana.tenant, self_service_enabled=False, existing=later(), by=SYSTEM, at=NOON)
        assert Ending.objects.get().said_for == STOP
        settings.change(tenant=ana.tenant, self_service_enabled=True, by=SYSTEM, at=NOON)
        assert waiting() == set()

    def test_another_kind_of_end_takes_the_place_of_the_first(self, ana, plan):
        buy(ana, plan)
        forbid(ana.tenant, plan.product, later())
        forbid(ana.tenant, plan.product, Existing(rule="stop_at_renewal"), reason="Softer")
        assert [ending.how for ending in Ending.objects.waiting()] == ["stop_at_renewal"]

    def test_many_are_withdrawn_with_as_many_statements_as_one(self, ana, plan):
        counted = []
        for count in (1, 12):
            for _ in range(count):
                buy(ana, plan)
            forbid(ana.tenant, plan.product, later(), reason=f"Plan {count}")
            with CaptureQueriesContext(connection) as queries:
                forbid(ana.tenant, plan.product, value="enabled", reason=f"Leave {count}")
            counted.append(len(queries))
            assert waiting() == set()
        assert counted[0] == counted[1]


class TestWhereItIsSeen:
    @pytest.fixture
    def planned(self, ana, plan):
        now = timezone.now()
        subscription = buy(ana, plan, at=now)
        forbid(ana.tenant, plan.product, later(5, now), at=now)
        return subscription

    def test_on_its_owners_page_until_it_is_withdrawn(self, ana, plan, planned):
        page = reverse("my-subscription", args=[planned.pk])
        browser = signed_in(ana)
        shown = browser.get(page).text
        assert "Your organisation cancels this on" in shown
        assert ": Too dear" in shown
        forbid(ana.tenant, plan.product, value="enabled", at=timezone.now())
        assert "Your organisation cancels this on" not in browser.get(page).text

    def test_on_the_procurement_page(self, ana, planned):
        page = reverse("admin:commerce_purchase_change", args=[planned.pk])
        shown = signed_in(admin_of(ana.tenant, "global_reader").membership).get(page).text
        assert "It is canceled on" in shown
        assert ": Too dear" in shown

    def test_in_the_api(self, ana, plan, planned):
        told = Api(ana).get(f"subscriptions/{planned.pk}/").json()["planned_end"]
        assert (told["how"], told["reason"]) == ("cancel", "Too dear")
        assert told["at"][:10] == f"{timezone.now() + 5 * DAY:%Y-%m-%d}"
        forbid(ana.tenant, plan.product, value="enabled", at=timezone.now())
        assert Api(ana).get(f"subscriptions/{planned.pk}/").json()["planned_end"] is None

    def test_a_list_reads_the_ends_of_all_its_rows_at_once(self, ana, plan, planned):
        admin, counted = Api(admin_of(ana.tenant).membership), []
        for more in (0, 5):
            for _ in range(more):
                now = timezone.now()
                buy(MembershipFactory(tenant=ana.tenant), plan_on_sale(), at=now)
                ended = buy(MembershipFactory(tenant=ana.tenant), plan_on_sale(), at=now)
                Ending.objects.create(
                    tenant=ana.tenant, subscription=ended, how="cancel", due_at=now + DAY, created_at=now
                )
            admin.get("subscriptions/")
            with CaptureQueriesContext(connection) as queries:
                rows = admin.get("subscriptions/").json()["results"]
            counted.append(len(queries))
        assert [bool(row["planned_end"]) for row in rows].count(True) == 6
        assert [bool(row["planned_end"]) for row in rows].count(False) == 5
        assert counted[0] == counted[1]

    def test_what_has_happened_is_not_planned_any_more(self, ana, planned):
        assert policy_endings.planned_for([planned], at=timezone.now() + 6 * DAY) == {}

    def test_of_two_the_next_one_is_told(self, ana, plan, planned):
        now = timezone.now()
        Ending.objects.create(
            tenant=ana.tenant, subscription=planned, how="stop_at_renewal", due_at=now + 2 * DAY, created_at=now
        )
        assert policy_endings.planned_for([planned], at=now)[planned.pk].how == "stop_at_renewal"
