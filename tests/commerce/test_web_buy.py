"""Buying in the browser: address, price, card, receipt, and every way in which it stops."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commerce.models import Checkout, CheckoutState, Order, Payment, PaymentState
from commerce.models.sandbox import SandboxCharge
from licensing.models import Seat, Subscription
from policies.models import Decision
from tenants.journal.models import Event
from tests.callers import Api, signed_in
from tests.factories import (
    DomainFactory,
    GuestFactory,
    MarketFactory,
    MembershipFactory,
    OperatorFactory,
    PolicyFactory,
    PriceFactory,
    TenantFactory,
    UserFactory,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

VISA = "pm_card_visa"


@pytest.fixture
def tenant():
    return DomainFactory(
        tenant__name="Contoso",
        tenant__slug="contoso",
        tenant__contact_url="https://help.contoso.example/",
        tenant__contact_message="Ask us in the software channel.",
    ).tenant


@pytest.fixture
def ana(tenant):
    return MembershipFactory(tenant=tenant, name="Ana Alvarez", user__email="ana@contoso.example")


@pytest.fixture
def plan():
    return plan_on_sale(product__name="Power BI Pro")


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


# --- The catalogue


def test_catalogue_is_public_and_shows_prices_of_the_chosen_country(client, plan):
    MarketFactory(country="DE", name="Germany")
    PriceFactory(plan=plan, currency="EUR", amount=Decimal("8.40"))
    assert "$9.99" in client.get("/").text
    assert "€8.40" in client.get("/?country=DE").text
    assert "€8.40" in client.get("/", headers={"Accept-Language": "fr;q=0.5, de-DE"}).text
    assert "$9.99" in client.get("/?country=%00", headers={"Accept-Language": "xx-ZZ,,;"}).text


def test_catalogue_offers_nothing_that_only_the_organisation_buys(client):
    plan = plan_on_sale(product__self_service=False)
    page = client.get("/")
    assert plan.product.name in page.text
    assert reverse("buy", kwargs={"plan_id": plan.pk}) not in page.text


def test_catalogue_shows_a_member_the_prices_of_their_own_country(plan):
    MarketFactory(country="SE")
    PriceFactory(plan=plan, currency="SEK", amount=Decimal("99.00"))
    page = signed_in(MembershipFactory(tenant__country="SE")).get("/?country=US").text
    assert "SEK" in page
    assert "$9.99" not in page


def test_catalogue_asks_the_same_number_of_questions_for_one_product_and_thirty(client, django_assert_num_queries):
    plan_on_sale()
    client.get("/")
    with django_assert_num_queries(4):
        client.get("/")
    for _ in range(29):
        plan_on_sale()
    with django_assert_num_queries(4):
        client.get("/")


def test_links_are_only_shown_when_they_are_web_addresses(client):
    plan_on_sale(product__resources={"learning": "https://learn.example/", "samples": "javascript:alert(1)"})
    page = client.get("/").text
    assert "https://learn.example/" in page
    assert "javascript:" not in page


# --- The address


def test_a_work_address_leads_to_sign_in_and_the_link_survives(client, tenant, ana, plan):
    assert "$19.98" in client.get(buy_url(plan)).text
    response = client.post(buy_url(plan), {"email": "Ana@Contoso.example"})
    assert response.status_code == 302
    assert response.url.startswith("/sign-in/?next=/buy/")
    assert "quantity%3D2" in response.url


def test_a_stranger_cannot_tell_whether_a_person_exists(tenant, ana, plan):
    known, unknown = (
        Client().post(buy_url(plan), {"email": email}) for email in ("ana@contoso.example", "nobody@contoso.example")
    )
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)


@pytest.mark.parametrize("email", ["x@nowhere.example", "x@loose.example", "x@pending.example"])
def test_an_address_of_no_managed_tenant_gets_the_contact_page(client, tenant, plan, email):
    DomainFactory(name="loose.example", tenant__managed=False, tenant__name="Loose Ends")
    DomainFactory(name="pending.example", tenant=tenant, verified_at=None)
    page = client.post(buy_url(plan), {"email": email})
    assert page.status_code == 200
    assert "Contact your IT admin" in page.text
    for secret in ("Loose Ends", "Contoso", tenant.contact_email):
        assert secret not in page.text


@pytest.mark.parametrize("email", ["", "ana", "a@b@c", "x" * 300 + "@contoso.example", "a\0@contoso.example"])
def test_a_broken_address_is_asked_for_again(client, tenant, plan, email):
    page = client.post(buy_url(plan), {"email": email})
    assert page.status_code == 400
    assert 'href="#id_email"' in page.text


def test_looking_whether_a_link_works_writes_nothing(ana, tenant, plan):
    assert signed_in(ana).head(buy_url(plan)).status_code == 200
    PolicyFactory(tenant=tenant, product=plan.product)
    assert signed_in(ana).head(buy_url(plan)).status_code == 200
    assert not Checkout.objects.exists()
    assert not Decision.objects.exists()


def test_following_the_link_again_writes_nothing_more(ana, plan):
    client = signed_in(ana)
    first, _page = opened(client, plan)
    written = Event.objects.count()
    assert opened(client, plan)[0] == first
    assert (Decision.objects.count(), Event.objects.count()) == (1, written)


def test_page_and_api_agree_when_it_would_end(ana, plan):
    checkout, page = opened(signed_in(ana), plan)
    Checkout.objects.update(created_at=checkout.created_at - timedelta(hours=23))
    quote = Api(ana).get(f"checkouts/{checkout.pk}/").json()["quote"]
    assert abs(datetime.fromisoformat(quote["ends_at"]) - page.context["ends_at"]) < timedelta(minutes=1)


def test_an_unknown_plan_is_not_found(client):
    assert client.get("/buy/no-such-plan/").status_code == 404


# --- Review and pay


def test_ana_buys_two_seats_and_one_is_hers(ana, plan):
    client = signed_in(ana)
    checkout, page = opened(client, plan)
    assert checkout.total == Decimal("19.98")
    assert "ana@contoso.example" in page.text
    assert "Tax" not in page.text
    receipt = pay(client, checkout)
    assert "Purchase complete" in receipt.text
    assert "$19.98" in receipt.text
    subscription = Subscription.objects.get()
    assert (subscription.purchaser, subscription.quantity) == (ana, 2)
    assert Seat.objects.open().get().member == ana


def test_a_second_click_on_pay_now_charges_nothing_more(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    first, second = pay(client, checkout), pay(client, checkout)
    assert "Purchase complete" in first.text
    assert "Purchase complete" in second.text
    assert Payment.objects.count() == Order.objects.count() == 1
    # By the bank's own ledger, which no test rolls back.
    assert SandboxCharge.objects.using("sandbox").filter(customer=str(ana.pk)).count() == 1


def test_paying_with_another_quantity_shows_the_new_total_first(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    page = pay(client, checkout, quantity=3)
    assert "The total is for 3 seats now" in page.text
    assert "$29.97" in page.text
    assert not Payment.objects.exists()


def test_the_total_is_updated_without_script(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    assert "$49.95" in pay(client, checkout, quantity=5, update="1").text


@pytest.mark.parametrize("quantity", ["0", "-1", "10001", "x", "1.5", "", "9" * 400, "\0"])
def test_a_quantity_that_cannot_be_is_asked_for_again(ana, plan, quantity):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    url = reverse("checkout-pay", kwargs={"checkout_id": checkout.pk})
    page = client.post(url, {"quantity": quantity, "payment_method": VISA})
    assert page.status_code == 400
    assert "Type a whole number from 1 to 10,000." in page.text
    link = client.get(reverse("buy", kwargs={"plan_id": plan.pk}), {"quantity": quantity}, follow=True)
    assert link.context["checkout"].quantity == 1
    assert not Payment.objects.exists()


def test_a_token_that_is_no_card_is_refused(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    page = pay(client, checkout, card="pm_bank_transfer")
    assert page.status_code == 400
    assert "Choose one of the cards." in page.text
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ("pm_card_chargeDeclined", "Your bank gave no reason. Nothing was charged."),
        ("pm_card_chargeDeclinedInsufficientFunds", "There is not enough money on this card. Nothing was charged."),
    ],
)
def test_a_declined_card_says_what_happened_to_the_money_and_another_one_pays(ana, plan, card, sentence):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    assert sentence in pay(client, checkout, card=card).text
    assert "Purchase complete" in pay(client, checkout).text


def test_a_checkout_takes_no_more_cards_after_five_declines(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    for _ in range(5):
        pay(client, checkout, card="pm_card_chargeDeclined")
    assert "Too many cards were declined" in pay(client, checkout).text
    assert not Subscription.objects.exists()


# --- The bank's step


def at_the_bank(client, plan):
    checkout, _page = opened(client, plan)
    page = pay(client, checkout, card="pm_card_authenticationRequired")
    assert "Confirm the payment" in page.text
    return checkout, page.redirect_chain[-1][0]


def test_the_cardholder_approves(ana, plan):
    client = signed_in(ana)
    _checkout, step = at_the_bank(client, plan)
    assert "Purchase complete" in client.post(step, {"decision": "approve"}, follow=True).text
    # Once more: the answer stands.
    assert "Purchase complete" in client.post(step, {"decision": "decline"}, follow=True).text
    assert "Purchase complete" in client.get(step, follow=True).text


def test_the_cardholder_declines_and_pays_with_another_card(ana, plan):
    client = signed_in(ana)
    checkout, step = at_the_bank(client, plan)
    page = client.post(step, {"decision": "decline"}, follow=True)
    assert "The payment was not confirmed with your bank. Nothing was charged." in page.text
    assert "Purchase complete" in pay(client, checkout).text


def test_a_step_that_waits_leads_back_to_the_bank_or_to_another_card(ana, plan):
    client = signed_in(ana)
    checkout, step = at_the_bank(client, plan)
    page = client.get(reverse("checkout", kwargs={"checkout_id": checkout.pk}))
    assert "Your bank wants you to confirm" in page.text
    assert step in page.text
    client.post(reverse("checkout-other-card", kwargs={"checkout_id": checkout.pk}))
    assert Payment.objects.get().state == PaymentState.CANCELED
    assert "Purchase complete" in pay(client, checkout).text


def test_the_return_without_an_answer_still_waits(ana, plan):
    client = signed_in(ana)
    checkout, _step = at_the_bank(client, plan)
    page = client.get(reverse("checkout-return", kwargs={"checkout_id": checkout.pk}), follow=True)
    assert "Your bank wants you to confirm" in page.text


# --- A checkout's other states


def test_a_payment_whose_answer_is_not_known_says_what_happens_to_the_money(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    Checkout.objects.update(state=CheckoutState.PROCESSING)
    page = client.get(reverse("checkout", kwargs={"checkout_id": checkout.pk}))
    assert "has not told us yet whether it paid $19.98" in page.text
    assert page["Refresh"] == "5"


@pytest.mark.parametrize("state", [CheckoutState.EXPIRED, CheckoutState.CANCELED, CheckoutState.OPEN])
def test_a_checkout_that_ended_offers_a_new_one(ana, plan, state):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    Checkout.objects.update(state=state, expires_at=timezone.now() - timedelta(seconds=1))
    page = client.get(reverse("checkout", kwargs={"checkout_id": checkout.pk}))
    assert "Start again" in page.text
    assert "Nothing was charged" in page.text
    assert "Start again" in pay(client, checkout).text
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("state", "says", "offers"),
    [
        (
            PaymentState.SURPLUS,
            "Your card was charged $19.98 after this checkout had ended. All of it goes back.",
            True,
        ),
        (PaymentState.SET_ASIDE, "Please don't pay again.", False),
        (PaymentState.FAILED, "Nothing was charged.", True),
    ],
)
def test_a_checkout_that_ended_tells_what_became_of_the_money(ana, plan, state, says, offers):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    pay(client, checkout, "pm_card_chargeDeclined")
    captured = 0 if state == PaymentState.FAILED else checkout.total
    Payment.objects.update(state=state, captured=captured)
    Checkout.objects.update(state=CheckoutState.CANCELED)
    page = client.get(reverse("checkout", kwargs={"checkout_id": checkout.pk})).text
    assert says in page
    assert ("Start again" in page, "Nothing was charged" in page) == (offers, state == PaymentState.FAILED)
    assert (str(Order.objects.get().pk) in page) is (state == PaymentState.SET_ASIDE)


# --- Refusals


def refused(page):
    assert page.status_code == 403
    assert "You can't buy this yourself" in page.text
    assert 'name="payment_method"' not in page.text
    return page.text


def test_a_forbidden_product_is_refused_before_any_card_with_the_contact(ana, tenant, plan):
    PolicyFactory(tenant=tenant, product=plan.product, value="disabled")
    page = refused(signed_in(ana).get(buy_url(plan), follow=True))
    assert "does not allow its people to buy this product" in page
    for told in (tenant.contact_email, tenant.contact_url, tenant.contact_message):
        assert told in page
    assert not Checkout.objects.exists()


def test_a_product_that_was_forbidden_meanwhile_is_refused_when_paying(ana, tenant, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    PolicyFactory(tenant=tenant, product=plan.product, value="disabled")
    refused(pay(client, checkout))
    assert not Payment.objects.exists()


def test_a_guest_is_refused(tenant, plan):
    refused(signed_in(GuestFactory(tenant=tenant)).get(buy_url(plan), follow=True))


def test_an_unmanaged_tenant_is_refused_and_its_empty_contact_makes_no_link(plan):
    page = refused(
        signed_in(MembershipFactory(tenant__managed=False, tenant__contact_email="")).get(buy_url(plan), follow=True)
    )
    assert "mailto:" not in page


def test_a_plan_without_a_price_is_refused(ana):
    MarketFactory()
    plan = plan_on_sale(currency="EUR")
    page = signed_in(ana).get(buy_url(plan), follow=True)
    assert page.status_code == 409
    assert "no price in your market" in page.text


def test_an_operator_belongs_to_no_organisation_and_buys_nothing(plan):
    page = signed_in(OperatorFactory()).get(buy_url(plan), follow=True)
    assert page.status_code == 403
    assert "belong to none" in page.text


def test_what_a_tenant_typed_is_text_and_never_markup(ana, tenant, plan):
    tenant.contact_message, tenant.contact_url = "<script>alert(1)</script>", "javascript:alert(1)"
    tenant.save()
    PolicyFactory(tenant=tenant, product=plan.product, value="disabled")
    page = refused(signed_in(ana).get(buy_url(plan), follow=True))
    assert "<script" not in page
    assert "javascript:" not in page


# --- Other people's


@pytest.mark.parametrize("name", ["checkout", "checkout-return"])
def test_another_persons_checkout_is_not_found(ana, tenant, plan, name):
    checkout, _page = opened(signed_in(ana), plan)
    url = reverse(name, kwargs={"checkout_id": checkout.pk})
    for stranger in (MembershipFactory(tenant=tenant), MembershipFactory(tenant=TenantFactory())):
        assert signed_in(stranger).get(url).status_code == 404
    assert Client().get(url).url.startswith("/sign-in/")


@pytest.mark.parametrize("name", ["checkout-pay", "checkout-other-card"])
def test_another_persons_checkout_is_not_paid_or_given_up(ana, tenant, plan, name):
    checkout, _page = opened(signed_in(ana), plan)
    url = reverse(name, kwargs={"checkout_id": checkout.pk})
    sent = {"quantity": 2, "payment_method": VISA}
    for stranger in (MembershipFactory(tenant=tenant), MembershipFactory(tenant=TenantFactory())):
        assert signed_in(stranger).post(url, sent).status_code == 404
    assert Client().post(url, sent).url.startswith("/sign-in/")
    assert not Payment.objects.exists()


def test_another_persons_bank_step_is_not_found(ana, tenant, plan):
    _checkout, step = at_the_bank(signed_in(ana), plan)
    for stranger in (MembershipFactory(tenant=tenant), MembershipFactory(tenant=TenantFactory())):
        client = signed_in(stranger)
        assert client.get(step).status_code == 404
        assert client.post(step, {"decision": "approve"}).status_code == 404
    assert not Subscription.objects.exists()


def test_a_page_that_pays_cannot_be_sent_from_another_site(ana, plan):
    checkout, _page = opened(signed_in(ana), plan)
    client = Client(enforce_csrf_checks=True)
    client.force_login(ana.user)
    url = reverse("checkout-pay", kwargs={"checkout_id": checkout.pk})
    assert client.post(url, {"quantity": 2, "payment_method": VISA}).status_code == 403
    assert not Payment.objects.exists()


def test_no_page_carries_script_or_inline_style(client, ana, plan):
    signed = signed_in(ana)
    checkout, page = opened(signed, plan)
    for html in (client.get("/").text, client.get(buy_url(plan)).text, page.text, pay(signed, checkout).text):
        assert "<script" not in html
        assert "style=" not in html
        assert " on" + "click" not in html


def test_the_person_without_a_name_is_shown_by_address(plan):
    user = UserFactory(email="noname@contoso.example")
    assert "noname@contoso.example" in signed_in(MembershipFactory(user=user)).get("/").text
