"""Catalogues that are loaded: what is added, changed and left as it was."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from commerce.models import Price
from config.environment import BASE_DIR
from licensing.models import Channel, Plan, Product
from tenants.journal.models import Event
from tests.licensing.catalogues import ONE, rows, swap

OURS = BASE_DIR / "data" / "catalogue.yaml"


@pytest.mark.django_db
def test_loads_the_projects_own_file_and_a_second_time_changes_nothing(load):
    assert load(OURS) == {"family": (4, 0, 0), "product": (6, 0, 0), "plan": (12, 0, 0), "price": (72, 0, 0)}
    before = rows()
    assert load(OURS) == {"family": (0, 0, 4), "product": (0, 0, 6), "plan": (0, 0, 12), "price": (0, 0, 72)}
    assert rows() == before
    assert Event.objects.filter(type="catalogue.loaded").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "product, slug, prices, self_service",
    [
        ("CFQ7TTC0H9MP", "power-bi-pro", "9.99 8.40 99.00", True),
        ("CFQ7TTC0H6RP", "power-bi-premium", "20.00 16.90 205.00", True),
        ("CFQ7TTC0LH2H", "power-apps", "40.00 33.70 409.00", True),
        ("CFQ7TTC0LH3L", "power-automate", "15.00 12.60 153.00", True),
        ("CFQ7TTC0LSGZ", "power-automate-rpa", "40.00 33.70 409.00", True),
        ("CFQ7TTC0LF8S", "office-suite", "12.50 10.50 129.00", False),
    ],
)
def test_the_projects_own_file_says_what_the_contract_says(load, product, slug, prices, self_service):
    load(OURS)
    row = Product.objects.get(pk=product)
    assert (row.slug, row.self_service) == (slug, self_service)
    for currency, month in zip(("USD", "EUR", "SEK"), prices.split(), strict=True):
        for plan, months in ((f"{slug}-monthly", 1), (f"{slug}-annual", 10)):
            price = Price.objects.filter(plan=plan, currency=currency, valid_from=date(2020, 1, 14))
            shown = price.get(channel=Channel.SELF_SERVICE).amount
            assert shown == Decimal(month) * months
            assert abs(price.get(channel=Channel.CENTRAL).amount - shown * Decimal("0.9")) <= Decimal("0.005")


@pytest.mark.django_db
def test_keeps_every_value_of_the_file(load, file):
    load(file(ONE))
    product = Product.objects.get()
    assert (product.resources, product.capacity) == ({"learning": "https://learn.example/pro/"}, {"file_mb": 10240})
    assert (product.trial_days, product.trial_seats, product.family.name) == (60, 1, "Power BI")
    assert sorted(Price.objects.values_list("channel", "amount", "valid_from")) == [
        ("central", Decimal("8.990"), date(1970, 1, 1)),
        ("self_service", Decimal("9.990"), date(2020, 1, 14)),
    ]


@pytest.mark.django_db
def test_tells_what_was_added_changed_and_left_and_keeps_what_the_file_leaves_out(load, file):
    load(OURS)
    again = ONE.replace("name: Power BI Pro", "name: Power BI Professional").replace('amount: "8.99"', 'amount: "7.99"')
    assert load(file(again)) == {"family": (0, 0, 1), "product": (0, 1, 0), "plan": (0, 0, 1), "price": (1, 0, 1)}
    assert (Product.objects.count(), Plan.objects.count(), Price.objects.count()) == (6, 12, 73)
    assert Product.objects.get(pk="CFQ7TTC0H9MP").name == "Power BI Professional"


@pytest.mark.django_db
def test_a_trial_may_say_how_long_it_is_kept_once_it_has_ended(load, file):
    load(file(ONE.replace("{days: 60, seats: 1}", "{days: 60, seats: 1, disabled_days: 14}")))
    assert Product.objects.get().trial_disabled_days == 14
    load(file(ONE))
    assert Product.objects.get().trial_disabled_days is None


@pytest.mark.django_db
def test_a_product_without_trial_loses_the_one_it_had(load, file):
    load(file(ONE))
    load(file(ONE.replace("    trial: {days: 60, seats: 1}\n", "")))
    assert Product.objects.get().trial_days is None


@pytest.mark.django_db
def test_a_plan_renews_unless_the_file_says_that_it_does_not(load, file):
    load(file(ONE.replace("term: P1M", "term: P1M\n        renewable: false")))
    assert not Plan.objects.get().renewable
    load(file(ONE))
    assert Plan.objects.get().renewable


@pytest.mark.django_db
def test_a_dry_run_tells_the_same_and_writes_nothing(load, file):
    assert load(file(ONE), dry_run=True)["price"] == (2, 0, 0)
    assert rows() == [[], [], [], []]
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_a_price_in_force_is_never_rewritten_but_a_new_version_follows_it(load, file):
    load(file(ONE))
    before = rows()
    path = file(ONE.replace('"9.99"', '"19.99"'))
    with pytest.raises(CommandError, match=rf"{path}:18: .*9\.99 USD.*Add a new version"):
        load(path)
    assert rows() == before
    new = '          - {channel: self_service, currency: USD, amount: "10.99", valid_from: 2031-01-01}\n'
    assert load(file(ONE + new))["price"] == (1, 0, 2)
    assert load(file(ONE + new.replace("10.99", "11.49")))["price"] == (0, 1, 2)


@pytest.mark.django_db
def test_a_price_counts_as_in_force_where_the_day_begins_first(load, file):
    load(file(ONE), at=datetime.fromisoformat("2019-06-01T00:00:00+00:00"))
    changed = file(ONE.replace('"9.99"', '"19.99"'))
    assert load(changed, at=datetime.fromisoformat("2020-01-13T09:59:00+00:00"))["price"] == (0, 1, 1)
    with pytest.raises(CommandError, match="Add a new version"):
        load(file(ONE), at=datetime.fromisoformat("2020-01-13T10:00:00+00:00"))


@pytest.mark.django_db
def test_a_family_of_an_earlier_file_counts(load, file):
    load(file("families: [{slug: power-bi, name: Power BI}]\n"))
    assert load(file(ONE[ONE.index("products:") :]))["product"] == (1, 0, 0)


@pytest.mark.django_db
def test_an_amount_may_stand_without_quotes_and_keeps_its_digits(load, file):
    load(file(swap('"8.99"', "1000000.10")))
    assert Price.objects.get(channel=Channel.CENTRAL).amount == Decimal("1000000.10")


@pytest.mark.django_db(transaction=True)
def test_two_loads_at_once_add_each_row_once():
    def run(_):
        try:
            call_command("load_catalogue", str(OURS))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    assert (Product.objects.count(), Price.objects.count()) == (6, 72)
    assert Event.objects.filter(type="catalogue.loaded").count() == 1
