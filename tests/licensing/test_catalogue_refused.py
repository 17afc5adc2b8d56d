"""Catalogues that are refused: broken ones, and such as contradict what is there. Nothing of them is written."""

import pytest
from django.core.management import CommandError

from tests.licensing.catalogues import ONE, rows, swap

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
    "word for renewable": (swap("term: P1M", "term: P1M\n        renewable: maybe"), 17, "true or false"),
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
