"""
Who gets in where, from the same starting point: everybody tries every page, action and call, and the one table of
tests/roles/matrix says whom each lets through. What stands there for nobody lets nobody through.
"""

from collections import defaultdict
from uuid import UUID

from django.urls import resolve

from tests.made_once import each, undone
from tests.outsiders.routes import ACTS, every_route, takes_an_id
from tests.outsiders.test_walk import ID, url_of
from tests.roles.matrix import LETS_IN, UNGUARDED
from tests.roles.people import WHO
from tests.roles.stage import OnStage, Stage

# One right act for each: it succeeds for whom it lets in.
RIGHT = {(act.method, act.route): act for act in reversed(ACTS)}


def methods_of(route: str) -> tuple[str, ...]:
    """Those that a call of the API has; a page may be looked at and sent to."""
    view = getattr(resolve("/" + ID.sub(str(UUID(int=1)), route)).func, "view_class", None)
    known = ("GET", "POST", "PUT", "PATCH", "DELETE")
    return tuple(each for each in known if hasattr(view, each.lower())) if view else ("GET", "POST")


def test_every_route_stands_in_the_matrix():
    named = {route for _method, route in LETS_IN} | UNGUARDED
    assert set(every_route()) == named, "name the new route in tests/roles/matrix, or take the old one out"


def test_every_method_of_a_call_stands_in_the_matrix():
    calls = {(method, route) for route in every_route() if route.startswith("api/") for method in methods_of(route)}
    assert {(method, route) for method, route in calls if route not in UNGUARDED} <= set(LETS_IN)


def calls_below() -> dict[str, list[tuple[str, str]]]:
    """Method and route of everything there is, by where it stands: a test each."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for route in every_route():
        if route not in UNGUARDED:
            found["/".join(route.split("/")[:3])] += [(method, route) for method in methods_of(route)]
    return found


CALLS = calls_below()


def asked_of(world, method, route):
    """The same words for everybody: what they name is made once."""
    act = RIGHT.get((method, route))
    url = url_of(route, world) if takes_an_id(route) else f"/{route}"
    return (method, url + act.query, act.body(world)) if act else (method, url)


def is_let_in(method, answer) -> bool:
    """Past the door: whatever is said of what was sent there. A look that only leads elsewhere has shown nothing."""
    led_to_sign_in = "/sign-in/" in answer.headers.get("Location", "")
    led_away = method == "GET" and answer.status_code in {301, 302}
    return answer.status_code not in {401, 403, 404, 405} and not led_to_sign_in and not led_away


@each("test_lets_in_whom_the_matrix_says", CALLS)
class TestEverybodyGetsIn(OnStage):
    def test_lets_in_whom_the_matrix_says(self, below):
        wrong = []
        for method, route in CALLS[below]:
            with undone():
                asked, audience = asked_of(Stage.world, method, route), LETS_IN.get((method, route), ())
                for who in WHO:
                    with undone():
                        answer = Stage.callers[who].call(*asked)
                    may = who in audience
                    if is_let_in(method, answer) != may or answer.status_code == 500:
                        told = f"{answer.status_code}, {'should' if may else 'must not'} get in"
                        wrong.append(f"{who}: {method} {route}: {told}")
        assert not wrong, "\n".join(wrong)

    def test_from_the_same_starting_point_each_time(self):
        """The control: an act that is right is gone before the next one begins."""
        route, owner = "api/v1/members/<uuid:id>/roles/<str:role>/", Stage.world.owner
        for _again in range(2):
            assert not owner.role_grants.exists()
            with undone():
                asked = asked_of(Stage.world, "PUT", route)
                assert Stage.callers["global_admin"].call(*asked).status_code == 200
                assert owner.role_grants.exists()
