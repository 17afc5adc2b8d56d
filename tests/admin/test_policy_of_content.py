"""What the browser may load: the procurement view's framework needs more than other pages, nothing from outside."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from tests import factories
from tests.admin.pages import browser_of
from tests.callers import signed_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def policy_of(response):
    parts = (part.split() for part in response["Content-Security-Policy"].split(";"))
    return {words[0]: set(words[1:]) for words in parts if words}


def test_only_here_the_framework_gets_what_it_needs(contoso):
    browser = browser_of(contoso)
    here = policy_of(browser.get(reverse("admin:index")))
    assert here["script-src"] == {"'self'", "'unsafe-eval'"}
    assert here["style-src"] == {"'self'", "'unsafe-inline'"}
    elsewhere = policy_of(browser.get(reverse("catalogue")))
    assert elsewhere["script-src"] == elsewhere["style-src"] == {"'self'"}


def test_a_refusal_is_as_strict_as_any_page(contoso):
    response = signed_in(factories.MembershipFactory(tenant=contoso)).get(reverse("admin:index"))
    assert "'unsafe-eval'" not in response["Content-Security-Policy"]


def test_nothing_comes_from_another_host(contoso):
    text = browser_of(contoso).get(reverse("admin:index")).content.decode()
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", text)
    assert not re.findall(r"<script(?![^>]*\bsrc=)", text)


def tokens(css, opening):
    block = css[css.index(opening) :]
    return dict(re.findall(r"--([a-z-]+): ([^;]+);", block[: block.index("}")]))


def test_its_colours_are_those_of_the_buyers_pages():
    folder = Path(settings.BASE_DIR) / "static"
    theirs, ours = (folder / "seatwise.css").read_text(), (folder / "admin_seatwise.css").read_text()
    dark = theirs[theirs.index("prefers-color-scheme: dark") :]
    for mine, original in (
        (tokens(ours, ":root {"), tokens(theirs, ":root {")),
        (tokens(ours, ".dark {"), tokens(dark, ":root {")),
    ):
        assert mine
        assert mine.items() <= original.items()
