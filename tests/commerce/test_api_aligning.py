"""Several subscriptions that end on one day, by API."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from commerce.models import Order
from licensing.models import Subscription
from tenants.api.models import IdempotencyKey
from tests import ledger
from tests.callers import Api
from tests.commerce.changes import STEP_CARD
from tests.commerce.conftest import errors
from tests.factories import buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def early(ana, plan):
    return buy(ana, plan, 2, at=timezone.now() - timedelta(days=20))


@pytest.fixture
def late(ana, plan, early):
    return buy(ana, plan, 3, at=timezone.now() - timedelta(days=1))


def ask(who, target, *others, key="k", **body):
    named = [str(one.pk) for one in others]
    return Api(who).post(f"subscriptions/{target.pk}/align/", {"with": named, **body}, key=key)


def end_of(subscription):
    return Subscription.objects.get(pk=subscription.pk).term_end


def test_previews_line_by_line_and_changes_nothing(ana, early, late):
    answer = Api(ana).post(f"subscriptions/{late.pk}/align/", {"with": [str(early.pk)], "preview": True})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    [one] = told["each"]
    [line] = one["lines"]
    assert (told["subscription"], one["subscription"]) == (str(late.pk), str(early.pk))
    assert (one["state"], one["order"], one["next_action"], one["refused"]) == (None, None, None, None)
    part = Decimal(line["part"]["seconds"]) / line["part"]["of"]
    assert Decimal(line["amount"]["amount"]) == round(2 * Decimal("9.99") * part, 2)
    assert line["total"] == one["total"] == told["total"]
    assert (line["why"]["code"], line["ends_at"]) == ("aligned", told["ends_at"])
    assert end_of(early) == early.term_end
    assert len(ledger.captured()) == 2


def test_charges_exactly_what_was_shown_and_once_for_one_key(ana, early, late):
    shown = ask(ana, late, early, key=None, preview=True).json()
    asked = {"as_of": shown["as_of"], "expected_total": shown["total"]["amount"]}
    first, again = (ask(ana, late, early, **asked) for _ in range(2))
    assert first.status_code == 200, first.content
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    [one] = first.json()["each"]
    assert (one["state"], one["lines"], one["total"]) == ("completed", shown["each"][0]["lines"], shown["total"])
    assert Api(ana).get(f"orders/{one['order']}/").json()["kind"] == "alignment"
    assert ledger.captured()[-1] == Decimal(shown["total"]["amount"])
    assert end_of(early) == late.term_end


def test_sent_again_after_it_died_it_finds_its_orders(ana, early, late):
    first = ask(ana, late, early)
    IdempotencyKey.objects.update(status=None, leased_until=timezone.now() - timedelta(seconds=1))
    again = ask(ana, late, early)
    assert again.json()["each"] == first.json()["each"]
    assert Order.objects.filter(kind="alignment").count() == 1


def test_of_another_total_is_refused(ana, early, late):
    answer = ask(ana, late, early, expected_total="0.01")
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_since_preview")
    assert end_of(early) == early.term_end


def test_tells_of_each_what_it_costs_or_why_it_stays(ana, early, late):
    other = buy(ana, plan_on_sale(), at=timezone.now() - timedelta(days=20))
    answer = ask(ana, late, other, early)
    assert answer.status_code == 200
    refused, done = answer.json()["each"]
    assert (refused["refused"]["code"], refused["total"], refused["lines"]) == ("not_alike", None, [])
    assert (done["refused"], done["state"]) == (None, "completed")


def test_the_cardholders_step_is_told(ana, early, late):
    answer = ask(ana, late, early, payment_method=STEP_CARD)
    assert answer.status_code == 202
    [one] = answer.json()["each"]
    assert (one["state"], one["next_action"]["type"]) == ("requires_action", "redirect_to_url")


def test_a_declined_card_is_told_and_nothing_changes(ana, early, late):
    [one] = ask(ana, late, early, payment_method="pm_card_chargeDeclined").json()["each"]
    assert (one["refused"]["code"], one["order"]) == ("card_declined", None)
    assert end_of(early) == early.term_end


def test_needs_a_key_and_names(ana, early, late):
    assert ask(ana, late, early, key=None).json()["code"] == "idempotency_key_missing"
    assert errors(ask(ana, late)) == [("with", "empty")]
    assert errors(ask(ana, late, early, early)) == [("with", "invalid")]


def test_of_somebody_else_there_is_nothing_to_see(ana, cleo, plan, early, late):
    hers = buy(cleo, plan, at=timezone.now() - timedelta(days=20))
    assert ask(ana, late, hers).status_code == 404
    assert ask(cleo, late, hers, key="c").status_code == 404
    assert end_of(hers) == hers.term_end


def test_an_admin_sees_it_and_may_not(admin, early, late):
    answer = ask(admin, late, early)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
