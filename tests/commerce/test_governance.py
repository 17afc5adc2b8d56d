"""What an organisation says about data and access: shown before paying and on what was bought, read by the buyer."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commerce.models import CheckoutState, Payment
from policies.models import Acknowledgement
from policies.operations import governance
from policies.operations.governance import Terms
from tenants.journal.models import Event
from tests.callers import Api, signed_in
from tests.commerce.conftest import errors, state_of
from tests.factories import (
    DepartmentFactory,
    MembershipFactory,
    PolicyFactory,
    ProductFactory,
    admin_of,
    buy,
    buy_centrally,
    open_checkout,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

VISA = "pm_card_visa"


@pytest.fixture
def say(tenant):
    """Set a policy of the buyer's organisation."""

    def add(kind="residency", name="EU only", **said):
        terms = Terms(name=name, kind=kind, **said)
        return governance.add(tenant=tenant, terms=terms, by=admin_of(tenant), at=timezone.now())

    return add


@pytest.fixture
def checkout(ana, plan):
    return open_checkout(ana, plan, at=timezone.now())


@pytest.fixture
def browser(ana):
    return signed_in(ana)


def ref(policy):
    return {
        "id": str(policy.pk),
        "name": policy.name,
        "kind": policy.kind,
        "settings": policy.settings,
        "acknowledge": policy.acknowledge,
        "version": policy.version,
    }


def page_of(checkout):
    return reverse("checkout", args=[checkout.pk])


def pay_on_page(browser, checkout, **sent):
    return browser.post(
        reverse("checkout-pay", args=[checkout.pk]), {"quantity": checkout.quantity, "payment_method": VISA, **sent}
    )


def ticked(policy):
    return f"{policy.pk}:{policy.version}"


def pay_by_api(api, checkout, key="pay", **body):
    return api.post(f"checkouts/{checkout.pk}/pay/", {"payment_method": VISA, **body}, key=key)


def queries_of(ask):
    with CaptureQueriesContext(connection) as caught:
        ask()
    return len(caught)


# --- Shown


def test_a_quote_names_what_holds_for_its_product_and_nothing_else(say, api, plan):
    kept = say(settings={"Region": "EU"}, products=[plan.product_id])
    say(name="Elsewhere", products=[ProductFactory().pk])
    foreign = Terms(name="Foreign", kind="sharing")
    other = MembershipFactory().tenant
    governance.add(tenant=other, terms=foreign, by=admin_of(other), at=timezone.now())
    opened = api.post("checkouts/", {"plan": plan.pk, "quantity": 1}, key="open").json()
    assert (opened["quote"]["governance"], opened["warnings"]) == ([ref(kept)], [])


def test_the_checkout_page_shows_it_in_plain_words_before_paying(say, browser, checkout):
    say(settings={"Region": "European Union"})
    page = browser.get(page_of(checkout)).content.decode()
    for words in ("EU only", "Where data is kept", "Region: European Union"):
        assert words in page
    assert "I have read" not in page


def test_who_will_be_shut_out_is_warned_and_not_refused(say, api, ana, browser, checkout):
    department = DepartmentFactory(tenant=ana.tenant)
    say("access", name="Sales only", departments=[department])
    answer = api.get(f"checkouts/{checkout.pk}/").json()
    assert [warning["code"] for warning in answer["warnings"]] == ["access_policy"]
    assert "You will not be able to use it" in browser.get(page_of(checkout)).content.decode()
    assert pay_by_api(api, checkout).status_code == 200
    assert api.get(f"checkouts/{checkout.pk}/").json()["warnings"] == []


def test_who_keeps_access_is_not_warned(say, api, ana, browser, checkout):
    ana.department = DepartmentFactory(tenant=ana.tenant)
    ana.save()
    say("access", name="Sales only", departments=[ana.department])
    assert api.get(f"checkouts/{checkout.pk}/").json()["warnings"] == []
    assert "You will not be able to use it" not in browser.get(page_of(checkout)).content.decode()


@pytest.mark.parametrize("how", ["self_service", "central"])
def test_a_subscription_shows_it_however_it_was_bought(say, ana, plan, admin, how):
    bought = buy(ana, plan, at=timezone.now()) if how == "self_service" else buy_centrally(admin_buyer(ana), plan)
    kept = say(settings={"Region": "EU"})
    api = Api(admin)
    assert api.get(f"subscriptions/{bought.pk}/").json()["governance"] == [ref(kept)]
    assert [row["governance"] for row in api.get("subscriptions/").json()["results"]] == [[ref(kept)]]
    shown = signed_in(admin).get(reverse("admin:commerce_purchase_change", args=[bought.pk])).content.decode()
    assert "EU only" in shown
    assert "Region: EU" in shown


def admin_buyer(ana):
    return admin_of(ana.tenant, "billing_admin").membership


def test_the_owners_page_shows_it(say, browser, subscription):
    say(settings={"Region": "EU"})
    page = browser.get(reverse("my-subscription", args=[subscription.pk])).content.decode()
    assert "What your organisation says about it" in page
    assert "Region: EU" in page


def test_a_list_of_thirty_costs_the_queries_of_one(say, api, ana, plan):
    say(name="For all")
    buy(ana, plan, at=timezone.now())
    one = queries_of(lambda: api.get("subscriptions/"))
    for number in range(29):
        other = plan_on_sale()
        buy(ana, other, 1, at=timezone.now())
        say(name=f"For {number}", products=[other.product_id])
    assert queries_of(lambda: api.get("subscriptions/")) == one
    assert {len(row["governance"]) for row in api.get("subscriptions/").json()["results"]} == {1, 2}


# --- Read before paying


def test_the_api_pays_only_once_what_asks_for_it_was_read(say, api, ana, checkout):
    policy = say(settings={"Region": "EU"}, acknowledge=True)
    for body in ({}, {"acknowledge": []}):
        assert errors(pay_by_api(api, checkout, **body)) == [("acknowledge", "required")]
    assert (state_of(checkout), Payment.objects.count()) == (CheckoutState.OPEN, 0)
    assert errors(pay_by_api(api, checkout, acknowledge=["nothing"])) == [("acknowledge", "does_not_exist")]
    assert pay_by_api(api, checkout, acknowledge=[str(policy.pk)]).status_code == 200
    noted = Acknowledgement.objects.get()
    assert (noted.member, noted.subject, noted.policy, noted.version) == (ana, checkout.pk, policy.pk, 1)
    assert noted.settings == {"Region": "EU"}
    event = Event.objects.get(type="governance.acknowledged")
    assert (event.actor, event.data["version"], event.data["settings"]) == (ana.user, 1, {"Region": "EU"})


def test_a_policy_of_another_product_asks_for_nothing(say, api, checkout):
    say(acknowledge=True, products=[ProductFactory().pk])
    assert pay_by_api(api, checkout).status_code == 200
    assert not Acknowledgement.objects.exists()


def test_the_page_asks_with_a_box_and_pays_only_when_it_is_ticked(say, browser, ana, checkout):
    policy, other = say(acknowledge=True), say(name="Retention", kind="retention", acknowledge=True)
    assert "I have read “EU only”" in browser.get(page_of(checkout)).content.decode()
    for sent in ({}, {"acknowledge": [ticked(policy)]}):
        answer = pay_on_page(browser, checkout, **sent)
        assert answer.status_code == 400
        assert "Say that you have read the rules" in answer.content.decode()
    assert (state_of(checkout), Payment.objects.count()) == (CheckoutState.OPEN, 0)
    pay_on_page(browser, checkout, acknowledge=[ticked(policy), ticked(other)])
    assert state_of(checkout) == CheckoutState.COMPLETED
    assert Acknowledgement.objects.filter(member=ana).count() == 2


def test_what_changed_after_the_page_was_shown_is_read_again(say, browser, ana, checkout):
    policy = say(acknowledge=True)
    seen = ticked(policy)
    governance.change(policy=policy, settings={"Region": "US"}, by=admin_of(ana.tenant), at=timezone.now())
    answer = pay_on_page(browser, checkout, acknowledge=[seen])
    assert answer.status_code == 400
    assert "Read it again" in answer.content.decode()
    assert (state_of(checkout), Acknowledgement.objects.count()) == (CheckoutState.OPEN, 0)


def test_a_new_total_is_shown_without_it_and_a_declined_card_does_not_ask_twice(say, browser, checkout):
    policy = say(acknowledge=True)
    assert pay_on_page(browser, checkout, update="1", quantity=3).status_code == 302
    pay_on_page(browser, checkout, payment_method="pm_card_chargeDeclined", acknowledge=[ticked(policy)])
    assert "I have read" not in browser.get(page_of(checkout)).content.decode()
    pay_on_page(browser, checkout)
    assert state_of(checkout) == CheckoutState.COMPLETED


def test_a_request_for_approval_is_read_when_it_is_asked_for(say, browser, ana, checkout):
    admin_of(ana.tenant)
    PolicyFactory(tenant=ana.tenant, product=checkout.plan.product, value="approval_required")
    policy = say(acknowledge=True)
    assert pay_on_page(browser, checkout, no_card="1").status_code == 400
    assert state_of(checkout) == CheckoutState.OPEN
    pay_on_page(browser, checkout, no_card="1", acknowledge=[ticked(policy)])
    assert state_of(checkout) == CheckoutState.AWAITING_APPROVAL
    assert Acknowledgement.objects.get().member == ana
