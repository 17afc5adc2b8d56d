"""
A walk over every route, admin page and field that takes an id, as an outsider of another tenant, as a member without
rights, as a guest and as a stranger: nothing seen, nothing written. A new route or field without an entry fails.
"""

import re
from urllib.parse import unquote_plus, urlencode
from uuid import UUID

from django.test import Client, TestCase
from django.urls import resolve

from tests import factories
from tests.callers import Api, signed_in
from tests.made_once import each
from tests.outsiders.fields import BODIES, KNOWN_FIELDS, every_field
from tests.outsiders.routes import ACTS, ENTRIES, READ_ONLY, every_route, takes_an_id
from tests.outsiders.rows import rows_of
from tests.outsiders.world import PRIVATE_WORD, TENANT_WORD, World, build

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ID = re.compile(r"<(?:\w+:)?(\w+)>")
# Anything but a page or an answer that was meant for somebody else.
REFUSED = {302, 400, 401, 403, 404, 405, 409, 415, 422, 429}


class Visitor:
    """Somebody who should get nowhere: by the API with a token, elsewhere with a session."""

    def __init__(self, who=None):
        self.api = Api(who, raise_errors=False)
        self.web = signed_in(who) if who else Client()
        self.web.raise_request_exception = False

    def call(self, method, url, body=None, key="walk"):
        if url.startswith("/api/"):
            return self.api.call(method, url, body, key=key)
        return self.web.generic(
            method, url, urlencode(body or {}, doseq=True), content_type="application/x-www-form-urlencoded"
        )


WHO = ("an admin of another tenant", "a member without rights", "a guest", "a stranger")
OF_THE_TENANT = ("a member without rights", "a guest")


def visitor_called(who: str, world: World) -> Visitor:
    if who == "a guest":
        return Visitor(factories.GuestFactory(tenant=world.tenant))
    people = {"an admin of another tenant": world.outsider, "a member without rights": world.colleague}
    return Visitor(people.get(who))


def secrets_from(who: str, world: World) -> tuple[str, ...]:
    """The words that a visitor must never read. Its own people may know what their organisation is called."""
    bought = world.central
    rows = (world.subscription, world.order, world.card, world.spare_card, world.card_setup)
    rows = (*rows, bought.agreement, bought.subscription)
    private = (PRIVATE_WORD, *(str(row.pk) for row in rows), world.card.reference, world.invoice.number)
    return private if who in OF_THE_TENANT else (*private, TENANT_WORD)


def url_of(route: str, world: World) -> str:
    """The address of the victim's row, made from the pattern itself: names may be shared between patterns."""
    filled = ID.sub(lambda found: str(ENTRIES[route](world)[found.group(1)]), route)
    return "/" + filled


def own_paths(response, url: str) -> str:
    """The body without the address that the visitor typed: an id that was sent may come back in a link to itself."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return body.decode(errors="replace").replace(url, "")


def test_every_route_that_takes_an_id_has_an_entry():
    routes = {route for route in every_route() if takes_an_id(route)}
    assert routes == set(ENTRIES), "name the new route in tests/outsiders/routes, or take the old one out"


def test_every_route_with_an_id_is_acted_on_or_only_read():
    assert {act.route for act in ACTS} | READ_ONLY == set(ENTRIES)
    for route in READ_ONLY:
        handlers = getattr(resolve("/" + ID.sub(str(UUID(int=1)), route)).func, "view_class", object)
        assert not any(hasattr(handlers, method) for method in ("post", "put", "patch", "delete")), route


def test_every_field_that_could_take_an_id_is_known():
    assert every_field() == KNOWN_FIELDS, "name the new field in tests/outsiders/fields"


# A product belongs to nobody: these answer about the visitor's own tenant, or refuse for want of a role.
OPEN_TO_OTHERS = {
    "api/v1/products/<str:id>/eligibility/",
    "api/v1/policies/products/<str:id>/",
    "buy/<slug:plan_id>/",
    "my/requests/new/<str:product_id>/",
    "admin/policies/selfserviceproduct/<path:object_id>/change/",
}


class Walk(TestCase):
    """Each test finds the world as it was made."""

    databases = {"default", "sandbox"}
    world: World

    @classmethod
    def setUpTestData(cls) -> None:
        cls.world = build()


@each("test_nobody_else_sees_or_changes_anything_by_a_route", WHO)
class TestRoutes(Walk):
    def test_nobody_else_sees_or_changes_anything_by_a_route(self, who):
        world = self.world
        visitor, secrets = visitor_called(who, world), secrets_from(who, world)
        # The addresses first: for some of them a row of the victim's is made.
        urls = {route: url_of(route, world) if takes_an_id(route) else "/" + route for route in every_route()}
        before = rows_of(world.tenant)
        for route, url in urls.items():
            for method in METHODS:
                response = visitor.call(method, url)
                place = f"{method} {url}"
                assert response.status_code != 500, place
                seen = [word for word in secrets if word in own_paths(response, url)]
                assert not seen, f"{place} shows {seen}"
                if takes_an_id(route) and route not in OPEN_TO_OTHERS:
                    assert response.status_code in REFUSED, place
        unchanged(world, before, who)


@each("test_nobody_else_does_what_its_owner_may", ACTS)
class TestActs(Walk):
    def test_nobody_else_does_what_its_owner_may(self, act):
        world = self.world
        url, body = url_of(act.route, world) + act.query, act.body(world)
        visitors = {who: visitor_called(who, world) for who in WHO}
        before = rows_of(world.tenant)
        for who, visitor in visitors.items():
            response = visitor.call(act.method, url, body)
            turned_away = response.status_code in {401, 403, 404} or "/sign-in/" in response.headers.get("Location", "")
            own_tenants = act.route in OPEN_TO_OTHERS and who == "an admin of another tenant"
            assert turned_away or own_tenants, f"{who} got {response.status_code}"
            before = unchanged(world, before, who)
        # The control: the same words from the one to whom it belongs are right.
        response = Visitor(getattr(world, act.by)).call(act.method, url, body)
        assert response.status_code in {200, 202, 204, 201, 302}, response.content
        if "preview" not in body:
            assert rows_of(world.tenant) != before, "the act does nothing, so it shows nothing"


@each("test_nobody_else_gets_at_anything_by_a_field", BODIES, lambda body: f"{body.method} {body.route} {body.field}")
class TestFields(Walk):
    def test_nobody_else_gets_at_anything_by_a_field(self, body):
        world = self.world
        url, content = body.filled(world)
        # What was typed may be said back; the private names and ids behind it may not.
        echoed = str(content) + unquote_plus(url)
        visitors = {who: visitor_called(who, world) for who in WHO}
        before = rows_of(world.tenant)
        for who, visitor in visitors.items():
            response = visitor.call(body.method, url, content)
            assert response.status_code != 500, who
            seen = [
                word for word in secrets_from(who, world) if word in own_paths(response, url) and word not in echoed
            ]
            assert not seen, f"{who} sees {seen}"
            before = unchanged(world, before, who)


def unchanged(world: World, before: dict, who: str) -> dict:
    """What is there now: people of the tenant may add what is theirs, such as a quote of their own, and no more."""
    after = rows_of(world.tenant)
    for table, rows in before.items():
        lost = set(map(str, rows)) - set(map(str, after[table]))
        assert not lost, f"{who} changed {table}"
        assert who in OF_THE_TENANT or len(rows) == len(after[table]), f"{who} added to {table}"
    return after
