"""A trial on the pages of a buyer: offered, explained, begun, shown and ended."""

import pytest
from django.urls import reverse

from commerce.models import Order
from licensing.models import Product, Subscription
from tests.callers import signed_in
from tests.commerce.pages import buy_url, cancel, seen
from tests.factories import PolicyFactory

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

OFFER = "Start a trial"


@pytest.fixture
def plan(plan):
    Product.objects.filter(pk=plan.product_id).update(trial_days=60, trial_seats=3)
    plan.refresh_from_db()
    plan.product.refresh_from_db()
    return plan


@pytest.fixture
def only_trials(plan, tenant):
    PolicyFactory(tenant=tenant, product=plan.product, value="only_trials_without_payment_method")


def url(plan):
    return reverse("buy-trial", args=[plan.pk])


def start(who, plan, quantity=2):
    return signed_in(who).post(url(plan), {"quantity": quantity}, follow=True)


class TestWhereItIsOffered:
    def test_in_the_catalogue_to_strangers_and_those_who_may(self, client, ana, plan):
        for page in (client.get("/"), signed_in(ana).get("/")):
            assert url(plan) in page.text
            assert "60 days, no card" in page.text

    def test_in_the_catalogue_and_on_the_refusal_where_nothing_else_is_allowed(self, only_trials, ana, plan):
        assert OFFER in signed_in(ana).get("/").text
        refused = signed_in(ana).get(buy_url(plan))
        assert refused.status_code == 403
        assert url(plan) in refused.text
        assert "60 days without a card" in refused.text

    def test_no_longer_once_it_was_used(self, only_trials, ana, cleo, plan):
        start(ana, plan)
        assert OFFER not in signed_in(ana).get("/").text
        assert OFFER not in signed_in(ana).get(buy_url(plan)).text
        assert OFFER in signed_in(cleo).get("/").text

    def test_nowhere_for_a_product_without_one_or_that_is_off(self, client, ana, plan):
        PolicyFactory(tenant=ana.tenant, product=plan.product)
        assert OFFER not in signed_in(ana).get("/").text
        assert OFFER not in signed_in(ana).get(buy_url(plan)).text
        Product.objects.update(trial_days=None, trial_seats=None)
        assert OFFER not in client.get("/").text


class TestStarting:
    def test_says_first_how_long_for_how_many_and_what_the_vendor_learns(self, ana, plan):
        page = signed_in(ana).get(url(plan))
        for told in ("60 days, until", "at most 3", "No card is needed", "never becomes a purchase", ana.user.email):
            assert told in page.text
        assert not Subscription.objects.exists()

    def test_begins_with_one_click_and_charges_nothing(self, ana, plan):
        page = start(ana, plan)
        trial = Subscription.objects.get()
        assert page.redirect_chain[-1][0] == reverse("my-subscription", args=[trial.pk])
        assert "Your trial has begun" in page.text
        assert (trial.state, trial.quantity, trial.owner) == ("trial", 2, ana)
        assert not Order.objects.exists()

    def test_a_number_that_it_has_not_is_said_at_the_field(self, ana, plan):
        page = start(ana, plan, quantity=4)
        assert page.status_code == 400
        assert "Type a whole number from 1 to 3." in page.text
        assert not Subscription.objects.exists()

    def test_a_second_click_tells_that_it_was_used(self, ana, plan):
        start(ana, plan)
        again = start(ana, plan)
        assert again.status_code == 403
        assert "You have had your trial of this product." in again.text
        assert Subscription.objects.count() == 1

    def test_asks_a_stranger_to_sign_in(self, client, plan):
        page = client.get(url(plan))
        assert (page.status_code, page.url) == (302, f"{reverse('sign-in')}?next={url(plan)}")


class TestShowing:
    @pytest.fixture
    def trial(self, ana, plan):
        start(ana, plan)
        return Subscription.objects.get()

    def test_among_ones_own_with_its_end_and_without_renewal_card_or_seats_to_buy(self, ana, trial):
        assert "Trial until" in signed_in(ana).get(reverse("my-subscriptions")).text
        page = signed_in(ana).get(reverse("my-subscription", args=[trial.pk])).text
        assert "It ends by itself on" in page
        assert "End the trial" in page
        for absent in ("Automatic renewal", "Add seats", "Reactivate"):
            assert absent not in page

    def test_is_ended_by_its_owner_who_is_told_that_nothing_was_charged(self, ana, trial):
        page, _shown = seen(ana, trial, "cancel")
        assert "Access ends at once. Nothing was charged" in page.text
        assert "The trial has ended. Nothing was charged." in cancel(ana, trial, reason="Enough seen.").text
        trial.refresh_from_db()
        assert (trial.state, trial.end_cause) == ("disabled", "trial_ended")
        after = signed_in(ana).get(reverse("my-subscription", args=[trial.pk])).text
        assert "The trial has ended" in after
        assert "Reactivate" not in after

    def test_its_checkout_leads_to_it(self, ana, trial):
        checkout = trial.trial_checkouts.get()
        page = signed_in(ana).get(reverse("checkout", args=[checkout.pk]))
        assert page.url == reverse("my-subscription", args=[trial.pk])
