"""What the organisation changes in these tests: four seats of an office suite, seen first, then sent."""

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.models import PaymentSource
from licensing.models import Subscription
from tests import factories
from tests.admin.pages import text_of
from tests.callers import signed_in
from tests.factories import buy_centrally, order_centrally, price_centrally


@pytest.fixture
def office(db):
    return price_centrally(factories.PlanFactory(product__name="Office suite", product__self_service=False))


@pytest.fixture
def bill(contoso):
    return factories.MembershipFactory(tenant=contoso, roles=["billing_admin"], name="Bill")


@pytest.fixture
def billed(bill, office):
    """Four seats at 8.99, on an agreement that is paid by invoice."""
    return buy_centrally(bill, office, 4, at=timezone.now())


@pytest.fixture
def charged(bill, office):
    """Four seats at 8.99, on a card of the organisation."""
    return order_centrally(bill, office, 4, timezone.now(), payment_method="pm_card_visa").subscription


def url_of(subscription, page):
    return reverse(f"admin:commerce_purchase_{page.replace('-', '_')}", args=[subscription.pk])


def fresh(subscription):
    return Subscription.objects.get(pk=subscription.pk)


def means_of(subscription):
    source = PaymentSource.objects.get(subscription=subscription)
    return str(source.payment_method_id or source.agreement_id)


def seen(who, subscription, page, **query):
    """What the page shows, and what its button sends."""
    response = signed_in(who).get(url_of(subscription, page), query)
    sent = {"shown": response.context["shown"], "quantity": query.get("quantity", "1"), "when": "now", **query}
    return text_of(response), sent


def send(who, subscription, page, **sent):
    return signed_in(who).post(url_of(subscription, page), sent, follow=True)
