"""Customers of a partner, and the lists that its people read over all of them."""

from html import unescape

from django.urls import reverse
from django.utils import timezone

from tests import factories
from tests.factories import TenantFactory
from tests.tenants.partners import let_in

AT_MOST = 15


def address(name):
    return reverse(f"admin:tenants_delegation_{name}")


PURCHASES = address("purchases")
CUSTOMERS = address("customers")
HOME = reverse("admin:index")
TOGETHER = f"{HOME}?of=customers"


def customer(partner, name, roles=("billing_admin",), **more):
    """An organisation that lets the partner in: the delegate, in it a member, and an admin."""
    tenant = TenantFactory(slug=name, name=name.capitalize(), **more)
    pat = let_in(tenant, partner=partner, roles=roles, at=timezone.now())
    return tenant, factories.MembershipFactory(tenant=tenant, name=f"Person of {name}"), pat


def shown(browser, query="", page=PURCHASES):
    response = browser.get(f"{page}?{query}")
    assert response.status_code == 200
    return response


def lines(browser, query="", page=PURCHASES):
    return shown(browser, query, page).context["lines"]


def found(browser, query="", page=PURCHASES):
    return [line["url"].split("/")[-3] for line in lines(browser, query, page)]


def text_of(browser, query="", page=PURCHASES):
    return unescape(shown(browser, query, page).content.decode())


def cell(line, name):
    [value] = [value for head, value in line["cells"] if head.name == name]
    return value
