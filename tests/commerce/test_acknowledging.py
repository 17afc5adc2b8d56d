"""Data policies that must be read first: of which version, and before trials, more seats and central purchases, too."""

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.models import CheckoutState, Order
from licensing.models import Product, Subscription
from policies.models import Acknowledgement
from policies.operations import governance
from policies.operations.governance import Terms
from tenants.journal.models import Event
from tests.callers import Api, signed_in
from tests.commerce.conftest import errors, state_of
from tests.commerce.pages import VISA, seen, send, url_of
from tests.factories import DepartmentFactory, admin_of, buy, buy_centrally, open_checkout

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def policy(tenant):
    """A data policy that asks to be read."""
    terms = Terms(name="EU only", kind="residency", settings={"Region": "EU"}, acknowledge=True)
    return governance.add(tenant=tenant, terms=terms, by=admin_of(tenant), at=timezone.now())


@pytest.fixture
def shut(tenant):
    """An access policy that lets in one department alone."""
    sales = DepartmentFactory(tenant=tenant, name="Sales")
    terms = Terms(name="Sales only", kind="access", departments=[sales])
    governance.add(tenant=tenant, terms=terms, by=admin_of(tenant), at=timezone.now())
    return sales


@pytest.fixture
def trial_plan(plan):
    Product.objects.filter(pk=plan.product_id).update(trial_days=30, trial_seats=3)
    plan.product.refresh_from_db()
    return plan


def read(policy, version=1):
    return [{"id": str(policy.pk), "version": version}]


def ticked(policy):
    return [f"{policy.pk}:{policy.version}"]


def noted():
    return list(Acknowledgement.objects.values_list("subject", "policy", "version"))


class TestTheVersion:
    @pytest.fixture
    def checkout(self, ana, plan):
        return open_checkout(ana, plan, at=timezone.now())

    def pay(self, api, checkout, key="pay", **body):
        return api.post(f"checkouts/{checkout.pk}/pay/", {"payment_method": VISA, **body}, key=key)

    def test_that_was_shown_is_what_was_read(self, policy, api, checkout):
        [told] = api.get(f"checkouts/{checkout.pk}/").json()["quote"]["governance"]
        assert told["version"] == 1
        assert self.pay(api, checkout, acknowledged=read(policy, told["version"])).status_code == 200
        assert noted() == [(checkout.pk, policy.pk, 1)]

    def test_that_holds_no_longer_is_refused_by_name(self, policy, tenant, api, checkout):
        governance.change(policy=policy, settings={"Region": "US"}, by=admin_of(tenant), at=timezone.now())
        for number, version in enumerate((1, 3)):
            answer = self.pay(api, checkout, key=str(number), acknowledged=read(policy, version))
            assert errors(answer) == [("acknowledge", "changed")]
            assert "EU only" in answer.json()["errors"][0]["detail"]
        assert (state_of(checkout), noted()) == (CheckoutState.OPEN, [])
        assert self.pay(api, checkout, acknowledged=read(policy, 2)).status_code == 200

    def test_counts_where_it_is_named_without_it_too(self, policy, api, checkout):
        stale = {"acknowledge": [str(policy.pk)], "acknowledged": read(policy, 7)}
        assert errors(self.pay(api, checkout, **stale)) == [("acknowledge", "changed")]

    def test_of_what_is_not_there_is_refused(self, policy, api, checkout):
        unknown = [{"id": "nothing", "version": 1}]
        assert errors(self.pay(api, checkout, acknowledged=unknown)) == [("acknowledge", "does_not_exist")]


class TestATrial:
    def by_api(self, api, plan, key, **body):
        sent = {"plan": plan.pk, "quantity": 1, "trial": "without_payment_method", **body}
        return api.post("checkouts/", sent, key=key)

    def test_begins_by_api_once_it_was_read(self, policy, api, trial_plan):
        assert errors(self.by_api(api, trial_plan, "1")) == [("acknowledge", "required")]
        assert (Subscription.objects.count(), noted()) == (0, [])
        begun = self.by_api(api, trial_plan, "2", acknowledged=read(policy))
        assert begun.status_code == 201
        assert [str(subject) for subject, _policy, _version in noted()] == [begun.json()["id"]]

    def test_begins_on_its_page_once_the_box_is_ticked(self, policy, ana, trial_plan):
        browser, url = signed_in(ana), reverse("buy-trial", args=[trial_plan.pk])
        page = browser.get(url)
        assert "I have read “EU only”" in page.text
        assert "Region: EU" in page.text
        refused = browser.post(url, {"quantity": 1})
        assert refused.status_code == 400
        assert "Say that you have read the rules" in refused.text
        assert not Subscription.objects.exists()
        assert browser.post(url, {"quantity": 1, "acknowledge": ticked(policy)}).status_code == 302
        assert Subscription.objects.get().is_trial

    def test_of_what_one_cannot_use_is_warned_of_on_its_page(self, shut, ana, trial_plan):
        url = reverse("buy-trial", args=[trial_plan.pk])
        page = signed_in(ana).get(url)
        assert "You will not be able to use it" in page.text
        assert "before you start it" in page.text
        ana.department = shut
        ana.save()
        assert "You will not be able to use it" not in signed_in(ana).get(url).text


class TestMoreSeats:
    @pytest.fixture
    def bought(self, ana, plan):
        return buy(ana, plan, 1, timezone.now())

    def test_are_charged_by_api_once_it_was_read(self, bought, policy, api):
        path = f"subscriptions/{bought.pk}/quantity/"
        assert errors(api.post(path, {"quantity": 2}, key="1")) == [("acknowledge", "required")]
        assert (Order.objects.count(), noted()) == (1, [])
        assert api.post(path, {"quantity": 2, "acknowledged": read(policy)}, key="2").status_code == 200
        placed = Order.objects.get(kind="seats")
        assert noted() == [(placed.pk, policy.pk, 1)]
        assert Event.objects.get(type="governance.acknowledged").data["order"] == str(placed.pk)

    def test_are_charged_on_their_page_once_the_box_is_ticked(self, bought, policy, ana):
        page, shown = seen(ana, bought, "add-seats", quantity=1)
        assert "I have read “EU only”" in page.text
        sent = {"quantity": 1, "when": "now", "shown": shown, "payment_method": VISA}
        refused = send(ana, bought, "add-seats", **sent)
        assert refused.status_code == 400
        assert "Say that you have read the rules" in refused.text
        assert Order.objects.count() == 1
        send(ana, bought, "add-seats", **sent, acknowledge=ticked(policy))
        bought.refresh_from_db()
        assert (bought.quantity, len(noted())) == (2, 1)

    def test_that_are_taken_from_the_renewal_on_ask_for_nothing(self, bought, policy, api):
        answer = api.post(f"subscriptions/{bought.pk}/quantity/", {"quantity": 2, "when": "renewal"}, key="1")
        assert (answer.status_code, noted()) == (200, [])

    def test_of_what_one_cannot_use_say_so_on_the_subscription(self, bought, shut, ana):
        page = signed_in(ana).get(url_of(bought))
        assert "You can't use it" in page.text
        assert "Ask your IT who has access" in page.text
        ana.department = shut
        ana.save()
        assert "Ask your IT who has access" not in signed_in(ana).get(url_of(bought)).text


class TestACentralPurchase:
    @pytest.fixture
    def buyer(self, ana, plan):
        """Somebody whose organisation has an agreement that is paid by invoice."""
        member = admin_of(ana.tenant, "billing_admin").membership
        self.agreement = buy_centrally(member, plan).orders.get().agreement
        return member

    def test_is_ordered_by_api_once_it_was_read(self, buyer, policy, plan):
        sent = {"plan": plan.pk, "quantity": 1, "agreement": str(self.agreement.pk)}
        assert errors(Api(buyer).post("subscriptions/", sent, key="1")) == [("acknowledge", "required")]
        assert (Order.objects.count(), noted()) == (1, [])
        done = Api(buyer).post("subscriptions/", {**sent, "acknowledged": read(policy)}, key="2")
        assert done.status_code == 201
        assert len(noted()) == 1

    def test_is_ordered_on_its_page_once_the_box_is_ticked(self, buyer, policy, plan):
        browser, url = signed_in(buyer), reverse("admin:commerce_purchase_order")
        wanted = {"plan": plan.pk, "quantity": 1, "agreement": self.agreement.pk, "pay": "invoice"}
        page = browser.get(url, wanted)
        assert "I have read “EU only”" in page.text
        sent = {**wanted, "seen": page.context["seen"]}
        refused = browser.post(url, sent)
        assert refused.status_code == 400
        assert "Say that you have read the rules" in refused.text
        assert Order.objects.count() == 1
        assert browser.post(url, {**sent, "acknowledge": ticked(policy)}).status_code == 302
        assert (Order.objects.count(), len(noted())) == (2, 1)
