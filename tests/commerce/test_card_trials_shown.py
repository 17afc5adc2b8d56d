"""A trial with a card by API and on the pages: what it will cost, the card, the step, and how it is turned off."""

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.models import Checkout, Order, PaymentMethod
from licensing.models import Product, Subscription
from tests.callers import signed_in
from tests.commerce.pages import buy_url
from tests.factories import open_checkout, pay, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

WITH_A_CARD, ASKS = "with_payment_method", "pm_card_authenticationRequired"


class TestByApi:
    @pytest.fixture
    def plan(self):
        return plan_on_sale(product__trial_days=30, product__trial_seats=5)

    def opened(self, api, plan):
        answer = api.post("checkouts/", {"plan": plan.pk, "quantity": 2, "trial": WITH_A_CARD}, key="open")
        assert answer.status_code == 201, answer.content
        return answer.json()

    def pay(self, api, told, card, key="pay"):
        return api.post(f"checkouts/{told['id']}/pay/", {"payment_method": card}, key=key)

    def test_the_quote_charges_nothing_now_and_says_what_follows(self, api, plan):
        quote = self.opened(api, plan)["quote"]
        assert (quote["total"]["amount"], quote["lines"], quote["trial"]) == ("0.00", [], True)
        assert (quote["next_charge_total"]["amount"], quote["unit_price"]["amount"]) == ("19.98", "9.99")
        assert quote["next_charge_at"] == quote["ends_at"]

    def test_paying_keeps_the_card_and_begins_it(self, api, plan):
        answer = self.pay(api, self.opened(api, plan), "pm_card_visa")
        assert answer.status_code == 200, answer.content
        told, trial = answer.json(), Subscription.objects.get()
        assert (told["state"], told["subscription"], told["order"]) == ("completed", str(trial.pk), None)
        shown = api.get("subscriptions/?state=trial").json()["results"][0]
        assert (shown["id"], shown["auto_renew"], shown["unit_price"]["amount"]) == (str(trial.pk), True, "9.99")
        assert not Order.objects.exists()

    def test_a_card_that_asks_its_holder_waits_for_the_step(self, api, plan):
        told = self.opened(api, plan)
        answer = self.pay(api, told, ASKS)
        assert (answer.status_code, answer.json()["state"]) == (202, "requires_action")
        assert answer.json()["next_action"]["url"]
        done = api.post(f"checkouts/{told['id']}/confirm/", {}, key="confirm")
        assert (done.status_code, done.json()["state"]) == (200, "completed")

    def test_a_declined_card_leaves_it_open(self, api, plan):
        told = self.opened(api, plan)
        answer = self.pay(api, told, "pm_card_chargeDeclined")
        assert (answer.status_code, answer.json()["code"]) == (402, "card_declined")
        assert api.get(f"checkouts/{told['id']}/").json()["state"] == "open"

    def test_renewal_is_turned_off_and_it_is_ended(self, api, plan):
        trial = self.pay(api, self.opened(api, plan), "pm_card_visa").json()["subscription"]
        answer = api.post(f"subscriptions/{trial}/auto-renew/", {"auto_renew": False})
        assert (answer.status_code, answer.json()["auto_renew"]) == (200, False)
        assert api.post(f"subscriptions/{trial}/cancel/", {"reason": ""}, key="end").status_code == 200
        assert api.get(f"subscriptions/{trial}/").json()["state"] == "disabled"


class TestOnThePages:
    @pytest.fixture
    def plan(self, plan):
        Product.objects.filter(pk=plan.product_id).update(trial_days=60, trial_seats=3)
        plan.refresh_from_db()
        plan.product.refresh_from_db()
        return plan

    def begin(self, browser, plan):
        return browser.post(reverse("buy-trial-with-card", args=[plan.pk]), {"quantity": 2}, follow=True)

    def test_the_page_of_a_purchase_offers_it_while_there_is_one_to_have(self, ana, plan):
        browser = signed_in(ana)
        offer = reverse("buy-trial-with-card", args=[plan.pk])
        assert offer in browser.get(buy_url(plan), follow=True).text
        pay(open_checkout(ana, plan, with_trial=True, at=timezone.now()), at=timezone.now())
        assert offer not in browser.get(buy_url(plan), follow=True).text

    def test_its_page_says_what_is_charged_when_and_begins_it(self, ana, plan):
        browser = signed_in(ana)
        page = self.begin(browser, plan)
        checkout = Checkout.objects.get(with_trial=True)
        assert "Nothing is charged today." in page.text
        assert "unless you turn renewal off" in page.text
        assert "Start the trial" in page.text
        sent = {"quantity": 2, "payment_method": "pm_card_visa"}
        page = browser.post(reverse("checkout-pay", args=[checkout.pk]), sent, follow=True)
        trial = Subscription.objects.get(converts=True)
        assert page.redirect_chain[-1][0] == reverse("my-subscription", args=[trial.pk])
        assert "it becomes a subscription, and your card is charged" in page.text
        assert "Turn off automatic renewal" in page.text
        assert "4242" in page.text

    def test_a_declined_card_is_said_at_its_field(self, ana, plan):
        browser = signed_in(ana)
        self.begin(browser, plan)
        url = reverse("checkout-pay", args=[Checkout.objects.get(with_trial=True).pk])
        page = browser.post(url, {"quantity": 2, "payment_method": "pm_card_chargeDeclined"}, follow=True)
        assert page.status_code == 402
        assert "payment_method" in page.context["form"].errors
        assert not Subscription.objects.filter(converts=True).exists()

    def test_the_bank_is_asked_and_the_trial_begins_on_the_way_back(self, ana, plan):
        browser = signed_in(ana)
        self.begin(browser, plan)
        checkout = Checkout.objects.get(with_trial=True)
        sent = {"quantity": 2, "payment_method": ASKS}
        step = browser.post(reverse("checkout-pay", args=[checkout.pk]), sent)
        checkout.refresh_from_db()
        assert step["Location"] == checkout.card_setup.action_url
        browser.post(step["Location"], {"decision": "approve"})
        browser.get(reverse("checkout-return", args=[checkout.pk]))
        assert PaymentMethod.objects.count() == 1
        checkout.refresh_from_db()
        assert (checkout.state, checkout.trial.state) == ("completed", "trial")

    def test_renewal_is_turned_off_and_on(self, ana, plan):
        trial = pay(open_checkout(ana, plan, with_trial=True, at=timezone.now()), at=timezone.now()).trial
        browser, url = signed_in(ana), reverse("my-subscription-auto-renew", args=[trial.pk])
        page = browser.post(url, {"auto_renew": "off"}, follow=True)
        assert "It ends by itself on" in page.text
        page = browser.post(url, {"auto_renew": "on"}, follow=True)
        assert "it becomes a subscription" in page.text
