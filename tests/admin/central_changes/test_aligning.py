"""What the organisation bought itself renews on one day, in the procurement view."""

from datetime import timedelta

import pytest
from django.utils import timezone

from commerce.models import Order
from licensing.models import Subscription
from tests import ledger
from tests.admin.central_changes.conftest import means_of, send, url_of
from tests.admin.pages import PURCHASES, browser_of, opened, text_of
from tests.callers import signed_in
from tests.factories import buy_centrally, order_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def early(bill, office):
    """Four seats at 8.99 on an agreement that is paid by invoice, of twenty days ago."""
    return buy_centrally(bill, office, 4, at=timezone.now() - timedelta(days=20))


@pytest.fixture
def late(bill, office, early):
    return buy_centrally(bill, office, 2, at=timezone.now() - timedelta(days=9))


def ends():
    return set(Subscription.objects.values_list("term_end", flat=True))


def seen(who, subscription, *chosen):
    response = signed_in(who).get(url_of(subscription, "align"), {"chosen": [str(one.pk) for one in chosen]})
    return response, {"shown": response.context["shown"], "chosen": [str(one.pk) for one in chosen]}


def test_is_offered_beside_the_other_changes(bill, early, late):
    for one in (early, late):
        assert "Align renewals" in text_of(signed_in(bill).get(opened(PURCHASES, one)))
    assert text_of(signed_in(bill).get(url_of(late, "align"))).count('type="checkbox"') == 2


def test_costs_what_was_shown_and_is_billed(bill, early, late):
    page, sent = seen(bill, late, early, late)
    for said in ("Total today", "8.99", "Invoice, under"):
        assert said in text_of(page), said
    done = send(bill, late, "align", payment_method=means_of(late), **sent)
    assert done.redirect_chain[-1][0] == opened(PURCHASES, late)
    total = page.context["quote"].total
    assert f"${total} was billed." in text_of(done)
    assert Order.objects.get(kind="alignment").total == total
    assert ends() == {late.term_end}


def test_leaves_out_what_is_paid_another_way(bill, office, early, late):
    order_centrally(bill, office, 4, timezone.now(), payment_method="pm_card_visa")
    page, _sent = seen(bill, early, early, late)
    assert text_of(page).count('type="checkbox"') == 2


def test_is_charged_once_to_the_organisations_card_however_often_one_clicks(bill, office):
    days = [timezone.now() - timedelta(days=ago) for ago in (20, 9)]
    first, last = (order_centrally(bill, office, 4, at, payment_method="pm_card_visa").subscription for at in days)
    _page, sent = seen(bill, first, first, last)
    for _ in range(2):
        assert "was charged." in text_of(send(bill, first, "align", payment_method=means_of(first), **sent))
    assert len(ledger.captured()) == 3
    assert ends() == {Subscription.objects.get(pk=last.pk).term_end}


def test_shown_to_one_it_is_not_done_by_who_may_not(bill, contoso, early, late):
    _page, sent = seen(bill, early, early, late)
    answer = browser_of(contoso, "license_admin").post(url_of(early, "align"), sent)
    assert answer.status_code == 403
    assert len(ends()) == 2
