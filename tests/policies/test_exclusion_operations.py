"""The operator refuses self-service, changes that and takes it back: by operation and by API."""

from datetime import timedelta
from uuid import uuid4

import pytest

from policies.models import Exclusion
from policies.operations import exclusions
from policies.operations.exclusions import Effects, Terms
from tenants.access import SYSTEM, Actor
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.callers import Api
from tests.factories import (
    NOON,
    ExclusionFactory,
    FamilyFactory,
    MembershipFactory,
    OperatorFactory,
    TenantFactory,
    admin_of,
    buy,
    plan_on_sale,
)
from tests.policies.conftest import codes

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

TODAY = NOON.date()
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def no_sectors():
    Exclusion.objects.all().delete()


@pytest.fixture
def operator():
    return Actor(user=OperatorFactory())


def journal():
    return [(e.type, e.tenant, e.data["reason"]) for e in Event.objects.filter(type__startswith="exclusion.")]


def test_what_an_operator_says_holds_at_once_and_stands_in_the_journal(operator, product, ana):
    row = exclusions.add(terms=Terms(country="US", product=product), reason="A sanction.", by=operator, at=NOON)
    assert codes(ana, product) == ["operator_exclusion"]
    later = Terms(country="US", product=product, valid_to=TODAY, ends_renewals=True)
    exclusions.change(exclusion=row, terms=later, reason="It is over.", by=operator, at=NOON)
    assert codes(ana, product) == []
    exclusions.remove(exclusion=row, reason="Tidy.", by=operator, at=NOON)
    assert not Exclusion.objects.exists()
    assert journal() == [
        ("exclusion.added", None, "A sanction."),
        ("exclusion.changed", None, "It is over."),
        ("exclusion.removed", None, "Tidy."),
    ]
    added, changed, removed = Event.objects.order_by("pk")
    assert {event.actor for event in (added, changed, removed)} == {operator.user}
    assert (added.data["old"], added.data["new"]) == (None, changed.data["old"])
    assert changed.data["old"] == {
        "sector": "", "country": "US", "family": None, "product": product.pk,
        "valid_from": None, "valid_to": None, "ends_renewals": False,
    }  # fmt: skip
    assert (changed.data["new"]["valid_to"], changed.data["new"]["ends_renewals"]) == ("2026-03-10", True)
    assert (removed.data["old"], removed.data["new"]) == (changed.data["new"], None)


def test_the_same_again_changes_nothing(operator):
    terms = Terms(country="SE")
    row = exclusions.add(terms=terms, reason="Why.", by=operator, at=NOON)
    exclusions.change(exclusion=row, terms=terms, reason="Why.", by=operator, at=NOON)
    for _twice in range(2):
        exclusions.remove(exclusion=row, reason="Over.", by=SYSTEM, at=NOON)
    assert [type for type, *_rest in journal()] == ["exclusion.added", "exclusion.removed"]
    with pytest.raises(exclusions.ExclusionGone):
        exclusions.change(exclusion=row, terms=Terms(country="NO"), reason="Why.", by=operator, at=NOON)


@pytest.mark.parametrize(
    ("terms", "field", "code"),
    [
        ({}, "sector", "required"),
        ({"valid_from": TODAY}, "sector", "required"),
        ({"sector": "mining"}, "sector", "invalid_choice"),
        ({"country": "ZZ"}, "country", "invalid_choice"),
        ({"country": "us"}, "country", "invalid_choice"),
        ({"country": "US", "valid_from": TODAY, "valid_to": TODAY}, "valid_to", "ends_before_it_begins"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(operator, terms, field, code):
    row = ExclusionFactory(country="SE")
    for deed in (exclusions.add, lambda **kwargs: exclusions.change(exclusion=row, **kwargs)):
        with pytest.raises(BadInput) as refused:
            deed(terms=Terms(**terms), reason="Why.", by=operator, at=NOON)
        assert (refused.value.field, refused.value.field_code) == (field, code)
    assert Exclusion.objects.values_list("country", "sector").get() == ("SE", "")
    assert journal() == []


def test_a_product_is_named_within_its_own_family(operator, product):
    with pytest.raises(BadInput, match="not of that family"):
        exclusions.add(terms=Terms(family=FamilyFactory(), product=product), reason="Why.", by=operator, at=NOON)
    exclusions.add(terms=Terms(family=product.family, product=product), reason="Why.", by=operator, at=NOON)


@pytest.mark.parametrize("reason", ["", " ", "x" * 501, "a\0b"])
def test_says_why_or_is_refused(operator, reason):
    row = ExclusionFactory(country="SE")
    terms = Terms(country="NO")
    for deed in (
        lambda: exclusions.add(terms=terms, reason=reason, by=operator, at=NOON),
        lambda: exclusions.change(exclusion=row, terms=terms, reason=reason, by=operator, at=NOON),
        lambda: exclusions.remove(exclusion=row, reason=reason, by=operator, at=NOON),
    ):
        with pytest.raises(BadInput):
            deed()
    assert Exclusion.objects.get().country == "SE"


def test_no_admin_of_a_tenant_excludes_anybody():
    admin, row = admin_of(TenantFactory()), ExclusionFactory(country="SE")
    terms = Terms(country="NO")
    for deed in (
        lambda: exclusions.add(terms=terms, reason="Why.", by=admin, at=NOON),
        lambda: exclusions.change(exclusion=row, terms=terms, reason="Why.", by=admin, at=NOON),
        lambda: exclusions.remove(exclusion=row, reason="Why.", by=admin, at=NOON),
    ):
        with pytest.raises(NotAllowed):
            deed()
    assert Exclusion.objects.get().country == "SE"


# --- What it would do


@pytest.fixture
def running():
    """Three that run and renew on 10 April, in New York and in Tokyo, and one that does not renew."""
    plan = plan_on_sale()
    here, there = TenantFactory(country="US"), TenantFactory(country="US", time_zone="Asia/Tokyo")
    for tenant in (here, here, there):
        buy(MembershipFactory(tenant=tenant), plan)
    stopped = buy(MembershipFactory(tenant=here), plan)
    stopped.auto_renew = False
    stopped.save()
    TenantFactory(country="SE")
    return plan


def test_tells_how_many_tenants_it_hits_and_whose_renewal_it_ends(running, django_assert_num_queries):
    product = running.product
    with django_assert_num_queries(2):
        told = exclusions.effects(Terms(country="US", ends_renewals=True))
    assert told == Effects(tenants=2, renewals_ended=3)
    assert exclusions.effects(Terms(country="US")) == Effects(tenants=2, renewals_ended=0)
    assert exclusions.effects(Terms(country="SE", ends_renewals=True)) == Effects(tenants=1, renewals_ended=0)
    assert exclusions.effects(Terms(product=product, ends_renewals=True)) == Effects(tenants=3, renewals_ended=3)
    assert exclusions.effects(Terms(family=product.family, ends_renewals=True)).renewals_ended == 3
    assert exclusions.effects(Terms(family=FamilyFactory(), ends_renewals=True)).renewals_ended == 0


def test_a_renewal_after_its_last_day_is_not_counted(running):
    [ends] = {row.term_end.date() for row in running.subscriptions.filter(time_zone="Asia/Tokyo")}

    def ended(last):
        return exclusions.effects(Terms(country="US", valid_to=last, ends_renewals=True)).renewals_ended

    assert [ended(ends), ended(ends + DAY)] == [0, 3]


# --- By API


@pytest.fixture
def api(operator):
    return Api(operator.user)


def errors(answer):
    assert answer.status_code == 400, answer.content
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


def test_an_operator_writes_reads_changes_and_removes_by_api(api, product):
    body = {"country": "US", "product": product.pk, "valid_from": "2026-03-01", "reason": "A sanction."}
    assert api.post("exclusions/", body | {"preview": True}).json() == {"tenants": 0, "renewals_ended": 0}
    assert not Exclusion.objects.exists()
    answer = api.post("exclusions/", body)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told.pop("set_by"), bool(told.pop("set_at"))) == (Exclusion.objects.get().set_by.email, True)
    assert told | {"id": "", "created_at": ""} == {
        "id": "", "sector": None, "country": "US", "family": None, "product": product.pk, "valid_from": "2026-03-01",
        "valid_to": None, "ends_renewals": False, "reason": "A sanction.", "created_at": "",
    }  # fmt: skip
    path = f"exclusions/{told['id']}/"
    who = api.get(path).json()
    told |= {name: who[name] for name in ("set_by", "set_at")}
    assert who == told
    assert api.get("exclusions/").json()["results"] == [told]
    change = {"product": None, "ends_renewals": True, "reason": "All of it."}
    assert api.patch(path, change | {"preview": True}).json() == {"tenants": 0, "renewals_ended": 0}
    assert api.get(path).json() == told
    changed = api.patch(path, change).json()
    assert changed.pop("set_at") > told.pop("set_at")
    assert changed == told | change
    assert api.delete(path).status_code == 400
    assert errors(api.delete(path + "?reason=Over.&dry_run=true")) == [("dry_run", "unknown_field")]
    assert api.delete(path + "?reason=Over.").status_code == 204
    assert api.get(path).status_code == 404
    assert [reason for *_rest, reason in journal()] == ["A sanction.", "All of it.", "Over."]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"reason": "Why."}, ("sector", "required")),
        ({"country": "US"}, ("reason", "required")),
        ({"country": "USA", "reason": "Why."}, ("country", "max_length")),
        ({"country": "ZZ", "reason": "Why."}, ("country", "invalid_choice")),
        ({"sector": "mining", "reason": "Why."}, ("sector", "invalid_choice")),
        ({"family": "none", "reason": "Why."}, ("family", "does_not_exist")),
        ({"product": "none", "reason": "Why."}, ("product", "does_not_exist")),
        ({"country": "US", "valid_to": "soon", "reason": "Why."}, ("valid_to", "invalid")),
        ({"country": "US", "ends_renewals": "yes", "reason": "Why."}, ("ends_renewals", "invalid")),
        ({"tenant": "contoso", "reason": "Why."}, ("tenant", "unknown_field")),
    ],
)
def test_a_bad_body_is_told_by_field(api, body, expected):
    assert errors(api.post("exclusions/", body)) == [expected]
    assert not Exclusion.objects.exists()


def test_a_tenants_admin_neither_reads_nor_writes_by_api():
    row = ExclusionFactory(country="SE")
    admin = Api(admin_of(TenantFactory()).membership)
    path, body = f"exclusions/{row.pk}/", {"country": "NO", "reason": "Why."}
    answers = [
        admin.get("exclusions/"), admin.post("exclusions/", body), admin.get(path), admin.patch(path, body),
        admin.delete(path + "?reason=Why."), admin.get(f"exclusions/{uuid4()}/"),
    ]  # fmt: skip
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "not_allowed")] * 6
    assert Exclusion.objects.get().country == "SE"
    assert Api().get("exclusions/").status_code == 401
