"""Addresses end with a slash, and nobody's write is lost for want of one."""

import pytest

from tests.callers import Api
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db


def test_a_read_is_led_to_the_slash(client):
    assert client.get("/my/subscriptions")["Location"] == "/my/subscriptions/"
    assert Api(MembershipFactory()).get("orders")["Location"] == "/api/v1/orders/"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_without_it_is_no_address(method):
    answer = Api(MembershipFactory()).call(method, "members", {"email": "a@b.example"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
