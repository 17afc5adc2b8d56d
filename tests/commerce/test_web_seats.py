"""The seats of what one bought, in the browser: assigned and released."""

import pytest
from django.utils import timezone

from licensing.models import Seat
from tests.commerce.pages import holders, send
from tests.factories import GuestFactory, MembershipFactory, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


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
