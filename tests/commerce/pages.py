"""How somebody walks the pages: from a link to the checkout, through paying, and over what they bought."""

from django.urls import reverse

from licensing.models import Seat
from tests.callers import signed_in

VISA = "pm_card_visa"


def buy_url(plan, quantity=2):
    return reverse("buy", kwargs={"plan_id": plan.pk}) + f"?quantity={quantity}"


def opened(client, plan, quantity=2):
    """The checkout that a link leads to."""
    response = client.get(buy_url(plan, quantity), follow=True)
    assert response.status_code == 200, response.content
    return response.context["checkout"], response


def pay(client, checkout, card=VISA, quantity=None, **more):
    sent = {"quantity": quantity or checkout.quantity, "payment_method": card, **more}
    return client.post(reverse("checkout-pay", kwargs={"checkout_id": checkout.pk}), sent, follow=True)


def url_of(subscription, action=""):
    name = f"my-subscription-{action}" if action else "my-subscription"
    return reverse(name, kwargs={"subscription_id": subscription.pk})


def send(who, subscription, action, **sent):
    return signed_in(who).post(url_of(subscription, action), sent, follow=True)


def seen(who, subscription, action, **query):
    """A page that shows what a change costs, and the signature of what it shows."""
    page = signed_in(who).get(url_of(subscription, action), query)
    return page, (page.context or {}).get("shown", "")


def change(who, subscription, action, *, count=1, when="now", card=VISA, **sent):
    """As somebody does who has looked at what it costs."""
    _page, shown = seen(who, subscription, action, quantity=count, when=when)
    body = {"shown": shown, "quantity": count, "when": when, "payment_method": card}
    return send(who, subscription, action, **{**body, **sent})


def add_seats(who, subscription, **sent):
    return change(who, subscription, "add-seats", **sent)


def remove_seats(who, subscription, **sent):
    return change(who, subscription, "remove-seats", **sent)


def cancel(who, subscription, **sent):
    """As somebody does who has looked at the page."""
    _page, shown = seen(who, subscription, "cancel")
    return send(who, subscription, "cancel", shown=shown, **sent)


def holders(subscription):
    return {seat.member for seat in Seat.objects.open().filter(subscription=subscription)}
