"""The purchases of all customers of a partner: of whom, as what, and until when."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from tenants.directory.delegations import Delegation
from tests import factories
from tests.admin.customers.there import (
    PURCHASES,
    cell,
    customer,
    found,
    lines,
    text_of,
)
from tests.admin.pages import browser_of
from tests.callers import signed_in
from tests.factories import buy, buy_centrally, plan_on_sale, price_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def test_each_customers_purchases_stand_there_newest_first_and_nobody_elses(partner, plan):
    now = timezone.now()
    _contoso, ana, pat = customer(partner, "contoso")
    _fabrikam, felix, _pat = customer(partner, "fabrikam")
    first, second = buy(ana, plan, 3, at=now - timedelta(minutes=2)), buy(felix, plan, 2, at=now - timedelta(minutes=1))
    of_partner = buy(factories.MembershipFactory(tenant=partner), plan, at=now)
    of_nobody = buy(factories.MembershipFactory(), plan, at=now)
    browser = signed_in(pat.member)
    assert found(browser) == [str(second.pk), str(first.pk)]
    page = text_of(browser)
    for told in ("Contoso", "Fabrikam", "Person of contoso", plan.product.name, "Self-service", "$9.99", "$29.97"):
        assert told in page, told
    for hidden in (of_partner, of_nobody):
        assert str(hidden.pk) not in page
        assert hidden.purchaser.user.email not in page


def test_each_customer_shows_what_it_would_to_whoever_acts_there(partner, plan):
    now = timezone.now()
    central = price_centrally(plan_on_sale())
    bought = {}
    roles = ["billing_admin", "global_reader", "license_admin", "user_admin"]
    for role in roles:
        tenant, member, pat = customer(partner, role.replace("_", "-"), roles=[role])
        admin = factories.MembershipFactory(tenant=tenant, roles=["global_admin"])
        bought[role] = (buy(member, plan, at=now), buy_centrally(admin, central, at=now))
    browser = signed_in(pat.member)
    told = {line["url"].split("/")[-3]: line for line in lines(browser)}
    for role, (own, of_all) in bought.items():
        assert (str(own.pk) in told) == (role != "user_admin"), role
        assert str(of_all.pk) in told, role
        priced = role in ("billing_admin", "global_reader")
        assert cell(told[str(of_all.pk)], "unit_price") == ("$8.99" if priced else "–"), role
        assert ("17.98" in cell(told[str(of_all.pk)], "price_paid")) == priced, role
    for role in roles:
        tenant = bought[role][0].tenant
        acting = signed_in(pat.member)
        acting.post("/acting-for/", {"tenant": tenant.slug})
        there = acting.get(reverse("admin:commerce_purchase_changelist")).context["cl"].result_list
        assert {str(row.pk) for row in there} == set(found(browser, f"customer={tenant.slug}")), role


def test_where_no_customer_tells_prices_there_are_none_and_no_filter_by_them(partner, plan):
    tenant, _member, pat = customer(partner, "contoso", roles=["license_admin"])
    buy_centrally(factories.MembershipFactory(tenant=tenant, roles=["global_admin"]), plan, at=timezone.now())
    browser = signed_in(pat.member)
    page = text_of(browser)
    for hidden in ("Unit price", "Price paid", "8.99", "17.98", "costs more", "spent_in"):
        assert hidden not in page, hidden
    for query in ("over=1", f"spent_in={timezone.now():%Y-%m}"):
        assert "Your roles do not show you prices." in text_of(browser, query)
        assert found(browser, query) == []


def test_by_price_those_are_found_alone_that_tell_theirs(partner, plan):
    now = timezone.now()
    _contoso, ana, pat = customer(partner, "contoso")
    _fabrikam, felix, _pat = customer(partner, "fabrikam", roles=["license_admin"])
    told, _hidden = buy(ana, plan, at=now), buy(felix, plan, at=now)
    browser = signed_in(pat.member)
    for query in ("over=5", f"spent_in={now:%Y-%m}+USD", f"spent_in={now:%Y-%m}"):
        assert found(browser, query) == [str(told.pk)], query
    assert "Your roles do not show you prices." in text_of(browser, "over=5&customer=fabrikam")


def test_a_delegation_that_is_over_shows_nothing_from_its_very_minute(partner, plan):
    now = timezone.now()
    _contoso, ana, pat = customer(partner, "contoso")
    _fabrikam, felix, _pat = customer(partner, "fabrikam")
    mine, other = buy(ana, plan, at=now), buy(felix, plan, at=now)
    ends = now + timedelta(minutes=30)
    Delegation.objects.filter(tenant=ana.tenant).update(ends_at=ends)
    with time_machine.travel(ends - timedelta(seconds=1), tick=False):
        browser = signed_in(pat.member)
        assert set(found(browser)) == {str(mine.pk), str(other.pk)}
    with time_machine.travel(ends, tick=False):
        assert found(browser) == [str(other.pk)]
        assert found(browser, "customer=contoso") == []
        assert "There is no such customer." in text_of(browser, "customer=contoso")
        assert "Nobody here has this address." in text_of(browser, f"purchaser={ana.user.email}")
        assert "Contoso" not in text_of(browser)
        Delegation.objects.update(ends_at=ends)
        assert browser.get(PURCHASES).status_code == 403


def test_a_customer_that_asks_for_a_second_factor_shows_nothing_to_whoever_has_none(partner, plan):
    tenant, ana, pat = customer(partner, "contoso")
    buy(ana, plan, at=timezone.now())
    browser = signed_in(pat.member)
    for asks, number in ((False, 1), (True, 0)):
        tenant.requires_second_factor = asks
        tenant.save()
        assert len(found(browser)) == number


def test_whoever_has_no_customers_is_refused(partner, contoso, operator, plan):
    buy(factories.MembershipFactory(tenant=contoso), plan)
    for browser in (browser_of(contoso), browser_of(partner), signed_in(operator)):
        assert browser.get(PURCHASES).status_code == 403
    _tenant, _member, pat = customer(partner, "fabrikam")
    assert signed_in(pat.member).post(PURCHASES).status_code == 403
