"""The operator's page of the life of a subscription: the table to read, the days to change."""

import pytest
from django.urls import reverse

from licensing import states
from licensing.models import LifecycleDays
from tests.admin.pages import browser_of, listed, opened
from tests.callers import signed_in
from tests.factories import PlanFactory

pytestmark = pytest.mark.django_db

LIFE = "licensing_lifecycledays"
# One for each cause of an end.
AT_FIRST = 5


@pytest.fixture
def browser(operator):
    return signed_in(operator)


def new():
    return reverse("admin:licensing_lifecycledays_new")


def removing(row):
    return reverse("admin:licensing_lifecycledays_remove", args=[row.pk])


def test_the_table_of_states_stands_on_it(browser):
    page = browser.get(listed(LIFE)).text
    assert "Life of a subscription" in page
    for move in states.MOVES:
        assert f"<code>{move.event}</code>" in page
    assert "In grace" in page
    assert new() in page


def test_days_are_added_changed_and_taken_back(browser):
    product = PlanFactory().product
    said = {"cause": "term_ended", "channel": "central", "product": product.pk, "expired_days": "7"}
    said |= {"disabled_days": "20", "reason": "A contract."}
    assert browser.get(new()).status_code == 200
    answer = browser.post(new(), said, follow=True)
    assert answer.redirect_chain == [(listed(LIFE), 302)]
    row = LifecycleDays.objects.get(product=product)
    assert (row.channel, row.expired_days, row.disabled_days) == ("central", 7, 20)
    assert product.name in answer.text

    form = browser.get(opened(LIFE, row)).context["form"]
    assert (form["expired_days"].value(), form["disabled_days"].value()) == (7, 20)
    browser.post(opened(LIFE, row), {"expired_days": "8", "disabled_days": "20", "reason": "One more."})
    row.refresh_from_db()
    assert row.expired_days == 8

    assert removing(row) in browser.get(opened(LIFE, row)).text
    assert browser.post(removing(row), {"reason": "Over."}).status_code == 302
    assert not LifecycleDays.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    "wrong, field",
    [
        ({"cause": ""}, "cause"),
        ({"cause": "boredom"}, "cause"),
        ({"channel": "post"}, "channel"),
        ({"product": "none"}, "product"),
        ({"expired_days": "many"}, "expired_days"),
        ({"expired_days": "-1"}, "expired_days"),
        ({"disabled_days": "99999999999"}, "disabled_days"),
        ({"cause": "canceled"}, "expired_days"),
        ({"channel": ""}, "cause"),
        ({"reason": ""}, "reason"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(browser, wrong, field):
    said = {"cause": "term_ended", "channel": "central", "product": "", "expired_days": "7", "disabled_days": "20"}
    answer = browser.post(new(), said | {"reason": "A contract."} | wrong)
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == [field]
    assert LifecycleDays.objects.count() == AT_FIRST


def test_the_days_for_all_are_never_taken_back(browser):
    row = LifecycleDays.objects.get(cause="term_ended")
    assert removing(row) not in browser.get(opened(LIFE, row)).text
    answer = browser.post(removing(row), {"reason": "Over."})
    assert answer.status_code == 400
    assert "cannot be taken back" in answer.text
    assert LifecycleDays.objects.filter(pk=row.pk).exists()


def test_nobody_else_gets_there(contoso):
    row, browser = LifecycleDays.objects.first(), browser_of(contoso)
    for page in (listed(LIFE), new(), opened(LIFE, row), removing(row)):
        assert browser.get(page).status_code == 403
        assert browser.post(page, {"reason": "Mine."}).status_code == 403
    assert LifecycleDays.objects.count() == AT_FIRST
