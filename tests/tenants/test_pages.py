"""The paginator, on a table of its own: ties, NULLs, and rows that come while somebody pages."""

import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection, models
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from tenants.api import pages
from tenants.directory.models import Membership
from tenants.refusal import BadInput
from tests.callers import Api
from tests.factories import MembershipFactory, TenantFactory

pytestmark = pytest.mark.django_db


class Thing(models.Model):
    """Only of this test: a moment that is always there and one that may be missing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    created_at = models.DateTimeField()
    term_end = models.DateTimeField(null=True)

    class Meta:
        app_label = "tenants_test"
        managed = False
        db_table = "thing_of_test_pages"


ORDERINGS = {"created_at": "created_at", "term_end": "term_end", "id": "id"}
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def table(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE thing_of_test_pages (id uuid PRIMARY KEY, created_at timestamptz NOT NULL, "
            "term_end timestamptz) ON COMMIT DROP"
        )


def ask(query):
    request = Request(APIRequestFactory().get("/api/v1/things/", query))
    return pages.page(Thing.objects.all(), request, orderings=ORDERINGS)


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def walk(query, step="next"):
    """Every page from here to the end, following the links."""
    found = [ask(query)]
    while link := getattr(found[-1], step):
        found.append(ask(query_of(link)))
        assert len(found) < 200, "the pages go in circles"
    return found


def in_order(things, ordering):
    name, descending = ordering.removeprefix("-"), ordering.startswith("-")
    some = [t for t in things if getattr(t, name) is not None]
    none = [t for t in things if getattr(t, name) is None]
    key = (lambda t: (getattr(t, name), t.pk)) if name != "id" else (lambda t: t.pk)
    rows = sorted(some, key=key, reverse=descending) + sorted(none, key=lambda t: t.pk, reverse=descending)
    return [t.pk for t in rows]


moments = st.integers(0, 3).map(lambda n: START + timedelta(microseconds=n))
things = st.lists(st.tuples(moments, st.none() | moments), max_size=25)
orderings = st.sampled_from([sign + name for name in ORDERINGS for sign in ("", "-")])


@given(rows=things, ordering=orderings, size=st.integers(1, 7))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_comes_once_and_back_again(table, rows, ordering, size):
    Thing.objects.all().delete()
    made = Thing.objects.bulk_create(Thing(created_at=created, term_end=end) for created, end in rows)
    expected = in_order(made, ordering)

    found = walk({"ordering": ordering, "page_size": size})

    assert [t.pk for page in found for t in page.rows] == expected
    assert found[0].previous is None
    if len(found) > 1:
        back = walk(query_of(found[-1].previous), "previous")
        assert [t.pk for page in reversed(back) for t in page.rows] == expected[: -len(found[-1].rows)]
        forward_again = walk(query_of(back[-1].next))
        assert [t.pk for page in forward_again for t in page.rows] == expected[size:]


@given(rows=things.filter(bool), late=things, ordering=orderings)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_that_come_meanwhile_neither_hide_nor_repeat_others(table, rows, late, ordering):
    Thing.objects.all().delete()
    made = Thing.objects.bulk_create(Thing(created_at=created, term_end=end) for created, end in rows)
    first = ask({"ordering": ordering, "page_size": 2})
    Thing.objects.bulk_create(Thing(created_at=created, term_end=end) for created, end in late)

    rest = walk(query_of(first.next)) if first.next else []

    seen = [t.pk for page in [first, *rest] for t in page.rows]
    assert len(seen) == len(set(seen))
    assert {t.pk for t in made} <= set(seen)


def test_a_row_that_goes_meanwhile_does_not_break_the_walk(table):
    Thing.objects.bulk_create(Thing(created_at=START, term_end=None) for _ in range(3))
    first = ask({"page_size": 2, "ordering": "id"})
    last = Thing.objects.order_by("pk").last()
    Thing.objects.filter(pk=last.pk).delete()
    empty = ask(query_of(first.next))
    assert (empty.rows, empty.next) == ([], None)
    Thing.objects.all().delete()
    before = ask(query_of(walk_back(first, last)))
    assert (before.rows, before.previous) == ([], None)
    assert "cursor" not in query_of(before.next)


def walk_back(first, last):
    request = Request(APIRequestFactory().get("/api/v1/things/", query_of(first.next)))
    order = pages.order_of(Thing, "id", ORDERINGS)
    return pages.link(request, order, [last], "id", backward=True)


def test_reads_one_page_with_one_query(table, django_assert_num_queries):
    Thing.objects.bulk_create(Thing(created_at=START, term_end=None) for _ in range(30))
    with django_assert_num_queries(1):
        ask({"page_size": 10})


@pytest.mark.parametrize(
    "query",
    [
        {"ordering": "name"},
        {"ordering": "--id"},
        {"ordering": ""},
        {"page_size": "0"},
        {"page_size": "-1"},
        {"page_size": "many"},
        {"page_size": "9" * 30},
        {"page_size": "٣"},
        {"cursor": ""},
        {"cursor": "x"},
        {"cursor": "Zm9v:1abc:def"},
        {"cursor": "é" * 40},
    ],
)
def test_refuses_what_was_never_given(table, query):
    with pytest.raises(BadInput):
        ask(query)


def test_refuses_a_cursor_that_was_changed_or_belongs_to_another_ordering(table):
    Thing.objects.bulk_create(Thing(created_at=START, term_end=None) for _ in range(3))
    given_out = query_of(ask({"page_size": 1, "ordering": "id"}).next)
    cursor = given_out["cursor"]
    for changed in (cursor[:-1], cursor[:-2] + "__", cursor[1:], cursor.swapcase()):
        with pytest.raises(BadInput):
            ask(given_out | {"cursor": changed})
    with pytest.raises(BadInput):
        ask(given_out | {"ordering": "-id"})


def test_a_page_has_fifty_rows_unless_asked_and_never_more_than_two_hundred(table):
    Thing.objects.bulk_create(Thing(created_at=START, term_end=None) for _ in range(205))
    assert len(ask({}).rows) == 50
    assert len(ask({"page_size": "200"}).rows) == 200
    assert len(ask({"page_size": "100000"}).rows) == 200


def test_links_are_whole_addresses_that_keep_what_was_asked():
    admin = MembershipFactory(tenant=TenantFactory(), roles=["global_admin"])
    MembershipFactory.create_batch(4, tenant=admin.tenant)
    api = Api(admin)
    seen, url = [], "members/?page_size=2&ordering=created_at"
    while url:
        answer = api.get(url).json()
        assert set(answer) == {"next", "previous", "results"}
        seen += [row["id"] for row in answer["results"]]
        url = answer["next"]
        assert url is None or url.startswith("http://testserver/api/v1/members/?")
        assert url is None or query_of(url)["page_size"] == "2"
    oldest_first = Membership.objects.of(admin.tenant).order_by("created_at", "pk")
    assert seen == [str(m.pk) for m in oldest_first]


def test_newest_first_by_default():
    admin = MembershipFactory(roles=["global_admin"])
    newest = MembershipFactory(tenant=admin.tenant, created_at=timezone.now() + timedelta(hours=1))
    assert Api(admin).get("members/").json()["results"][0]["id"] == str(newest.pk)
