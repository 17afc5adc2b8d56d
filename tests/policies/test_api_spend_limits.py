"""Spend limits by API: who reads and writes them, what they say, and what the journal keeps."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from policies.models import SpendLimit
from policies.operations import spend_limits
from tenants.journal.models import Event
from tests.callers import Api
from tests.factories import (
    NOON,
    DepartmentFactory,
    MembershipFactory,
    PlanFactory,
    PriceFactory,
    RoleGrantFactory,
    TenantFactory,
    admin_of,
)

pytestmark = pytest.mark.django_db

BODY = {"scope": {"level": "tenant"}, "period": "month", "amount": {"amount": "100.00", "currency": "USD"}}


@pytest.fixture
def tenant():
    return TenantFactory()


def api_of(tenant, role="billing_admin"):
    return Api(RoleGrantFactory(membership__tenant=tenant, role=role).membership)


@pytest.fixture
def admin(tenant):
    return api_of(tenant)


def added(api, **changes):
    answer = api.post("spend-limits/", {**BODY, **changes})
    assert answer.status_code == 201, answer.content
    return answer.json()


def wrong(answer):
    assert answer.status_code == 400, answer.content
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


def test_adds_one_with_what_is_left_out_as_it_is_usual(admin):
    shown = added(admin, reason="The budget of 2026")
    assert shown == {
        "id": shown["id"],
        "scope": {"level": "tenant", "id": None},
        "period": "month",
        "amount": {"amount": "100.00", "currency": "USD"},
        "mode": "hard",
        "counts": ["self_service"],
        "committed": {"amount": "0.00", "currency": "USD"},
        "spent": {"amount": "0.00", "currency": "USD"},
        "reason": "The budget of 2026",
        "created_at": shown["created_at"],
    }
    assert admin.get(f"spend-limits/{shown['id']}/").json() == shown
    assert admin.get("spend-limits/").json()["results"] == [shown]


def test_of_a_department_a_person_and_a_product(admin, tenant):
    named = {
        "department": str(DepartmentFactory(tenant=tenant).pk),
        "member": str(MembershipFactory(tenant=tenant).pk),
        "product": PlanFactory().product_id,
    }
    for level, pk in named.items():
        assert added(admin, scope={"level": level, "id": pk})["scope"] == {"level": level, "id": pk}


@pytest.mark.parametrize("level", ["department", "member", "product"])
def test_what_is_not_there_or_of_another_tenant_does_not_exist(admin, level):
    others = {"department": DepartmentFactory().pk, "member": MembershipFactory().pk, "product": "NOTHING"}
    for pk in (str(others[level]), "x", ""):
        answer = admin.post("spend-limits/", {**BODY, "scope": {"level": level, "id": pk or None}})
        assert wrong(answer) == [("scope.id", "does_not_exist")]
    assert not SpendLimit.objects.exists()


@pytest.mark.parametrize(
    "changes, error",
    [
        ({"period": "week"}, ("period", "invalid_choice")),
        ({"mode": "soft"}, ("mode", "invalid_choice")),
        ({"counts": []}, ("counts", "empty")),
        ({"counts": ["refunds"]}, ("counts.0", "invalid_choice")),
        ({"amount": {"amount": "-1", "currency": "USD"}}, ("amount.amount", "invalid")),
        ({"amount": {"amount": "1.001", "currency": "USD"}}, ("amount.amount", "invalid")),
        ({"amount": {"amount": "1.5", "currency": "JPY"}}, ("amount.amount", "invalid")),
        ({"amount": {"amount": "1", "currency": "XQZ"}}, ("amount.currency", "invalid_choice")),
        ({"amount": {"amount": "1"}}, ("amount.currency", "required")),
        ({"scope": {"level": "galaxy"}}, ("scope.level", "invalid_choice")),
        ({"scope": {"level": "tenant", "id": "x"}}, ("scope.id", "invalid")),
        ({"reason": "a" * 501}, ("reason", "max_length")),
    ],
)
def test_refuses_what_no_limit_can_be(admin, changes, error):
    field, code = error
    [(found, found_code)] = wrong(admin.post("spend-limits/", {**BODY, **changes}))
    assert (found.split(".")[0], found_code) in ((field.split(".")[0], code), (field.split(".")[0], "min_length"))
    assert not SpendLimit.objects.exists()


def test_a_second_one_for_the_same_is_refused(admin):
    added(admin)
    answer = admin.post("spend-limits/", BODY)
    assert (answer.status_code, answer.json()["code"]) == (409, "spend_limit_exists")
    added(admin, mode="approval")
    added(admin, period="year")


def test_changes_what_is_named_and_leaves_the_rest(admin):
    first = added(admin)
    answer = admin.patch(f"spend-limits/{first['id']}/", {"amount": {"amount": "50.00", "currency": "USD"}})
    assert answer.json() == {**first, "amount": {"amount": "50.00", "currency": "USD"}}
    assert wrong(admin.patch(f"spend-limits/{first['id']}/", {"amount": {"amount": "1"}})) == [
        ("amount.currency", "required")
    ]
    assert wrong(admin.patch(f"spend-limits/{first['id']}/", {"scope": {"level": "tenant"}})) == [
        ("scope", "unknown_field")
    ]


def test_removes_one(admin):
    first = added(admin)
    assert admin.delete(f"spend-limits/{first['id']}/").status_code == 204
    assert admin.get(f"spend-limits/{first['id']}/").status_code == 404
    assert not SpendLimit.objects.exists()


def test_the_journal_keeps_who_old_new_and_why(admin, tenant):
    who = str(MembershipFactory(tenant=tenant).pk)
    first = added(admin, scope={"level": "member", "id": who}, reason="Trial month")
    amount = {"amount": "50.00", "currency": "USD"}
    admin.patch(f"spend-limits/{first['id']}/", {"amount": amount, "reason": "Less"})
    admin.patch(f"spend-limits/{first['id']}/", {"amount": amount, "reason": "The same again"})
    admin.delete(f"spend-limits/{first['id']}/")
    told = Event.objects.filter(subject=first["id"]).order_by("at")
    assert [event.type for event in told] == ["spend_limit.set", "spend_limit.changed", "spend_limit.removed"]
    assert all(event.actor and event.data["member"] == who for event in told)
    old = {"period": "month", "amount": "100.00", "currency": "USD", "mode": "hard", "counts": ["self_service"]}
    new = {**old, "amount": "50.00"}
    assert (told[0].data["new"], told[0].data["reason"]) == (old, "Trial month")
    assert (told[1].data["old"], told[1].data["new"], told[1].data["reason"]) == (old, new, "Less")
    assert told[2].data["old"] == new


@pytest.mark.parametrize(
    "role, reads, writes",
    [
        ("global_admin", 200, 201),
        ("license_admin", 200, 403),
        ("global_reader", 200, 403),
        ("user_admin", 403, 403),
    ],
)
def test_who_reads_and_who_writes(tenant, role, reads, writes):
    api = api_of(tenant, role)
    assert api.get("spend-limits/").status_code == reads
    assert api.post("spend-limits/", BODY).status_code == writes
    one = SpendLimit.objects.first() or SpendLimit.objects.get(pk=added(api_of(tenant))["id"])
    expected = 200 if writes == 201 else 403
    assert api.patch(f"spend-limits/{one.pk}/", {"mode": "approval"}).status_code == expected
    assert api.delete(f"spend-limits/{one.pk}/").status_code == (204 if writes == 201 else 403)


def test_another_tenants_is_as_one_that_never_was(admin):
    theirs = added(api_of(TenantFactory()))
    for call in (admin.get, admin.delete):
        assert call(f"spend-limits/{theirs['id']}/").status_code == 404
    assert admin.patch(f"spend-limits/{theirs['id']}/", {"mode": "approval"}).status_code == 404
    assert admin.get("spend-limits/").json()["results"] == []
    assert SpendLimit.objects.get().mode == "hard"


def test_the_count_of_queries_does_not_grow(admin, tenant):
    def queries():
        with CaptureQueriesContext(connection) as done:
            found = admin.get("spend-limits/").json()["results"]
        return len(found), len(done)

    added(admin)
    one, few = queries()
    for _ in range(29):
        added(admin, scope={"level": "department", "id": str(DepartmentFactory(tenant=tenant).pk)})
    assert (one, queries()) == (1, (30, few))


def test_amounts_are_exact(admin, tenant):
    priced_in("KWD", "KW", tenant)
    shown = added(admin, amount={"amount": "1.250", "currency": "KWD"})
    assert shown["amount"] == {"amount": "1.250", "currency": "KWD"}
    assert SpendLimit.objects.get().amount == Decimal("1.25")


def priced_in(currency, country, tenant):
    PriceFactory(currency=currency)
    tenant.country = country
    tenant.save()


def test_the_currency_is_the_one_that_the_tenant_buys_in(admin, tenant):
    euros = {"amount": "100.00", "currency": "EUR"}
    told = [("amount.currency", "not_the_tenants_currency")]
    assert wrong(admin.post("spend-limits/", {**BODY, "amount": euros})) == told
    limit = added(admin)
    assert wrong(admin.patch(f"spend-limits/{limit['id']}/", {"amount": euros})) == told
    assert SpendLimit.objects.get().currency == "USD"
    tenant.country = "DE"  # where nothing has a price in euros yet
    tenant.save()
    assert wrong(admin.post("spend-limits/", {**BODY, "period": "year", "amount": euros})) == told
    priced_in("EUR", "DE", tenant)
    assert added(admin, period="year", amount=euros)["amount"] == euros
    assert wrong(admin.post("spend-limits/", {**BODY, "mode": "approval"})) == told


def test_a_limit_that_has_another_currency_already_keeps_it(admin, tenant):
    limit = added(admin)
    SpendLimit.objects.update(currency="EUR")
    path = f"spend-limits/{limit['id']}/"
    assert admin.patch(path, {"amount": {"amount": "5.00", "currency": "EUR"}}).status_code == 200
    assert admin.patch(path, {"mode": "approval"}).status_code == 200
    kept = SpendLimit.objects.get()
    assert (kept.amount, kept.currency, kept.mode) == (5, "EUR", "approval")
    assert admin.patch(path, {"amount": {"amount": "5.00", "currency": "USD"}}).status_code == 200


def test_whoever_is_slower_than_an_end_is_told_and_writes_nothing(admin, tenant):
    added(admin)
    [limit] = SpendLimit.objects.all()
    by = admin_of(tenant)
    spend_limits.remove(limit=SpendLimit.objects.get(), by=by, at=NOON)
    for slower in (
        lambda: spend_limits.change(limit=limit, amount=Decimal(5), by=by, at=NOON),
        lambda: spend_limits.remove(limit=limit, by=by, at=NOON),
    ):
        with pytest.raises(spend_limits.SpendLimitGone):
            slower()
    assert Event.objects.filter(type__in=["spend_limit.changed", "spend_limit.removed"]).count() == 1
