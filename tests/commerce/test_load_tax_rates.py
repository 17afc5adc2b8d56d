import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from commerce.models import TaxRate
from commerce.operations.pricing import tax_rates
from config.environment import BASE_DIR
from licensing.files import FileRefused
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.factories import NOON, TenantFactory, admin_of

OURS = BASE_DIR / "docs" / "tax-rates.csv"
HEADER = "country,name,rate,inclusive,reverse_charge,valid_from\n"
GERMANY = "DE,MwSt.,0.19,no,yes,2021-01-01\n"


@pytest.fixture
def load(capsys):
    def run(path, **options):
        call_command("load_tax_rates", str(path), json=True, at=NOON, **options)
        [row] = json.loads(capsys.readouterr().out)
        return row["added"], row["changed"], row["unchanged"]

    return run


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "rates.csv"
        path.write_text(content)
        return path

    return write


def rows():
    fields = ("country", "name", "rate", "inclusive", "reverse_charge", "valid_from")
    return list(TaxRate.objects.order_by("country", "valid_from").values_list(*fields))


@pytest.mark.django_db
def test_loads_rates_and_a_second_time_changes_nothing(load, file):
    path = file(HEADER + GERMANY + "JP,消費税,0.1,yes,no,2019-10-01\n")
    assert load(path) == (2, 0, 0)
    before = rows()
    assert before == [
        ("DE", "MwSt.", Decimal("0.19"), False, True, date(2021, 1, 1)),
        ("JP", "消費税", Decimal("0.1"), True, False, date(2019, 10, 1)),
    ]
    assert load(path) == (0, 0, 2)
    assert rows() == before
    assert [e.data for e in Event.objects.filter(type="tax_rates.loaded")] == [
        {"added": 2, "changed": 0, "unchanged": 0}
    ]


@pytest.mark.django_db
def test_the_example_of_the_documentation_loads(load):
    added, _, _ = load(OURS)
    assert added == TaxRate.objects.count() > 0


@pytest.mark.django_db
def test_a_rate_to_come_may_change_and_what_the_file_leaves_out_stays(load, file):
    load(file(HEADER + GERMANY + "DE,MwSt.,0.20,no,yes,2027-01-01\n"))
    assert load(file(HEADER + "DE,MwSt.,0.21,no,yes,2027-01-01\n")) == (0, 1, 0)
    assert [(rate, day) for _, _, rate, _, _, day in rows()] == [
        (Decimal("0.19"), date(2021, 1, 1)),
        (Decimal("0.21"), date(2027, 1, 1)),
    ]


@pytest.mark.django_db
def test_a_dry_run_tells_the_same_and_writes_nothing(load, file):
    assert load(file(HEADER + GERMANY), dry_run=True) == (1, 0, 0)
    assert not TaxRate.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "rewritten",
    ["DE,MwSt.,0.16,no,yes,", "DE,VAT,0.19,no,yes,", "DE,MwSt.,0.19,yes,yes,", "DE,MwSt.,0.19,no,no,"],
    ids=["rate", "name", "inclusive", "reverse charge"],
)
def test_a_version_in_force_is_never_rewritten_and_a_new_one_takes_its_place(load, file, rewritten):
    load(file(HEADER + GERMANY))
    before = rows()
    path = file(f"{HEADER}{rewritten}2026-03-12\n{rewritten}2021-01-01\n")
    with pytest.raises(CommandError) as refused:
        load(path)
    assert str(refused.value).startswith(f"{path}:3: This version is in force at MwSt. 19% and is never rewritten.")
    assert rows() == before
    assert load(file(f"{HEADER}{rewritten}2026-03-12\n")) == (1, 0, 0)


@pytest.mark.django_db
def test_a_version_counts_as_in_force_once_it_is_that_day_anywhere_on_earth(load, file):
    load(file(HEADER + "NZ,GST,0.15,no,no,2026-03-11\nKI,VAT,0.125,no,no,2026-03-12\n"))
    half_past = datetime(2026, 3, 10, 10, 30, tzinfo=UTC)  # past midnight of the 11th at UTC+14
    load_at = {"text": HEADER + "NZ,GST,0.16,no,no,2026-03-11\n", "name": "f.csv", "by": SYSTEM}
    with pytest.raises(FileRefused):
        tax_rates.load(**load_at, at=half_past)
    tax_rates.load(**load_at, at=half_past.replace(hour=9))
    assert TaxRate.objects.get(country="NZ").rate == Decimal("0.16")


BROKEN = {
    "header alone": (HEADER, 0, "no tax rates"),
    "no header": (GERMANY, 1, "'rate' is missing"),
    "a column is missing": ("country,name,rate,inclusive,valid_from\n", 1, "'reverse_charge' is missing"),
    "a column is unknown": (HEADER.strip() + ",until\n", 1, "'until' is unknown"),
    "too few values": (HEADER + "DE,MwSt.,0.19\n", 2, "3 values stand under 6 columns"),
    "unknown country": (HEADER + GERMANY + "EL,VAT,0.24,no,yes,2020-01-01\n", 3, "'EL' is no country code"),
    "no name": (HEADER + "DE,,0.19,no,yes,2021-01-01\n", 2, "1 to 40"),
    "huge name": (HEADER + f"DE,{'x' * 41},0.19,no,yes,2021-01-01\n", 2, "1 to 40"),
    "control character": (HEADER + "DE,Mw\x07St,0.19,no,yes,2021-01-01\n", 2, "control characters"),
    "percent": (HEADER + "DE,MwSt.,19,no,yes,2021-01-01\n", 2, "Write 19 percent as 0.19"),
    "percent sign": (HEADER + "DE,MwSt.,19%,no,yes,2021-01-01\n", 2, "rate: '19%'"),
    "all of it": (HEADER + "DE,MwSt.,1,no,yes,2021-01-01\n", 2, "rate: '1'"),
    "below zero": (HEADER + "DE,MwSt.,-0.19,no,yes,2021-01-01\n", 2, "rate: '-0.19'"),
    "five digits": (HEADER + "US,Tax,0.08875,no,no,2021-01-01\n", 2, "up to four digits"),
    "comma": (HEADER + 'DE,MwSt.,"0,19",no,yes,2021-01-01\n', 2, "rate: '0,19'"),
    "not a number": (HEADER + "DE,MwSt.,NaN,no,yes,2021-01-01\n", 2, "rate: 'NaN'"),
    "digits of another script": (HEADER + "DE,MwSt.,0.\u0661\u0669,no,yes,2021-01-01\n", 2, "is no rate"),
    "inclusive or not": (HEADER + "DE,MwSt.,0.19,,yes,2021-01-01\n", 2, "inclusive: '' is neither yes nor no"),
    "reverse charge or not": (HEADER + "DE,MwSt.,0.19,no,1,2021-01-01\n", 2, "reverse_charge: '1'"),
    "no date": (HEADER + "DE,MwSt.,0.19,no,yes,\n", 2, "valid_from: ''"),
    "date of another order": (HEADER + "DE,MwSt.,0.19,no,yes,01.01.2021\n", 2, "Write it as"),
    "twice": (HEADER + GERMANY + "DE,VAT,0.19,no,yes,2021-01-01\n", 3, "'DE 2021-01-01' stands at line 2"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("content, line, hint", BROKEN.values(), ids=BROKEN)
def test_refuses_a_broken_file_names_the_line_and_writes_nothing(load, file, content, line, hint):
    load(file(HEADER + "FR,TVA,0.20,no,yes,2014-01-01\n"))
    before = rows()
    path = file(content)
    with pytest.raises(CommandError) as refused:
        load(path)
    place = f"{path}:{line}: " if line else f"{path}: "
    message = str(refused.value)
    assert any(told.startswith(place) and hint in told for told in message.splitlines()), message
    assert message.endswith("Nothing was written.")
    assert refused.value.returncode == 1
    assert rows() == before


@pytest.mark.django_db
def test_names_all_that_is_wrong_at_once(load, file):
    with pytest.raises(CommandError) as refused:
        load(file(HEADER + "ZZ,,much,perhaps,perhaps,some day\n"))
    assert [line.split(":")[1] for line in str(refused.value).splitlines()[:-1]] == ["2"] * 6


@pytest.mark.django_db
def test_only_the_operator_loads_rates():
    with pytest.raises(NotAllowed):
        tax_rates.load(text=HEADER + GERMANY, name="f.csv", by=admin_of(TenantFactory()), at=NOON)
    assert not TaxRate.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_loads_at_once_add_each_rate_once(file):
    path = file(HEADER + GERMANY + "FR,TVA,0.20,no,yes,2014-01-01\n")

    def run(_):
        try:
            call_command("load_tax_rates", str(path))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(8)))
    assert TaxRate.objects.count() == 2
    assert Event.objects.filter(type="tax_rates.loaded").count() == 1
