import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from commerce.models import Price
from config.environment import BASE_DIR
from licensing.models import Channel, Family, Plan, Product
from tenants.journal.models import Event

OURS = BASE_DIR / "data" / "catalogue.yaml"

ONE = """\
families:
  - slug: power-bi
    name: Power BI
products:
  - id: CFQ7TTC0H9MP
    slug: power-bi-pro
    name: Power BI Pro
    family: power-bi
    self_service: true
    summary: Share reports.
    resources: {learning: https://learn.example/pro/}
    capacity: {file_mb: 10240}
    trial: {days: 60, seats: 1}
    plans:
      - id: power-bi-pro-monthly
        term: P1M
        prices:
          - {channel: self_service, currency: USD, amount: "9.99", valid_from: 2020-01-14}
          - {channel: central, currency: USD, amount: "8.99"}
"""


@pytest.fixture
def load(capsys):
    def run(path, **options):
        call_command("load_catalogue", str(path), json=True, **options)
        return {
            row["kind"]: (row["added"], row["changed"], row["unchanged"]) for row in json.loads(capsys.readouterr().out)
        }

    return run


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "catalogue.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def rows():
    return [list(model.objects.order_by("pk").values()) for model in (Family, Product, Plan, Price)]


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


def swap(old, new, count=1):
    assert old in ONE
    return ONE.replace(old, new, count)


PRICE = '          - {channel: central, currency: USD, amount: "8.99"}\n'
BROKEN = {
    "empty": ("", 0, "empty"),
    "only a comment": ("# nothing\n", 0, "empty"),
    "not UTF-8": (ONE.encode().replace(b"Share", b"Sh\xe4re"), 10, "UTF-8"),
    "NUL": (swap("Share", "Sha\0re"), 10, "NUL"),
    "NUL in an escape": (swap("Share reports.", r'"Sha\0re"'), 10, "control characters"),
    "a character that YAML forbids": (swap("Share", "Sha\x07re"), 10, "does not allow"),
    "an escape that names nothing": (swap("Share reports.", r'"\UFFFFFFFF"'), 0, "escape"),
    "half a surrogate": (swap("Share reports.", r'"\uD800"'), 10, "control characters"),
    "no YAML": ("families: [\nproducts: }\n", 2, "not valid YAML"),
    "tab": (swap("    slug", "\tslug"), 6, "not valid YAML"),
    "two documents": (ONE + "---\n" + ONE, 20, "not valid YAML"),
    "a list": ("- slug: power-bi\n", 1, "must be a mapping"),
    "text": ("hello\n", 1, "must be a mapping"),
    "an empty mapping": ("{}\n", 1, "neither"),
    "a NUL": ('families:\n  - {slug: a, name: "A\\0"}\n', 2, "control characters"),
    "half a pair": ('families:\n  - {slug: a, "\\ud800": A}\n', 2, "control characters"),
    "aliases": ("families: &f [{slug: a, name: A}]\nproducts: *f\n", 2, "Aliases"),
    "endless nesting": ("families: " + "[" * 5000, 1, "nested too deeply"),
    "unknown key": (swap("    summary", "    sumary"), 10, "'sumary' is unknown"),
    "unknown key of the file": ("plans: []\n" + ONE, 1, "'plans' is unknown"),
    "unknown key of a price": (swap('"8.99"', '"8.99", net: 1'), 19, "'net' is unknown"),
    "unknown resource": (swap("learning", "lessons"), 11, "'lessons' is unknown"),
    "a key that is a list": (swap("    summary", "    ? [a, b]\n    : c\n    summary"), 10, "'?' is unknown"),
    "doubled key": (swap("    summary", "    name: B\n    summary"), 10, "'name' stands here twice"),
    "family missing": (swap("family: power-bi", "family: power"), 5, "family 'power' is missing"),
    "no id": (swap("  - id: CFQ7TTC0H9MP\n    slug", "  - slug"), 5, "id is missing"),
    "no plans": (ONE[: ONE.index("    plans")], 5, "plans is missing"),
    "plans are no list": (ONE[: ONE.index("    plans")] + "    plans: many\n", 14, "must be a list"),
    "null name": (swap("name: Power BI Pro", "name: ~"), 7, "name is missing"),
    "number for text": (swap("name: Power BI Pro", "name: 365"), 7, "Put it in quotes"),
    "list for text": (swap("name: Power BI Pro", "name: [a]"), 7, "single value"),
    "bad slug": (swap("slug: power-bi-pro", "slug: Power BI Pro"), 6, "hyphens"),
    "long slug": (swap("slug: power-bi-pro", f"slug: {'x' * 64}"), 6, "longer than 63"),
    "long name": (swap("name: Power BI Pro", f"name: {'x' * 201}"), 7, "longer than 200"),
    "bad product id": (swap("id: CFQ7TTC0H9MP", "id: a/b"), 5, "'a/b' is wrong"),
    "word for truth": (swap("self_service: true", "self_service: maybe"), 9, "true or false"),
    "quoted truth": (swap("self_service: true", 'self_service: "true"'), 9, "true or false"),
    "http link": (swap("https://", "http://"), 11, "https://"),
    "script link": (swap("https://learn.example/pro/", '"javascript:alert(1)"'), 11, "https://"),
    "negative capacity": (swap("10240", "-1"), 12, "whole number"),
    "huge capacity": (swap("10240", "9" * 5000), 12, "whole number"),
    "half a trial": (swap("{days: 60, seats: 1}", "{days: 60}"), 13, "seats is missing"),
    "trial without days": (swap("days: 60", "days: 0"), 13, "from 1 to 3650"),
    "trial is no mapping": (swap("{days: 60, seats: 1}", "60"), 13, "must be a mapping"),
    "unknown term": (swap("P1M", "P1W"), 16, "P1M, P1Y"),
    "bad range": (swap("term: P1M", "term: P1M\n        min_quantity: 9\n        max_quantity: 3"), 17, "larger than"),
    "unknown channel": (swap("channel: central", "channel: retail"), 19, "self_service, central, partner"),
    "unknown currency": (swap("currency: USD", "currency: ZZZ"), 18, "ISO 4217"),
    "small currency": (swap("currency: USD", "currency: usd"), 18, "capital letters"),
    "no amount": (swap(', amount: "8.99"', ""), 19, "amount is missing"),
    "amount in words": (swap('"8.99"', '"nine"'), 19, "no amount"),
    "amount with a comma": (swap('"8.99"', '"8,99"'), 19, "no amount"),
    "amount as a power": (swap('"8.99"', '"1e3"'), 19, "no amount"),
    "infinite amount": (swap('"8.99"', ".inf"), 19, "no amount"),
    "zero": (swap('"8.99"', '"0.00"'), 19, "more than 0"),
    "negative amount": (swap('"8.99"', '"-1"'), 19, "no amount"),
    "huge amount": (swap('"8.99"', '"1000000000"'), 19, "at most"),
    "endless amount": (swap('"8.99"', f'"{"9" * 5000}"'), 19, "no amount"),
    "parts of a cent": (swap('"8.99"', '"8.999"'), 19, "USD has 2 digits"),
    "parts of a yen": (swap('USD, amount: "8.99"', 'JPY, amount: "899.5"'), 19, "JPY has 0 digits"),
    "impossible day": (swap("2020-01-14", "2020-02-30"), 18, "is no date"),
    "day and time": (swap("2020-01-14", "2020-01-14T00:00:00Z"), 18, "is no date"),
    "price twice": (ONE + PRICE, 20, "stands at line 19 already"),
    "plan twice": (ONE + ONE[ONE.index("      - id") :], 20, "stands at line 15 already"),
    "second plan of a term": (
        ONE + "      - {id: power-bi-pro-again, term: P1M, prices: []}\n",
        20,
        "has a plan for P1M already: power-bi-pro-monthly",
    ),
    "product twice": (ONE + ONE[ONE.index("  - id") :], 20, "stands at line 5 already"),
    "family twice": (swap("products:", "  - {slug: power-bi, name: B}\nproducts:"), 4, "stands at line 2 already"),
}


@pytest.mark.parametrize("content, line, hint", BROKEN.values(), ids=BROKEN)
@pytest.mark.django_db
def test_refuses_a_broken_file_names_the_line_and_writes_nothing(load, file, content, line, hint):
    path = file(content)
    with pytest.raises(CommandError) as refused:
        load(path)
    place = f"{path}:{line}: " if line else f"{path}: "
    message = str(refused.value)
    assert any(told.startswith(place) and hint in told for told in message.splitlines()), message
    assert message.endswith("Nothing was written.")
    assert refused.value.returncode == 1
    assert rows() == [[], [], [], []]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content, hint",
    [
        pytest.param(swap("P1M", "P1Y"), "is CFQ7TTC0H9MP for P1M, for ever", id="another term for a plan"),
        pytest.param(
            swap("CFQ7TTC0H9MP", "OTHER").replace("slug: power-bi-pro", "slug: b"), "for ever", id="another product"
        ),
        pytest.param(swap("CFQ7TTC0H9MP", "OTHER"), "that of product CFQ7TTC0H9MP", id="another product's slug"),
        pytest.param(swap("power-bi-pro-monthly", "power-bi-monthly"), "has a plan for P1M already", id="another plan"),
    ],
)
def test_refuses_what_contradicts_what_is_there(load, file, content, hint):
    load(file(ONE))
    before = rows()
    with pytest.raises(CommandError, match=hint):
        load(file(content))
    assert rows() == before


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
