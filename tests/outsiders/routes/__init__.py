"""Every route of the site, and for each that takes an id, which id of the victim's stands there in the walk."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

from tests.outsiders.routes import commerce_admin, commerce_api, commerce_pages, licensing, policies, tenants
from tests.outsiders.routes.act import Act, Fill


def every_route() -> Iterator[str]:
    """The patterns as they are written, such as `api/v1/members/<uuid:id>/`."""
    yield from _below(get_resolver().url_patterns, "")


def _below(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _below(pattern.url_patterns, route)
        else:
            yield route


def takes_an_id(route: str) -> bool:
    return "<" in route


APPS = (tenants, licensing, policies, commerce_api, commerce_pages, commerce_admin)

# A new route with an id fails the walk until it is named with its app.
ENTRIES: dict[str, Fill] = {route: fill for app in APPS for route, fill in app.ENTRIES.items()}
assert len(ENTRIES) == sum(len(app.ENTRIES) for app in APPS), "a route stands in two tables"

ACTS: list[Act] = [act for app in APPS for act in app.ACTS]

# Routes with an id that only show; `buy` opens a quote of the visitor's own, and a policy page is the visitor's own
# tenant's (its form is tried by everybody in tests/admin).
READ_ONLY = {
    *(route for app in APPS for route in app.READ_ONLY),
    *(route for route in ENTRIES if route.startswith("admin/")),
}
