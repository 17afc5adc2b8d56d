"""Who gets in, what for, and how the API says no."""

from datetime import timedelta

import pytest

from tenants.directory.models import MemberState, Tenant
from tenants.signin.tokens import AccessToken
from tests.callers import Api, token_for
from tests.factories import GuestFactory, MembershipFactory, OperatorFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.tenants.toy_api")]


@pytest.fixture
def member():
    return MembershipFactory()


def assert_problem(answer, status, code):
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    told = answer.json()
    assert (told["status"], told["code"]) == (status, code)
    assert told["title"]
    assert told["detail"]


# --- Who


def test_a_token_acts_in_its_tenant(member):
    elsewhere = GuestFactory(user=member.user)
    assert Api(member).get("toy/").json()["tenant"] == member.tenant.slug
    assert Api(elsewhere).get("toy/").json()["tenant"] == elsewhere.tenant.slug


def test_no_answer_lies_in_a_cache_for_the_next_reader(member):
    for api in (Api(member), Api()):
        assert api.get("toy/")["Cache-Control"] == "no-store"


def test_without_a_token_nobody_is_let_in():
    answer = Api().get("toy/")
    assert_problem(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer x", "bearer é", "Bearer a b", "Bearer " + "x" * 5000])
def test_refuses_a_bad_token(header):
    answer = Api().get("toy/", headers={"Authorization": header})
    assert_problem(answer, 401, "not_authenticated")
    assert "invalid_token" in answer["WWW-Authenticate"]


def test_refuses_a_token_that_has_expired(member):
    assert_problem(Api(member, lifetime=timedelta(seconds=-1)).get("toy/"), 401, "not_authenticated")


@pytest.mark.parametrize("state", [MemberState.DISABLED, MemberState.LEFT])
def test_refuses_the_token_of_somebody_who_was_disabled_or_left(member, state):
    api = Api(member)
    assert api.get("toy/").status_code == 200
    member.state = state
    member.save()
    assert_problem(api.get("toy/"), 401, "not_authenticated")


def test_refuses_demo_people_outside_the_demo(settings):
    member = MembershipFactory(user=UserFactory(is_demo=True))
    api, operator = Api(member), Api(OperatorFactory(is_demo=True))
    assert api.get("toy/").status_code == 200
    settings.DEMO = False
    assert_problem(api.get("toy/"), 401, "not_authenticated")
    assert_problem(operator.get("anybody/"), 401, "not_authenticated")


def test_a_token_that_names_no_tenant_is_only_an_operators(member):
    assert_problem(Api(member.user).get("anybody/"), 401, "not_authenticated")
    assert Api(OperatorFactory()).get("anybody/").status_code == 200


def test_a_token_that_was_not_issued_here_is_worth_nothing(member):
    raw = token_for(member)
    AccessToken.objects.get().acting.delete()
    assert_problem(Api().get("toy/", headers={"Authorization": f"Bearer {raw}"}), 401, "not_authenticated")


def test_a_session_is_worth_nothing(member, client):
    client.force_login(member.user)
    assert client.get("/api/v1/toy/").status_code == 401


def test_tokens_are_stored_hashed(member):
    raw = token_for(member)
    stored = AccessToken.objects.values_list("token", "token_checksum").get()
    assert raw not in "".join(stored)


# --- What for


def test_refuses_a_token_without_the_scope(member):
    answer = Api(member, scopes=["purchases:read"]).post("toy/", key="k")
    assert_problem(answer, 403, "insufficient_scope")
    assert answer.json()["scope"] == "purchases:write"


def test_what_is_public_needs_no_token_but_a_good_one_when_there_is_one(member):
    assert Api().get("anybody/").json() == {"signed_in": False}
    assert Api(member).get("anybody/").json() == {"signed_in": True}
    assert Api(member, scopes=[]).get("anybody/").status_code == 403
    assert Api().get("anybody/", headers={"Authorization": "Bearer x"}).status_code == 401


def test_an_operator_has_no_tenant():
    assert_problem(Api(OperatorFactory()).get("toy/"), 403, "not_allowed")


# --- How it says no


@pytest.mark.parametrize(
    "path", ["nothing/", "members/1/", "members/%00/", "members/00000000-0000-0000-0000-00000000000g/"]
)
def test_an_address_of_nothing_is_a_problem_too(member, path):
    assert_problem(Api(member).get(path), 404, "not_found")


def test_a_nul_in_an_address_is_nothing(member):
    assert_problem(Api(member).post("toy/%00/", key="k"), 404, "not_found")


def test_refuses_methods_and_media_that_are_not_spoken(member):
    api = Api(member)
    assert_problem(api.delete("toy/"), 405, "method_not_allowed")
    assert_problem(api.call("OPTIONS", "toy/"), 405, "method_not_allowed")
    assert_problem(api.get("toy/", headers={"Accept": "text/csv"}), 406, "not_acceptable")
    answer = api.client.post("/api/v1/toy/", {"do": "x"}, headers={**api.headers, "Idempotency-Key": "k"})
    assert_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [
        "{", " ", "null", "[]", '"text"', "3", "{'a': 1}", b"\xff\xfe", '{"number": NaN}', '{"number": 1e400}',
        "[" * 100_000, '{"a":' * 100_000, '{"number": ' + "9" * 5000 + "}",
    ],
)  # fmt: skip
def test_refuses_a_body_that_is_no_object(member, body):
    answer = Api(member).post("toy/", body, key="k")
    assert answer.status_code == 400
    assert answer.json()["code"] in ("malformed", "invalid")


def test_refuses_a_body_that_is_too_large(member, settings):
    answer = Api(member).post("toy/", '{"do": "' + "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + '"}', key="k")
    assert_problem(answer, 413, "request_too_large")


@pytest.mark.parametrize(
    "body, field, code",
    [
        ({"do": "a\0b"}, "do", "character_not_allowed"),
        ('{"do": "\\ud800"}', "do", "character_not_allowed"),
        ({"lines": [{"quantity": "\0"}]}, "lines.0.quantity", "character_not_allowed"),
        ({"lines": [{"quantity": 1}, {"quantity": 0}]}, "lines.1.quantity", "min_value"),
        ({"lines": [{}]}, "lines.0.quantity", "required"),
        ({"lines": [{"quantity": 10**40}]}, "lines.0.quantity", "max_value"),
        ({"lines": 3}, "lines", "not_a_list"),
        ({"number": "many"}, "number", "invalid"),
        ({"number": [1]}, "number", "invalid"),
        ({"do": None}, "do", "null"),
        ({"do": {}}, "do", "invalid"),
        ({"unheard": 1}, "unheard", "unknown_field"),
        ({"lines": [{"quantity": 1, "colour": "red"}]}, "lines.0.colour", "unknown_field"),
        ({"do": "bad"}, "members.0", "not_a_member"),
    ],
)
def test_names_each_field_that_is_wrong(member, body, field, code):
    answer = Api(member).post("toy/", body, key="k")
    assert_problem(answer, 400, "invalid")
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(field, code)]
    assert answer.json()["errors"][0]["detail"]


def test_refuses_a_nul_in_the_query(member):
    answer = Api(member).get("toy/?a=%00")
    assert_problem(answer, 400, "invalid")
    assert answer.json()["errors"][0]["field"] == "a"


def test_tells_when_to_come_back(member):
    answer = Api(member).post("toy/", {"do": "too_many"}, key="k")
    assert_problem(answer, 429, "too_many_declines")
    assert answer["Retry-After"] == "13"
    assert "retry_after" not in answer.json()


def test_a_defect_is_a_problem_that_says_nothing_of_the_inside(member):
    answer = Api(member, raise_errors=False).post("toy/", {"do": "break"}, key="k")
    assert_problem(answer, 500, "server_error")
    assert "defect" not in answer.content.decode()


def test_outside_the_api_errors_are_pages(client):
    answer = client.get("/nothing/")
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (404, "text/html")


def test_the_document_and_its_page_are_for_anybody(client):
    document = client.get("/api/v1/schema/").json()
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/members/" in document["paths"]
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    assert b"<style" not in page.content
    assert b"<script>" not in page.content
    assert client.get("/api/v1/docs/?script=")["Content-Type"] == "application/javascript"
    assert Tenant.objects.count() == 0
