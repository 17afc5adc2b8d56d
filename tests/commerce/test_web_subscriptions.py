"""What one bought, in the browser: seats, renewal, end; never somebody else's."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commerce.models import Order, Payment, PaymentState, Refund
from licensing.models import Seat, Subscription, SubscriptionState
from tenants.directory.models import Membership, User
from tenants.journal.models import Event
from tests.callers import signed_in
from tests.factories import GuestFactory, MembershipFactory, TenantFactory, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

QUERIES_OF_THE_LIST = 8
QUERIES_OF_THE_PAGE = 15
LIGHT_ENOUGH = 150_000
ACTIONS = ["assign", "release", "auto-renew", "cancel"]


@pytest.fixture
def ana():
    return MembershipFactory(name="Ana Alvarez", user__email="ana@contoso.example")


@pytest.fixture
def cleo(ana):
    return MembershipFactory(tenant=ana.tenant, name="Cleo Costa", user__email="cleo@contoso.example")


@pytest.fixture
def subscription(ana):
    return buy(ana, plan_on_sale(product__name="Power BI Pro"), 2, timezone.now())


def url_of(subscription, action=""):
    name = f"my-subscription-{action}" if action else "my-subscription"
    return reverse(name, kwargs={"subscription_id": subscription.pk})


def send(who, subscription, action, **sent):
    return signed_in(who).post(url_of(subscription, action), sent, follow=True)


def holders(subscription):
    return {seat.member for seat in Seat.objects.open().filter(subscription=subscription)}


# --- The list


def test_the_list_shows_what_is_mine_alone(ana, subscription):
    buy(MembershipFactory(tenant=ana.tenant), plan_on_sale(product__name="Somebody else's"), 1, timezone.now())
    page = signed_in(ana).get(reverse("my-subscriptions")).text
    assert "Power BI Pro" in page
    assert "$19.98" in page
    assert "1 of 2" in page
    assert "Somebody else" not in page


def test_the_list_says_what_was_paid_after_what_went_back(ana, subscription):
    send(ana, subscription, "cancel", reason="A trial was enough.")
    page = signed_in(ana).get(reverse("my-subscriptions")).text
    assert "$0.00" in page
    assert "$19.98" not in page


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


def test_the_page_shows_seats_price_and_end(ana, subscription):
    page = signed_in(ana).get(url_of(subscription)).text
    for shown in ("Ana Alvarez", "1 of 2 assigned", "$19.98", "Ends ", "Assign", "Release", "Cancel subscription"):
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
    ("state", "word", "days"),
    [
        (SubscriptionState.EXPIRED, "In grace until", 30),
        (SubscriptionState.DISABLED, "Nobody has access", 90),
        (SubscriptionState.DELETED, "Closed for good", None),
    ],
)
def test_each_state_is_said_in_words(ana, subscription, state, word, days):
    ends_at = timezone.now() + timedelta(days=days) if days else None
    taken = 0 if state == SubscriptionState.DELETED else 1
    Subscription.objects.update(state=state, state_ends_at=ends_at, seats_assigned=taken)
    assert word in signed_in(ana).get(url_of(subscription)).text
    assert word in signed_in(ana).get(reverse("my-subscriptions")).text


# --- Seats


def test_a_seat_is_assigned_to_a_colleague(ana, cleo, subscription):
    page = send(ana, subscription, "assign", members=" Cleo@Contoso.example ")
    assert "Cleo Costa has a seat now." in page.text
    assert holders(subscription) == {ana, cleo}


def test_several_are_assigned_at_once_or_none(ana, cleo, subscription):
    page = send(ana, subscription, "assign", members="cleo@contoso.example, nobody@contoso.example")
    assert page.status_code == 400
    assert "“nobody@contoso.example” is not a member of your organisation." in page.text
    assert "cleo@contoso.example, nobody@contoso.example</textarea>" in page.text
    assert holders(subscription) == {ana}


def test_a_guest_and_somebody_of_another_tenant_are_no_colleagues(ana, subscription):
    for outsider in (GuestFactory(tenant=ana.tenant), MembershipFactory()):
        page = send(ana, subscription, "assign", members=outsider.user.email)
        assert "is not a member of your organisation" in page.text
    assert holders(subscription) == {ana}


def test_more_people_than_seats_are_refused(ana, cleo, subscription):
    dan = MembershipFactory(tenant=ana.tenant)
    page = send(ana, subscription, "assign", members=f"cleo@contoso.example {dan.user.email}")
    assert page.status_code == 409
    assert "Only 1 seat is free, 2 are needed." in page.text
    assert holders(subscription) == {ana}


@pytest.mark.parametrize("typed", ["", " , ", "cleo", "a\0@contoso.example", "a@b.example," * 501, "x" * 100_001])
def test_what_is_no_list_of_addresses_is_asked_for_again(ana, subscription, typed):
    page = send(ana, subscription, "assign", members=typed)
    assert page.status_code == 400
    assert "Please mend this first" in page.text
    assert holders(subscription) == {ana}


def test_seats_are_released_several_at_a_time(ana, cleo, subscription):
    send(ana, subscription, "assign", members="cleo@contoso.example")
    seats = [str(pk) for pk in Seat.objects.values_list("pk", flat=True)]
    assert "2 seats are free." in send(ana, subscription, "release", seats=seats).text
    assert holders(subscription) == set()


@pytest.mark.parametrize("seats", [[], ["x"], ["\0"], ["00000000-0000-0000-0000-000000000000"]])
def test_nothing_is_released_for_what_is_no_seat_of_it(ana, subscription, seats):
    page = send(ana, subscription, "release", seats=seats)
    assert "notice-red" in page.text
    assert holders(subscription) == {ana}


def test_a_seat_of_another_subscription_is_not_released(ana, subscription):
    other = buy(MembershipFactory(), plan_on_sale(), 1, timezone.now())
    send(ana, subscription, "release", seats=[str(Seat.objects.get(subscription=other).pk)])
    assert len(holders(other)) == 1


# --- Renewal and end


def test_automatic_renewal_is_turned_off_and_on(ana, subscription):
    assert "Automatic renewal is off." in send(ana, subscription, "auto-renew", auto_renew="off").text
    subscription.refresh_from_db()
    assert subscription.auto_renew is False
    send(ana, subscription, "auto-renew", auto_renew="on")
    subscription.refresh_from_db()
    assert subscription.auto_renew is True


def test_renewal_says_when_it_ends_either_way(ana, subscription):
    assert "nothing is charged for another term, so it still ends on" in signed_in(ana).get(url_of(subscription)).text
    assert "Off: it ends on" in send(ana, subscription, "auto-renew", auto_renew="off").text


def test_renewal_of_what_has_ended_is_refused(ana, subscription):
    Subscription.objects.update(state=SubscriptionState.DISABLED)
    assert "no longer active" in send(ana, subscription, "auto-renew", auto_renew="off").text


def test_canceling_shows_the_refund_first_and_then_ends_it(ana, subscription):
    page = signed_in(ana).get(url_of(subscription, "cancel")).text
    assert "Back to your card" in page
    assert "$19.98" in page
    done = send(ana, subscription, "cancel", reason="A trial was enough.").text
    assert "$19.98 goes back to your card." in done
    assert "Ended" in done
    assert Refund.objects.count() == 1
    assert "no longer active" in send(ana, subscription, "cancel", reason="Again.").text
    assert Refund.objects.count() == 1


def test_canceling_outside_the_window_refunds_nothing_and_lets_the_term_run(ana):
    subscription = buy(ana, plan_on_sale(), 2, timezone.now() - timedelta(days=8))
    page = signed_in(ana).get(url_of(subscription, "cancel")).text
    assert "nothing is refunded" in page
    assert "It keeps working until" in send(ana, subscription, "cancel", reason="Too dear.").text
    subscription.refresh_from_db()
    assert (subscription.state, subscription.auto_renew) == (SubscriptionState.ACTIVE, False)
    assert not Refund.objects.exists()


def test_what_ends_anyway_is_not_canceled_again(ana):
    subscription = buy(ana, plan_on_sale(), 2, timezone.now() - timedelta(days=8))
    assert "Cancel subscription" in signed_in(ana).get(url_of(subscription)).text
    page = send(ana, subscription, "auto-renew", auto_renew="off").text
    assert "There is nothing to cancel." in page
    assert "Cancel subscription" not in page
    written = Event.objects.count()
    for answer in (
        signed_in(ana).get(url_of(subscription, "cancel")),
        send(ana, subscription, "cancel", reason="Once more."),
    ):
        assert answer.status_code == 200
        assert "There is nothing to cancel" in answer.text
    assert Event.objects.count() == written


def test_grace_is_not_canceled(ana):
    subscription = buy(ana, plan_on_sale(), 2, timezone.now() - timedelta(days=40))
    Subscription.objects.update(state=SubscriptionState.EXPIRED)
    assert "Cancel subscription" not in signed_in(ana).get(url_of(subscription)).text
    assert "no longer active" in send(ana, subscription, "cancel", reason="Late.").text


@pytest.mark.parametrize("reason", ["", " ", "x" * 501, "a\0b"])
def test_canceling_needs_a_reason(ana, subscription, reason):
    page = send(ana, subscription, "cancel", reason=reason)
    assert page.status_code == 400
    subscription.refresh_from_db()
    assert subscription.state == SubscriptionState.ACTIVE


# --- Other people's


@pytest.mark.parametrize("action", ["", *ACTIONS])
def test_another_persons_subscription_is_not_found(ana, cleo, subscription, action):
    outsider = MembershipFactory(tenant=TenantFactory(), roles=["global_admin"])
    admin = MembershipFactory(tenant=ana.tenant, roles=["global_admin"])
    sent = {"members": "cleo@contoso.example", "auto_renew": "off", "reason": "x"}
    for stranger in (cleo, admin, outsider):
        client, url = signed_in(stranger), url_of(subscription, action)
        assert client.get(url).status_code in ((404,) if action in ("", "cancel") else (405,))
        assert client.post(url, sent).status_code in ((405,) if action == "" else (404,))
    subscription.refresh_from_db()
    assert (subscription.state, subscription.auto_renew) == (SubscriptionState.ACTIVE, True)
    assert holders(subscription) == {ana}
