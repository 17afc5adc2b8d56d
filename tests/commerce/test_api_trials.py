"""Trials by API: begun, seen, refused, extended and ended."""

from datetime import timedelta

import pytest
from django.utils import timezone

from commerce.models import Checkout, Order
from licensing.models import Subscription
from tenants.api.models import IdempotencyKey
from tests.callers import Api
from tests.factories import GuestFactory, MembershipFactory, PolicyFactory, TenantFactory, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

WITHOUT_A_CARD = "without_payment_method"


@pytest.fixture
def plan():
    return plan_on_sale(product__trial_days=30, product__trial_seats=5)


def start(api, plan, key="try", **body):
    return api.post("checkouts/", {"plan": plan.pk, "quantity": 2, "trial": WITHOUT_A_CARD} | body, key=key)


def codes(answer):
    assert (answer.status_code, answer.json()["code"]) == (403, "purchase_refused"), answer.content
    return [reason["code"] for reason in answer.json()["reasons"]]


def test_a_trial_is_completed_at_once_without_an_order(api, plan):
    answer = start(api, plan)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    trial = Subscription.objects.get()
    assert (told["state"], told["subscription"], told["order"]) == ("completed", str(trial.pk), None)
    assert (told["quote"]["total"]["amount"], told["quote"]["next_charge_at"]) == ("0.00", None)
    shown = api.get(f"subscriptions/{trial.pk}/").json()
    assert (shown["state"], shown["unit_price"], shown["auto_renew"]) == ("trial", None, False)
    assert shown["term_end"] == told["quote"]["ends_at"]
    assert [row["id"] for row in api.get("subscriptions/?state=trial").json()["results"]] == [str(trial.pk)]
    assert api.get(f"checkouts/{told['id']}/").json() == told


def test_the_same_key_starts_one_and_answers_the_same(api, plan):
    first, second = start(api, plan), start(api, plan)
    assert second.content == first.content
    assert second["Idempotent-Replayed"] == "true"


def test_a_retry_of_a_call_that_died_gets_the_trial_that_it_started(api, plan):
    first = start(api, plan)
    IdempotencyKey.objects.filter(key="try").update(leased_until=timezone.now() - timedelta(seconds=1))
    assert start(api, plan).content == first.content
    assert codes(start(api, plan, key="another")) == ["trial_already_used"]


def test_each_refusal_says_why_and_leaves_nothing(api, plan, ana):
    assert codes(start(api, plan_on_sale(), key="1")) == ["trial_not_offered"]
    assert codes(start(api, plan, key="2", quantity=6)) == ["quantity_out_of_range"]
    PolicyFactory(tenant=ana.tenant, product=plan.product)
    assert codes(start(api, plan, key="3")) == ["policy_disabled"]
    assert [Subscription.objects.count(), Checkout.objects.count(), Order.objects.count()] == [0, 0, 0]


def test_a_guest_has_none(plan):
    assert codes(start(Api(GuestFactory()), plan)) == ["guest_user"]


def test_where_only_trials_are_allowed_eligibility_says_so_until_it_was_used(api, plan, ana):
    PolicyFactory(tenant=ana.tenant, product=plan.product, value="only_trials_without_payment_method")
    path = f"products/{plan.product_id}/eligibility/"
    before = api.get(path).json()
    assert (before["outcome"], [r["code"] for r in before["reasons"]]) == ("trial_only", ["policy_trials_only"])
    [product] = api.get("products/").json()["results"]
    assert (product["trial"], product["eligible"]) == ({"days": 30, "seats": 5}, False)
    assert start(api, plan).status_code == 201
    assert api.get(path).json()["outcome"] == "refused"


class TestExtending:
    @pytest.fixture
    def trial(self, api, plan):
        start(api, plan)
        return Subscription.objects.get()

    @pytest.fixture
    def admin(self, ana):
        return Api(MembershipFactory(tenant=ana.tenant, roles=["billing_admin"]))

    def extend(self, api, trial):
        return api.post(f"subscriptions/{trial.pk}/extend-trial/", {})

    def test_an_admin_extends_it_once(self, admin, trial):
        answer = self.extend(admin, trial)
        assert answer.status_code == 200, answer.content
        end = trial.term_end
        trial.refresh_from_db()
        assert trial.term_end - end >= timedelta(days=29)
        assert answer.json()["term_end"] == admin.get(f"subscriptions/{trial.pk}/").json()["term_end"]
        again = self.extend(admin, trial)
        assert (again.status_code, again.json()["code"]) == (409, "trial_already_extended")

    def test_its_owner_does_not_and_strangers_do_not_see_it(self, api, trial):
        assert self.extend(api, trial).status_code == 403
        stranger = Api(MembershipFactory(tenant=TenantFactory(), roles=["global_admin"]))
        assert self.extend(stranger, trial).status_code == 404
        end = trial.term_end
        trial.refresh_from_db()
        assert trial.term_end == end


def test_its_owner_ends_it(api, plan):
    trial = start(api, plan).json()["subscription"]
    told = api.post(f"subscriptions/{trial}/cancel/", {"preview": True}).json()
    assert (told["quantity"], told["total"], told["loses_access"]["count"]) == (0, None, 1)
    ended = api.post(f"subscriptions/{trial}/cancel/", {"reason": "Enough."}, key="end")
    assert (ended.status_code, ended.json()["subscription"]["state"]) == (200, "disabled")
    reactivated = api.post(f"subscriptions/{trial}/reactivate/", {}, key="again")
    assert (reactivated.status_code, reactivated.json()["code"]) == (409, "trial_ends_by_itself")
    renewed = api.post(f"subscriptions/{trial}/auto-renew/", {"auto_renew": True})
    assert (renewed.status_code, renewed.json()["code"]) == (409, "trial_ends_by_itself")
