"""What one bought, in the browser: the list and the page of each; never somebody else's."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commerce.models import Order, Payment, PaymentState, Refund
from licensing.models import Seat, Subscription, SubscriptionState
from tenants.dates import day
from tenants.directory.models import Membership, User
from tests.callers import signed_in
from tests.commerce.pages import cancel, holders, send, url_of
from tests.factories import MembershipFactory, TenantFactory, buy, open_checkout, pay, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

QUERIES_OF_THE_LIST = 11
QUERIES_OF_THE_PAGE = 31
LIGHT_ENOUGH = 150_000
STEPS = ["active", "expired", "disabled", "deleted"]
ACTIONS = ["assign", "release", "auto-renew", "cancel"]


# --- The list


def test_the_list_shows_what_is_mine_alone(ana, subscription):
    buy(MembershipFactory(tenant=ana.tenant), plan_on_sale(product__name="Somebody else's"), 1, timezone.now())
    page = signed_in(ana).get(reverse("my-subscriptions")).text
    assert "Power BI Pro" in page
    assert "$19.98" in page
    assert "1 of 2" in page
    assert "Somebody else" not in page


def test_the_list_says_what_was_paid_after_what_went_back(ana, subscription):
    cancel(ana, subscription, reason="A trial was enough.")
    page = signed_in(ana).get(reverse("my-subscriptions")).text
    assert "$19.98" in page
    assert "refunded $19.98" in page
    assert f"Ended {day(timezone.now(), subscription.zone)}" in page
    assert f"bought {day(timezone.now(), subscription.zone)}" in page


def test_the_list_of_somebody_who_bought_nothing_says_what_it_is_for(ana):
    page = signed_in(ana).get(reverse("my-subscriptions")).text
    assert "You have bought nothing yet" in page
    assert "See all products" in page


def test_every_page_leads_to_my_subscriptions_for_whoever_has_one(ana, subscription):
    link = f'href="{reverse("my-subscriptions")}"'
    assert link in signed_in(ana).get("/").text
    assert link not in signed_in(MembershipFactory()).get("/").text
    assert link not in Client().get("/").text


def test_the_list_asks_the_same_number_of_questions_for_one_row_and_thirty(
    ana, subscription, django_assert_num_queries
):
    client, url = signed_in(ana), reverse("my-subscriptions")
    client.get(url)
    with django_assert_num_queries(QUERIES_OF_THE_LIST):
        client.get(url)
    for _ in range(29):
        buy(ana, plan_on_sale(), 1, timezone.now())
    with django_assert_num_queries(QUERIES_OF_THE_LIST):
        assert "Page 1 of 2" in client.get(url).text
    assert "Page 2 of 2" in client.get(url, {"page": "999"}).text
    assert client.get(url, {"page": "x\0"}).status_code == 200


def test_a_stranger_signs_in_first(subscription):
    for url in (reverse("my-subscriptions"), url_of(subscription)):
        assert Client().get(url).url == f"/sign-in/?next={url}"


# --- The page


def test_the_address_of_an_action_leads_back_to_the_page(ana, subscription):
    for action in ("assign", "release", "auto-renew"):
        assert signed_in(ana).get(url_of(subscription, action)).url == url_of(subscription)
        assert Client().post(url_of(subscription, action)).url == f"/sign-in/?next={url_of(subscription)}"


def test_the_page_shows_seats_price_and_end(ana, subscription):
    page = signed_in(ana).get(url_of(subscription)).text
    for shown in ("Ana Alvarez", "1 of 2 assigned", "$19.98", "Renews ", "Assign", "Release", "Cancel subscription"):
        assert shown in page
    assert "next charge" not in page.lower()


def test_the_page_asks_the_same_number_of_questions_for_one_seat_and_thirty(ana, django_assert_num_queries):
    subscription = buy(ana, plan_on_sale(), 40, timezone.now())
    client, url = signed_in(ana), url_of(subscription)
    client.get(url)
    with django_assert_num_queries(QUERIES_OF_THE_PAGE):
        client.get(url)
    people = MembershipFactory.create_batch(29, tenant=ana.tenant)
    send(ana, subscription, "assign", members="\n".join(person.user.email for person in people))
    with django_assert_num_queries(QUERIES_OF_THE_PAGE):
        assert "30 of 40 assigned" in client.get(url).text


def test_a_charge_that_was_not_needed_is_no_refund_of_this_one(ana, subscription):
    order = Order.objects.get()
    Payment.objects.create(
        tenant=ana.tenant,
        order=order,
        payer=ana,
        state=PaymentState.SURPLUS,
        amount=order.total,
        currency=order.currency,
        captured=order.total,
        refunded=order.total,
        payment_method="pm_card_visa",
        gateway="sandbox",
        started_at=timezone.now(),
    )
    for url in (url_of(subscription), reverse("checkout", kwargs={"checkout_id": order.checkout_id})):
        page = signed_in(ana).get(url).text
        assert "$19.98 was charged a second time and goes back to your card in full." in page
        assert "went back" not in page


@pytest.fixture
def crowd(ana):
    """A subscription of a thousand people, its page at its heaviest."""
    subscription = buy(ana, plan_on_sale(), 1000, timezone.now())
    people = [MembershipFactory.build(tenant=ana.tenant, name=f"Colleague {number:04}") for number in range(999)]
    for number, person in enumerate(people):
        person.user.email = f"colleague.number.{number:04}@contoso.example"
    User.objects.bulk_create(person.user for person in people)
    Membership.objects.bulk_create(people)
    Seat.objects.bulk_create(
        Seat(tenant=ana.tenant, subscription=subscription, member=person, assigned_at=timezone.now())
        for person in people
    )
    Subscription.objects.update(seats_assigned=1000)
    return subscription


def test_a_thousand_people_come_by_name_and_fifty_at_a_time(ana, crowd, django_assert_num_queries):
    client, url = signed_in(ana), url_of(crowd)
    client.get(url)
    with django_assert_num_queries(QUERIES_OF_THE_PAGE):
        first = client.get(url)
    assert len(first.content) + sum(path.stat().st_size for path in Path("static").glob("*")) < LIGHT_ENOUGH
    assert [str(seat) for seat in first.context["seats"][:3]] == ["Ana Alvarez", "Colleague 0000", "Colleague 0001"]
    assert "Page 1 of 20" in first.text
    assert "Colleague 0998" in client.get(url, {"page": "20"}).text


def test_a_person_is_found_by_name_or_address_and_released_from_there(ana, crowd):
    client, url = signed_in(ana), url_of(crowd)
    for typed in ("league 0500", "NUMBER.0500@"):
        assert [str(seat) for seat in client.get(url, {"q": typed}).context["seats"]] == ["Colleague 0500"]
    seat = Seat.objects.get(member__name="Colleague 0500")
    page = client.post(f"{url_of(crowd, 'release')}?q=Colleague+05&page=2", {"seats": [seat.pk]}, follow=True)
    assert page.redirect_chain == [(f"{url}?q=Colleague+05&page=2", 302)]
    assert "The seat of Colleague 0500 is free." in page.text
    assert 'value="Colleague 05"' in page.text
    assert "Page 2 of 2" in page.text


@pytest.mark.parametrize("typed", ["nobody", "%", "\0", "x" * 300])
def test_a_search_that_finds_nobody_shows_the_way_back(ana, subscription, typed):
    page = signed_in(ana).get(url_of(subscription), {"q": typed, "page": typed}).text
    assert "Nobody with a seat matches." in page
    assert "Show everybody" in page


@pytest.mark.parametrize(
    ("state", "word", "listed", "days"),
    [
        (SubscriptionState.EXPIRED, "In grace until", "In grace until", 30),
        (SubscriptionState.DISABLED, "Nobody has access", "Ended ", 90),
        (SubscriptionState.DELETED, "Closed for good", "Ended ", None),
    ],
)
def test_each_state_is_said_in_words(ana, subscription, state, word, listed, days):
    ends_at = timezone.now() + timedelta(days=days) if days else None
    taken = 0 if state == SubscriptionState.DELETED else 1
    # One step after the other: the database knows no other way.
    for reached in STEPS[: STEPS.index(state)]:
        Subscription.objects.update(state=reached)
    Subscription.objects.update(state=state, state_ends_at=ends_at, seats_assigned=taken)
    assert word in signed_in(ana).get(url_of(subscription)).text
    assert listed in signed_in(ana).get(reverse("my-subscriptions")).text


# --- Money that did not go back


def test_what_the_bank_refused_to_take_back_is_still_owed(ana, plan):
    pay(open_checkout(ana, plan, at=timezone.now()), "pm_card_refundFail", timezone.now())
    subscription = Subscription.objects.get()
    assert "has not gone back" not in signed_in(ana).get(url_of(subscription)).text
    cancel(ana, subscription, reason="A trial was enough.")
    page = signed_in(ana).get(url_of(subscription)).text
    assert "$19.98 has not gone back yet: the bank refused it. We look after it." in page
    assert "went back to your card" not in page
    failed = Refund.objects.get()
    again = Refund(
        tenant=failed.tenant,
        order=failed.order,
        payment=failed.payment,
        amount=failed.amount,
        reason=failed.reason,
        replaces=failed,
        created_at=timezone.now(),
    )
    again.save()
    assert "has not gone back yet" in signed_in(ana).get(url_of(subscription)).text
    Refund.objects.filter(pk=again.pk).update(state="succeeded")
    assert "has not gone back" not in signed_in(ana).get(url_of(subscription)).text


# --- Other people's


@pytest.mark.parametrize("action", ["", *ACTIONS])
def test_another_persons_subscription_is_not_found(ana, cleo, subscription, action):
    outsider = MembershipFactory(tenant=TenantFactory(), roles=["global_admin"])
    admin = MembershipFactory(tenant=ana.tenant, roles=["global_admin"])
    sent = {"members": "cleo@contoso.example", "auto_renew": "off", "reason": "x"}
    for stranger in (cleo, admin, outsider):
        client, url = signed_in(stranger), url_of(subscription, action)
        assert client.get(url, follow=True).status_code == 404
        assert client.post(url, sent).status_code in ((405,) if action == "" else (404,))
    subscription.refresh_from_db()
    assert (subscription.state, subscription.auto_renew) == (SubscriptionState.ACTIVE, True)
    assert holders(subscription) == {ana}
