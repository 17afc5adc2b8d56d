"""What waits at all customers of a partner: whose, until when, in which order, and what it costs to show."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commerce.models import LeaverTask
from licensing.models import Subscription
from policies.models import Approval, LicenseRequest
from tenants.directory.delegations import Delegation
from tests import factories
from tests.admin.customers.there import AT_MOST, CUSTOMERS, TOGETHER, address, cell, customer, lines, text_of
from tests.admin.customers.waiting import LISTS, customers_of, everything, new_product, told_at_home
from tests.admin.pages import APPROVALS, LEAVERS, PURCHASES, REQUESTS, browser_of, listed
from tests.callers import signed_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

ROLES = ["global_admin", "billing_admin", "license_admin", "user_admin", "global_reader"]
# Of one organisation, as it shows them to whoever acts there.
THERE = {
    "approvals": f"{listed(APPROVALS)}?state=waiting",
    "requests": f"{listed(REQUESTS)}?state=waiting",
    "leavers": f"{listed(LEAVERS)}?state=open",
    "purchases": listed(PURCHASES),
    "renewals": f"{listed(PURCHASES)}?renewal=coming&expires_within=90",
}


@pytest.fixture
def two(partner, plan):
    """Customers that let the same person do different things, and an organisation that is no customer."""
    _tenant, ana, pat = customer(partner, "contoso")
    _tenant, felix, _pat = customer(partner, "fabrikam", roles=["license_admin"])
    for member in (ana, felix, factories.MembershipFactory(tenant__slug="stranger", tenant__name="Stranger")):
        everything(member, plan)
    new_product()
    return signed_in(pat.member)


def acting_in(person, slug):
    browser = signed_in(person)
    browser.post("/acting-for/", {"tenant": slug})
    return browser


# --- Whose


def test_each_customer_shows_what_its_roles_allow_and_nobody_else_anything(two):
    assert customers_of(two, "approvals") == ["contoso"]
    assert customers_of(two, "leavers") == ["contoso"]
    assert customers_of(two, "new_products") == ["contoso"]
    assert customers_of(two, "requests") == ["fabrikam"]
    assert sorted(customers_of(two, "renewals")) == ["contoso", "contoso", "fabrikam", "fabrikam"]
    for name in LISTS:
        assert "Stranger" not in text_of(two, page=address(name)), name


def test_every_list_shows_what_its_page_would_to_whoever_acts_there(partner, plan):
    for role in ROLES:
        _tenant, member, pat = customer(partner, role.replace("_", "-"), roles=[role])
        everything(member, plan)
    browser = signed_in(pat.member)
    for role in ROLES:
        slug = role.replace("_", "-")
        there = acting_in(pat.member, slug)
        for name, page in THERE.items():
            answer = there.get(page)
            rows = answer.context["cl"].result_list if answer.status_code == 200 else []
            shown = browser.get(f"{address(name)}?customer={slug}").context["lines"]
            told = {line["url"].split("/")[-3] for line in shown}
            assert told == {str(row.pk) for row in rows}, (role, name)
            assert (answer.status_code == 200) == (slug in customers_offered(browser, name)), (role, name)


def customers_offered(browser, name):
    return {each.slug for each in browser.get(address(name)).context["customers"]}


def test_what_a_renewal_costs_is_told_of_those_that_tell_prices(two):
    told = {line["customer"].slug: cell(line, "next_charge") for line in lines(two, page=address("renewals"))}
    assert "$19.98" in told["contoso"]
    assert told["fabrikam"] == "–"
    Delegation.objects.update(roles=["license_admin"])
    page = text_of(two, page=address("renewals"))
    assert "19.98" not in page
    assert "Next charge" not in page


@pytest.mark.parametrize(
    "over",
    [
        {"ends_at": True},
        {"accepted_at": None, "accepted_by": None},
        {"revoked_at": True},
    ],
    ids=["ended", "not accepted", "given up"],
)
def test_a_delegation_that_does_not_stand_shows_nothing(two, over):
    now = timezone.now()
    changed = {name: now if value else None for name, value in over.items()}
    if "revoked_at" in over:
        changed["revoked_by"] = Delegation.objects.first().accepted_by
    Delegation.objects.filter(tenant__slug="contoso").update(granted_at=now - timedelta(days=1), **changed)
    for name in ("approvals", "leavers", "new_products"):
        assert two.get(address(name)).status_code == 403, name
    assert set(customers_of(two, "renewals")) == {"fabrikam"}
    assert set(told_at_home(two, TOGETHER)) == {
        "1 licence request waits for a decision",
        "1 renewal could not be charged",
    }


def test_it_ends_at_its_very_minute(two):
    ends = timezone.now() + timedelta(minutes=30)
    Delegation.objects.filter(tenant__slug="contoso").update(ends_at=ends)
    with time_machine.travel(ends - timedelta(seconds=1), tick=False):
        assert customers_of(two, "approvals") == ["contoso"]
        assert "1 purchase waits for an approval" in told_at_home(two, TOGETHER)
    with time_machine.travel(ends, tick=False):
        assert two.get(address("approvals")).status_code == 403
        assert "1 purchase waits for an approval" not in told_at_home(two, TOGETHER)


def test_a_list_that_no_customer_shows_is_refused_and_not_in_the_navigation(partner, plan, contoso, operator):
    _tenant, _member, pat = customer(partner, "fabrikam", roles=["user_admin"])
    browser = signed_in(pat.member)
    links = browser.get(CUSTOMERS).content.decode()
    for name, is_shown in (("requests", True), ("renewals", True), ("approvals", False), ("leavers", False)):
        assert (browser.get(address(name)).status_code == 200) == is_shown, name
        assert (f'href="{address(name)}"' in links) == is_shown, name
        assert browser.post(address(name)).status_code == 403
        for other in (browser_of(contoso), signed_in(operator)):
            assert other.get(address(name)).status_code == 403, name


# --- The first page


def test_what_is_told_of_all_customers_is_as_much_as_its_list_has(two, partner, plan):
    _tenant, member, _pat = customer(partner, "northwind", roles=["global_admin"])
    everything(member, plan)
    told = told_at_home(two, TOGETHER)
    assert list(told) == [
        "2 purchases wait for an approval",
        "2 licence requests wait for a decision",
        "2 purchases of people who left wait for a decision",
        "2 customers have new products to decide on",
        "3 renewals could not be charged",
    ]
    for text, url in told.items():
        assert len(two.get(url).context["lines"]) == int(text.split()[0]), text
    assert "What waits at your customers" in two.get(TOGETHER).content.decode()


def test_where_nothing_waits_nothing_is_told(partner):
    _tenant, _member, pat = customer(partner, "contoso")
    assert told_at_home(signed_in(pat.member), TOGETHER) == {}


def test_whoever_has_no_customers_is_told_nothing_of_any(two):
    assert told_at_home(browser_of(factories.TenantFactory()), TOGETHER) == {}


# --- Their order, and where they lead


def test_what_is_due_first_stands_first(partner, plan):
    now = timezone.now()
    for name in ("contoso", "fabrikam", "northwind"):
        _tenant, member, pat = customer(partner, name, roles=["global_admin"])
        everything(member, plan)
    moments = dict(zip(("contoso", "fabrikam", "northwind"), (now + timedelta(days=d) for d in (3, 1, 2)), strict=True))
    for slug, moment in moments.items():
        Approval.objects.filter(tenant__slug=slug).update(lapses_at=moment)
        LicenseRequest.objects.filter(tenant__slug=slug).update(created_at=moment - timedelta(days=9))
        Subscription.objects.filter(tenant__slug=slug).update(term_end=moment)
    browser = signed_in(pat.member)
    for name in ("approvals", "requests", "leavers"):
        assert customers_of(browser, name) == ["fabrikam", "northwind", "contoso"], name
    assert customers_of(browser, "renewals")[::2] == ["fabrikam", "northwind", "contoso"]
    # What is not charged any more is in no hurry.
    first = LeaverTask.objects.filter(tenant__slug="fabrikam").values("subscription")
    Subscription.objects.filter(pk__in=first).update(auto_renew=False)
    assert customers_of(browser, "leavers") == ["northwind", "contoso", "fabrikam"]


def test_the_customer_whose_oldest_product_waits_longest_stands_first(partner, plan):
    old, young = new_product("Power Pages"), new_product("Power Automate")
    young.created_at += timedelta(days=1)
    young.save()
    for name in ("contoso", "fabrikam"):
        tenant, _member, pat = customer(partner, name)
        if name == "contoso":
            factories.PolicyFactory(tenant=tenant, product=old, value="enabled")
    browser = signed_in(pat.member)
    shown = lines(browser, page=address("new_products"))
    assert [(line["customer"].slug, cell(line, "which")) for line in shown] == [
        ("fabrikam", "Power Pages, Power Automate"),
        ("contoso", "Power Automate"),
    ]


def test_a_row_is_opened_by_acting_for_its_customer(two):
    for name, slug in (
        ("approvals", "contoso"),
        ("requests", "fabrikam"),
        ("leavers", "contoso"),
        ("new_products", "contoso"),
    ):
        [line] = lines(two, page=address(name))
        answer = two.post("/acting-for/", {"tenant": slug, "next": line["url"]}, follow=True)
        assert answer.redirect_chain == [(line["url"], 302)], name
        assert answer.status_code == 200, name
        assert "acting for" in text_of(two, page=address(name))


def test_one_customer_can_be_asked_for_and_no_other_organisation(two):
    assert set(customers_of(two, "renewals", "customer=fabrikam")) == {"fabrikam"}
    for name, slug in (
        ("approvals", "stranger"),
        ("approvals", "fabrikam"),
        ("requests", "nowhere"),
        ("requests", "%00"),
    ):
        assert customers_of(two, name, f"customer={slug}") == []
        assert "There is no such customer." in text_of(two, f"customer={slug}", page=address(name))


def test_pages_end_where_every_list_does(partner, plan, monkeypatch):
    _tenant, member, pat = customer(partner, "contoso")
    for _ in range(5):
        factories.ApprovalFactory(requester=member, plan=plan)
    monkeypatch.setattr("commerce.admin.customers_list.A_PAGE", 2)
    monkeypatch.setattr("tenants.procurement_pages.LAST_ROW", 4)
    monkeypatch.setattr("config.home.counting.LAST_ROW", 4)
    monkeypatch.setattr("config.home.waiting.LAST_ROW", 4)
    browser, page = signed_in(pat.member), address("approvals")
    assert [len(lines(browser, f"p={number}", page)) for number in (1, 2, 3)] == [2, 2, 0]
    assert "The list ends here" in text_of(browser, "p=2", page)
    assert list(told_at_home(browser, TOGETHER)) == ["4 purchases wait for an approval, and more do"]


# --- What it costs


def test_it_costs_the_same_with_two_customers_and_with_twenty(partner, plan):
    new_product()
    for number in range(2):
        _tenant, member, pat = customer(partner, f"customer-{number}", roles=["global_admin"])
        everything(member, plan)
    browser, counts = signed_in(pat.member), {}
    pages = [TOGETHER, *map(address, LISTS)]

    def count():
        for page in pages:
            browser.get(page)
            with CaptureQueriesContext(connection) as captured:
                assert browser.get(page).status_code == 200
            counts.setdefault(page, []).append(len(captured))

    count()
    for number in range(2, 20):
        _tenant, member, _pat = customer(partner, f"customer-{number}", roles=["global_admin"])
        everything(member, plan)
    count()
    for page, (of_two, of_twenty) in counts.items():
        assert of_two == of_twenty <= AT_MOST, page
    for name in ("approvals", "requests", "leavers", "new_products"):
        assert len(customers_of(browser, name)) == 20, name
