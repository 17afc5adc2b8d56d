"""What a partner has sold: recorded under a delegation by its own channel, its seats given, nobody charged."""

from datetime import timedelta

import pytest
from django.utils import timezone

from commerce.models import Invoice, Order, SandboxCharge
from commerce.operations.buying import partner
from licensing.models import Subscription
from licensing.operations import lifecycle, seats, subscriptions
from tenants.directory.operations import delegations
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.callers import Api, signed_in
from tests.factories import MembershipFactory, TenantFactory, acting, admin_of, plan_on_sale
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def pat():
    return let_in(TenantFactory(), roles=["billing_admin", "license_admin"], at=timezone.now())


def record(pat, quantity=3, **kwargs):
    return partner.record(plan=plan_on_sale(), quantity=quantity, by=pat.actor, at=timezone.now(), **kwargs)


def test_is_the_customers_own_by_the_partners_channel_and_charges_nobody(pat):
    recorded = record(pat)
    granter = pat.delegation.granted_by
    assert (recorded.channel, recorded.purchaser, recorded.owner, recorded.payer) == ("partner", granter, None, None)
    assert not Order.objects.exists()
    assert not Invoice.objects.exists()
    assert not SandboxCharge.objects.using("sandbox").exists()
    event = Event.objects.get(type="subscription.started")
    assert (event.actor, event.on_behalf_of) == (pat.user, pat.delegation.partner)
    seats.assign(
        subscription=recorded,
        members=[MembershipFactory(tenant=recorded.tenant)],
        by=admin_of(recorded.tenant),
        at=timezone.now(),
    )


def test_the_same_key_records_once(pat):
    body = {"plan": plan_on_sale().pk, "quantity": 2}
    api = Api(pat.as_token_holder)
    first, again = (api.post("subscriptions/", body, key="once") for _time in range(2))
    assert first.status_code == again.status_code == 201
    told = first.json()
    assert (told["id"], told["channel"], told["unit_price"]) == (again.json()["id"], "partner", None)
    assert Subscription.objects.count() == 1
    assert api.get(f"subscriptions/{told['id']}/").status_code == 200


@pytest.mark.parametrize("field", ["payment_method", "agreement"])
def test_nothing_that_would_pay_is_taken(pat, field):
    value = "pm_card_visa" if field == "payment_method" else "0197b8a0-0000-7000-8000-000000000000"
    body = {"plan": plan_on_sale().pk, "quantity": 2, field: value}
    answer = Api(pat.as_token_holder).post("subscriptions/", body, key="k")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "charges_nobody"
    assert not Subscription.objects.exists()


def test_only_a_delegate_whose_roles_allow_buying_records(pat):
    plan, now = plan_on_sale(), timezone.now()
    reader = let_in(TenantFactory(), roles=["global_reader"], at=now)
    for by in (reader.actor, admin_of(pat.delegation.tenant), acting(pat.member)):
        with pytest.raises(NotAllowed):
            partner.record(plan=plan, quantity=1, by=by, at=now)
    with pytest.raises(BadInput):
        partner.record(plan=plan, quantity=0, by=pat.actor, at=now)
    assert not Subscription.objects.exists()


def test_nothing_is_recorded_once_the_delegation_was_taken_back_in_the_middle(pat):
    by, now = pat.actor, timezone.now()
    delegations.revoke(delegation=pat.delegation, by=admin_of(pat.delegation.tenant), at=now)
    with pytest.raises(NotAllowed):
        partner.record(plan=plan_on_sale(), quantity=1, by=by, at=now)
    assert not Subscription.objects.exists()


def test_is_neither_renewed_nor_changed_here_and_ends_with_its_term(pat):
    recorded = record(pat)
    admin, now = admin_of(recorded.tenant), timezone.now()
    with pytest.raises(subscriptions.RecordedByPartner):
        subscriptions.set_auto_renew(subscription=recorded, auto_renew=True, by=admin, at=now)
    answer = Api(admin.membership).post(
        f"subscriptions/{recorded.pk}/quantity/", {"quantity": 9, "payment_method": "pm_card_visa"}, key="k"
    )
    assert answer.json()["code"] == "recorded_by_partner"
    lifecycle.advance_due(at=recorded.term_end + timedelta(minutes=1))
    recorded.refresh_from_db()
    assert (recorded.state, recorded.quantity) == ("expired", 3)


def test_a_delegate_spends_nothing_of_the_customers(pat):
    bought = record(pat)
    Subscription.objects.filter(pk=bought.pk).update(channel="central")
    answer = Api(pat.as_token_holder).post(
        f"subscriptions/{bought.pk}/quantity/", {"quantity": 9, "payment_method": "pm_card_visa"}, key="k"
    )
    assert answer.json()["code"] == "not_allowed"
    assert "spends nothing" in answer.json()["detail"]


def test_is_recorded_by_a_page_and_read_by_the_customers_admins(pat):
    plan = plan_on_sale()
    browser = signed_in(pat.as_token_holder)
    page = "/admin/commerce/purchase/order/"
    once = browser.get(page).context["form"].initial["once"]
    sent = {"plan": plan.pk, "quantity": "4", "once": once}
    answers = [browser.post(page, sent) for _time in range(2)]
    [recorded] = Subscription.objects.all()
    assert {answer.headers["Location"] for answer in answers} == {f"/admin/commerce/purchase/{recorded.pk}/change/"}
    assert browser.post(page, {**sent, "quantity": "many"}).status_code == 400
    for who in (browser, signed_in(admin_of(recorded.tenant).membership)):
        assert "Partner" in who.get(f"/admin/commerce/purchase/{recorded.pk}/change/").content.decode()
        assert who.get("/admin/commerce/purchase/").status_code == 200


def test_the_buyers_pages_tell_a_delegate_in_a_sentence_that_they_do_not_buy_here(pat):
    browser, plan = signed_in(pat.as_token_holder), plan_on_sale()
    assert browser.get("/").status_code == 200
    for page in (f"/buy/{plan.pk}/", "/my/subscriptions/", "/my/payment-methods/", "/my/invoices/", "/my/requests/"):
        answer = browser.get(page)
        assert answer.status_code == 403, page
        assert "You act here for a partner" in answer.content.decode(), page
    answer = Api(pat.as_token_holder).post("checkouts/", {"plan": plan.pk, "quantity": 1}, key="c")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
