"""What procurement reads of a purchase that was canceled, and of the money that went back."""

from datetime import timedelta

import pytest

from commerce.operations.changes import cancellations
from tenants.journal import events
from tests import factories
from tests.admin.pages import JOURNAL, PURCHASES, browser_of, listed, opened
from tests.callers import signed_in
from tests.factories import NOON

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def canceled(bought):
    """Canceled at once, with all of the money back."""
    by = factories.acting(bought.purchaser)
    cancellations.cancel_subscription(subscription=bought, reason="Not needed after all", by=by, at=NOON)
    events.sequence(bought.tenant_id)
    return bought


def test_a_list_says_when_it_ended_and_what_went_back(contoso, canceled):
    text = browser_of(contoso).get(listed(PURCHASES)).content.decode()
    assert "Ended 10 Mar 2026" in text
    assert "of which $19.98 refunded" in text
    assert "10 Apr 2026" not in text


def test_its_page_says_when_why_and_what_went_back(contoso, canceled):
    here = f"10 Mar 2026, {NOON.astimezone(contoso.zone):%H:%M %Z}"
    text = browser_of(contoso).get(opened(PURCHASES, canceled)).content.decode()
    for said in ("$19.98, of which $19.98 refunded", "Ended on", "Not needed after all", here):
        assert said in text, said
    assert "Automatic renewal" not in text


def test_without_a_refund_it_runs_to_its_end(contoso, bought):
    by, later = factories.acting(bought.purchaser), NOON + timedelta(days=8)
    cancellations.cancel_subscription(subscription=bought, reason="Enough", by=by, at=later)
    page = browser_of(contoso).get(opened(PURCHASES, bought)).content.decode()
    for said in ("Enough", "18 Mar 2026", "Automatic renewal"):
        assert said in page, said
    assert "Ended on" not in page
    assert "refunded" not in page
    assert "Ended" not in browser_of(contoso).get(listed(PURCHASES)).content.decode()


def test_the_journal_tells_a_refunds_id_from_its_amount(contoso, canceled):
    text = browser_of(contoso).get(f"{listed(JOURNAL)}?type=refund.started").content.decode()
    assert "Amount: $19.98" in text
    assert "Refund: " not in text
    text = browser_of(contoso).get(f"{listed(JOURNAL)}?type=subscription.canceled").content.decode()
    assert "Refund: $19.98" in text


def test_the_operator_reads_times_in_utc_by_name(operator, canceled):
    assert "10 Mar 2026, 12:00 UTC" in signed_in(operator).get(listed(JOURNAL)).content.decode()
