"""Sellers: who bills which market, and that only the operator says."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from commerce.models import Invoice, Seller
from commerce.operations.accounts.invariants import CHECKS
from commerce.operations.billing import sellers
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.factories import NOON, MembershipFactory, acting, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

JAPAN = {"slug": "japan", "prefix": "SWJ", "name": "Seatwise KK", "country": "JP", "address": "", "tax_id": ""}


def save(by=SYSTEM, **changes):
    return sellers.save_seller(**JAPAN | changes, by=by, at=NOON)


def slugs_for(*countries):
    return [sellers.seller_for(country).slug for country in countries]


def test_one_is_there_from_the_beginning_and_bills_every_market():
    assert slugs_for("US", "JP", "XK") == ["seatwise"] * 3
    assert Seller.objects.get().country == "US"


def test_bill_their_own_markets_with_their_own_numbers(ana, plan):
    save(markets=["JP"])
    buy(ana, plan)
    buy(MembershipFactory(tenant__country="JP"), plan_on_sale("1000", "JPY", "JP"))
    assert set(Invoice.objects.values_list("number", "seller_name")) == {
        ("SW-2026-000001", "Seatwise"),
        ("SWJ-2026-000001", "Seatwise KK"),
    }
    assert [finding for check in CHECKS for finding in check()] == []


def test_markets_that_are_taken_away_are_the_default_sellers_again():
    save(markets=["JP", "KR"])
    save(markets=["KR", "TW"])
    assert slugs_for("JP", "KR", "TW") == ["seatwise", "japan", "japan"]
    save(markets=None)
    assert slugs_for("KR") == ["japan"]
    save(slug="asia", prefix="SWA", markets=["KR"])
    assert slugs_for("KR", "TW") == ["asia", "japan"]


def test_each_change_is_in_the_journal():
    seller = save(markets=["JP"])
    event = Event.objects.get(type="seller.saved")
    assert (event.tenant, event.subject, event.data) == (None, str(seller.pk), {"prefix": "SWJ", "country": "JP"})


def test_are_named_by_the_operator_alone(ana):
    with pytest.raises(NotAllowed):
        save(by=acting(ana))
    assert not Seller.objects.filter(slug="japan").exists()


@pytest.mark.parametrize("taken", [{"slug": "other"}, {"prefix": "OTHER"}])
def test_keep_one_prefix_each(taken):
    save()
    with pytest.raises(sellers.PrefixInUse):
        save(**taken)
    assert Seller.objects.count() == 2


@pytest.mark.parametrize(
    "wrong",
    [{"prefix": "sw"}, {"prefix": "S"}, {"prefix": "ÄÖ"}, {"country": "ZZ"}, {"country": ""}, {"markets": ["jp"]}],
)
def test_refuse_what_can_never_be_right(wrong):
    with pytest.raises(BadInput) as refused:
        save(**wrong)
    assert refused.value.field == next(iter(wrong))
    assert not Seller.objects.filter(slug="japan").exists()


def test_by_command():
    def said(*options):
        out = StringIO()
        call_command("set_seller", "de", "--prefix=SWD", "--name=Seatwise GmbH", *options, "--json", stdout=out)
        return json.loads(out.getvalue())

    said("--country=DE", "--market=DE", "--market=AT")
    assert said("--country=DE") == {"seller": "de", "prefix": "SWD", "country": "DE", "markets": ["AT", "DE"]}
    assert slugs_for("AT", "US") == ["de", "seatwise"]


@pytest.mark.parametrize("wrong", ["--prefix=sw1", "--country=Germany", "--country=ZZ", "--market=de"])
def test_the_command_refuses(wrong):
    with pytest.raises(CommandError):
        call_command("set_seller", "de", "--prefix=SWD", "--name=X", "--country=DE", wrong)
    assert not Seller.objects.filter(slug="de").exists()


def test_the_database_refuses_a_second_default_seller():
    with pytest.raises(IntegrityError, match="one_default_seller"), transaction.atomic():
        Seller.objects.create(slug="two", prefix="TWO", name="Two", country="US", is_default=True)
