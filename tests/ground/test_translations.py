import pytest

from config.translations import unmarked


@pytest.mark.parametrize(
    "source, words",
    [
        ("<p>Buy now</p>", ["Buy", "now"]),
        ('{% translate "Buy now" %} {{ plan.name }} &nbsp; Seatwise', []),
        ("{% blocktranslate with n=1 %}Buy {{ n }} seats{% endblocktranslate %}", []),
        ('<input placeholder="Your name" class="wide">', ["Your", "name"]),
        ('<input aria-label="{% translate "Your name" %}">', []),
        ("{% comment %}why{% endcomment %}{# why #}<!-- why --><style>p { color: red }</style>", []),
        ('<span class="material-symbols-outlined" aria-hidden="true">home</span>', []),
        ("{% if seats > 3 %}\n\nMany\n{% endif %}", ["Many"]),
    ],
)
def test_finds_what_no_translator_would_see(source, words):
    assert [word for _, word in unmarked(source)] == words


def test_tells_the_line():
    assert list(unmarked('<p>\n{% translate "a\nb" %}\nSeats</p>')) == [(4, "Seats")]
