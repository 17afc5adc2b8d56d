import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config.environment import BASE_DIR
from licensing.models import Family
from policies.models import Market
from tenants.journal.models import Event

OURS = BASE_DIR / "data" / "markets.csv"


@pytest.fixture
def load(capsys):
    def run(path, **options):
        call_command("load_markets", str(path), json=True, **options)
        [row] = json.loads(capsys.readouterr().out)
        return row["added"], row["changed"], row["unchanged"]

    return run


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "markets.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def power_bi(db):
    return Family.objects.create(slug="power-bi", name="Power BI")


def rows():
    return sorted(Market.objects.values_list("country", "name", "family", "opens_on", "closes_on"), key=str)


@pytest.mark.django_db
def test_loads_the_projects_own_file_and_a_second_time_changes_nothing(load):
    assert load(OURS) == (243, 0, 0)
    assert Market.objects.get(country="US").opens_on == date(2020, 1, 14)
    assert set(Market.objects.exclude(country="US").values_list("opens_on", flat=True)) == {date(2020, 4, 21)}
    assert not Market.objects.filter(country__in=["CU", "EH", "IN", "IR", "KP", "SD", "SY"]).exists()
    before = rows()
    assert load(OURS) == (0, 0, 243)
    assert rows() == before
    assert [e.data for e in Event.objects.filter(type="markets.loaded")] == [
        {"added": 243, "changed": 0, "unchanged": 0}
    ]


@pytest.mark.django_db
def test_tells_what_was_added_changed_and_left_and_keeps_what_the_file_leaves_out(load, file, power_bi):
    load(file("country,name\nUS,United States\nSE,Sweden\nDE,Germany\n"))
    header = "country,name,family,opens_on,closes_on\n"
    again = "US,United States,,,\nSE,Sweden,,,2030-01-01\nSE,Sweden,power-bi,2020-04-21,\n"
    assert load(file(header + again)) == (1, 1, 1)
    assert rows() == [
        ("DE", "Germany", None, None, None),
        ("SE", "Sweden", "power-bi", date(2020, 4, 21), None),
        ("SE", "Sweden", None, None, date(2030, 1, 1)),
        ("US", "United States", None, None, None),
    ]


@pytest.mark.django_db
def test_a_dry_run_tells_the_same_and_writes_nothing(load, file):
    assert load(file("country,name\nUS,United States\n"), dry_run=True) == (1, 0, 0)
    assert not Market.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbfcountry,name\nUS,United States\n", id="byte order mark"),
        pytest.param("country,name\r\nUS,United States\r\n", id="lines of Windows"),
        pytest.param("name,country\nUnited States,US", id="columns in another order, no last line end"),
        pytest.param("\n country , name \n\n US , United States \n\n", id="blanks and empty lines"),
        pytest.param('country,name,family,opens_on,closes_on\nUS,"United States",,,\n', id="quotes and empty cells"),
    ],
)
def test_reads_files_as_programs_write_them(load, file, content):
    assert load(file(content)) == (1, 0, 0)
    assert rows() == [("US", "United States", None, None, None)]


BROKEN = {
    "empty": ("", 0, "empty"),
    "only blanks": ("  \n\n", 0, "empty"),
    "not UTF-8": (b"country,name\nSE,Sverige\nDE,\xe4\n", 3, "UTF-8"),
    "UTF-16": ("country,name\nUS,x\n".encode("utf-16"), 1, "UTF-8"),
    "NUL": ("country,name\nSE,Swe\0den\n", 2, "NUL"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0", 1, "UTF-8"),
    "no header": ("US,United States\n", 1, "'country' is missing"),
    "header alone": ("country,name\n", 0, "no markets"),
    "semicolons": ("country;name\nUS;United States\n", 1, "commas"),
    "a column is missing": ("country,opens_on\nUS,2020-01-14\n", 1, "'name' is missing"),
    "a column is unknown": ("country,name,open\nUS,United States,yes\n", 1, "'open' is unknown"),
    "a column twice": ("country,name,name\nUS,United States,USA\n", 1, "twice"),
    "too few values": ("country,name\nSE,Sweden\nUS\n", 3, "1 values stand under 2 columns"),
    "too many values": ("country,name\nBQ,Bonaire, Saba\n", 2, "3 values stand under 2 columns"),
    "unknown country": ("country,name\nSE,Sweden\nZZ,Nowhere\n", 3, "'ZZ' is no country code"),
    "small letters": ("country,name\nus,United States\n", 2, "two capital letters"),
    "no country": ("country,name\n,United States\n", 2, "is no country code"),
    "no name": ("country,name\nUS,\n", 2, "1 to 200"),
    "huge name": (f"country,name\nUS,{'x' * 201}\n", 2, "1 to 200"),
    "huge cell": (f"country,name\nUS,{'x' * 200_000}\n", 2, "not valid CSV"),
    "control character": ("country,name\nUS,United\x1b[31m States\n", 2, "control characters"),
    "line break in a name": ('country,name\nSE,Sweden\nUS,"United\nStates"\nXX,x\n', 3, "one line"),
    "a quote that never ends": ('country,name\nUS,"United States\nSE,Sweden\n', 2, "not valid CSV"),
    "impossible date": ("country,name,opens_on\nUS,United States,2020-02-30\n", 2, "opens_on: '2020-02-30' is no date"),
    "date of another order": ("country,name,opens_on\nUS,United States,14.01.2020\n", 2, "Write it as"),
    "short date": ("country,name,closes_on\nUS,United States,20200114\n", 2, "closes_on"),
    "huge date": ("country,name,closes_on\nUS,United States,99999-01-01\n", 2, "closes_on"),
    "closes before it opens": (
        "country,name,opens_on,closes_on\nUS,United States,2020-01-14,2020-01-14\n",
        2,
        "later than opens_on",
    ),
    "unknown family": ("country,name,family\nUS,United States,power-bi\nUS,United States,power\n", 3, "Load it first"),
    "twice": ("country,name\nUS,United States\nSE,Sweden\nUS,USA\n", 4, "stands at line 2 already"),
    "twice for a family": ("country,name,family\nUS,x,power-bi\nUS,y,power-bi\n", 3, "'US power-bi' stands at line 2"),
}


@pytest.mark.parametrize("content, line, hint", BROKEN.values(), ids=BROKEN)
def test_refuses_a_broken_file_names_the_line_and_writes_nothing(load, file, power_bi, content, line, hint):
    load(file("country,name\nNO,Norway\n"))
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
        load(file("country,name,opens_on\nZZ,Nowhere,never\nUS,,\n"))
    assert [line.split(":")[1] for line in str(refused.value).splitlines()[:-1]] == ["2", "2", "3"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["missing.csv", "", "/", "x" * 5000], ids=repr)
def test_refuses_what_is_no_file(load, path):
    with pytest.raises(CommandError, match="can't be read"):
        load(path)
    with pytest.raises(CommandError, match="not readable as text"):
        load("\0")


@pytest.mark.django_db(transaction=True)
def test_two_loads_at_once_add_each_market_once(tmp_path):
    path = tmp_path / "markets.csv"
    path.write_text("country,name\n" + "".join(f"{c},{c}\n" for c in ("US", "SE", "DE", "FR", "NO")))

    def run(_):
        try:
            call_command("load_markets", str(path))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(8)))
    assert Market.objects.count() == 5
    assert Event.objects.filter(type="markets.loaded").count() == 1
