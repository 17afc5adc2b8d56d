"""The sweep that announces prices: in batches, each once, and what becomes of a version that changes meanwhile."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from commerce.models import Price, PriceNotice
from commerce.operations.pricing import catalogue, price_notices, prices
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tests.commerce.announcing import announce, send_letters, tell
from tests.factories import NOON, MembershipFactory, buy, plan_on_sale
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

DAY = timedelta(days=1)
LATER = NOON + timedelta(hours=1)
JUNE = date(2026, 6, 1)
QUERIES_OF_THE_SWEEP = 10


@pytest.fixture
def yearly(ana):
    """Bought at 99.90 a year; it renews on 10 March 2027."""
    return buy(ana, plan_on_sale("99.90", product__name="Power Apps", term="P1Y"), 2, NOON)


class TestAVersionThatIsRewrittenBeforeItsDay:
    def test_is_told_again_and_the_first_letter_counts_no_longer(self, yearly, load_price):
        load_price(yearly.plan, "120", LATER)
        tell(LATER)
        load_price(yearly.plan, "125", LATER + DAY)
        assert prices.renewal_price(yearly)[0] == Decimal("99.90")
        assert tell(LATER + DAY) == 1
        assert sorted(PriceNotice.objects.values_list("amount", flat=True)) == [120, 125]
        assert prices.renewal_price(yearly)[0] == 125

    def test_is_told_a_third_time_when_it_is_again_what_it_was(self, yearly, load_price):
        for days, amount in enumerate(("120", "125", "120")):
            load_price(yearly.plan, amount, LATER + days * DAY)
            assert tell(LATER + days * DAY) == 1
        assert tell(LATER + 3 * DAY) == 0
        assert PriceNotice.objects.count() == 2
        assert len(mail.outbox) == 3
        assert len({letter.extra_headers["Message-ID"] for letter in mail.outbox}) == 3
        assert prices.renewal_price(yearly)[0] == 120

    def test_sends_no_letter_that_is_wrong_by_then(self, yearly, load_price):
        load_price(yearly.plan, "120", LATER)
        price_notices.announce_due(at=LATER)
        load_price(yearly.plan, "125", LATER + DAY)
        send_letters(LATER + DAY)
        assert mail.outbox == []


class TestTheSweep:
    def test_leaves_the_rest_to_the_next(self, ana, plan):
        for _ in range(3):
            buy(ana, plan, 1, NOON - DAY)
        announce(plan, "12", JUNE, LATER)
        assert [price_notices.announce_due(at=LATER, limit=2) for _ in range(3)] == [2, 1, 0]
        assert Price.objects.to_announce().count() == 0

    def test_asks_the_same_number_of_questions_for_one_and_thirty(self, ana, plan, django_assert_num_queries):
        buy(ana, plan, 1, NOON)
        announce(plan, "12", JUNE, LATER)
        with django_assert_num_queries(QUERIES_OF_THE_SWEEP):
            assert price_notices.announce_due(at=LATER) == 1
        for _ in range(30):
            buy(MembershipFactory(), plan, 1, NOON)
        with django_assert_num_queries(QUERIES_OF_THE_SWEEP):
            assert price_notices.announce_due(at=LATER + DAY) == 30

    def test_cannot_announce_a_version_twice(self, yearly):
        announce(yearly.plan, "120", JUNE, LATER)
        tell(LATER)
        notice = PriceNotice.objects.get()
        with pytest.raises(IntegrityError, match="a_price_is_announced_once"), transaction.atomic():
            PriceNotice.objects.create(
                tenant=notice.tenant,
                subscription=yearly,
                price=notice.price,
                amount=notice.amount,
                applies_from=notice.applies_from,
                created_at=LATER,
            )


@between_transactions
class TestSweepsAtOnce:
    def test_tell_each_once(self, yearly):
        announce(yearly.plan, "120", JUNE, LATER)
        race(lambda _: price_notices.announce_due(at=LATER), range(6))
        assert told() == (1, 1, 1)

    def test_without_the_lock_would_tell_several_times(self, yearly, monkeypatch):
        """The control: what the lock is for."""
        announce(yearly.plan, "120", JUNE, LATER)
        monkeypatch.setattr(price_notices, "_is_alone", lambda: True)
        race(lambda _: price_notices.announce_due(at=LATER), range(6))
        assert told()[0] == 1  # the constraint still holds
        assert told()[1:] > (1, 1)


def told():
    jobs = Job.objects.filter(name="commerce.deliver_price_notice").count()
    return PriceNotice.objects.count(), Event.objects.filter(type="price.announced").count(), jobs


@pytest.fixture
def load_price():
    """Publish a version from 1 June on, as an operator's file would."""

    def load(plan, amount, at):
        text = f"""
families:
  - {{slug: {plan.product.family_id}, name: F}}
products:
  - id: {plan.product_id}
    slug: {plan.product.slug}
    name: {plan.product.name}
    family: {plan.product.family_id}
    self_service: true
    plans:
      - id: {plan.pk}
        term: {plan.term}
        prices:
          - {{channel: self_service, currency: USD, amount: "{amount}", valid_from: 2026-06-01}}
"""
        catalogue.load(text=text, name="catalogue.yaml", by=SYSTEM, at=at)

    return load
