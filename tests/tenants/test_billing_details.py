"""Who an organisation is on its invoices: who may say so, by operation and by API."""

import pytest

from tenants.access import SYSTEM
from tenants.directory.operations import organisations
from tenants.directory.tax_numbers import WrongTaxNumber
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.callers import Api
from tests.factories import NOON, GuestFactory, MembershipFactory, TenantFactory, acting, admin_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant():
    return TenantFactory(slug="contoso", name="Contoso", country="DE")


def say(tenant, by=SYSTEM, **details):
    return organisations.set_billing_details(tenant=tenant, by=by, at=NOON, **details)


def kept(tenant):
    tenant.refresh_from_db()
    return tenant.legal_name, tenant.billing_address, tenant.tax_number


def told():
    return list(Event.objects.exclude(type="tax_number.changed").values_list("type", "data"))


class TestBillingDetails:
    def test_are_kept_tidy(self, tenant):
        say(
            tenant,
            legal_name=" Contoso  GmbH ",
            address="  Allee 1\r\n\n 10115   Berlin \n",
            tax_number="DE 136,695 976",
        )
        assert kept(tenant) == ("Contoso GmbH", "Allee 1\n10115 Berlin", "DE136695976")

    def test_that_are_not_said_stay_and_empty_ones_go(self, tenant):
        say(tenant, legal_name="Contoso GmbH", address="Allee 1", tax_number="DE136695976")
        say(tenant, address="")
        assert kept(tenant) == ("Contoso GmbH", "", "DE136695976")
        say(tenant, legal_name="", tax_number="")
        assert kept(tenant) == ("", "", "")
        assert tenant.billed_as == "Contoso"

    def test_are_told_without_what_they_say_and_only_when_they_change(self, tenant):
        for _ in range(2):
            say(tenant, legal_name="Contoso GmbH", address="Allee 1")
        assert told() == [("billing_details.changed", {"changed": ["billing_address", "legal_name"]})]

    @pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
    def test_may_be_changed_by(self, tenant, role):
        say(tenant, by=admin_of(tenant, role), legal_name="Contoso GmbH")
        assert kept(tenant)[0] == "Contoso GmbH"

    @pytest.mark.parametrize("role", ["license_admin", "user_admin", "global_reader"])
    def test_may_not_be_changed_by(self, tenant, role):
        for by in (admin_of(tenant, role), acting(MembershipFactory(tenant=tenant)), admin_of(TenantFactory())):
            with pytest.raises(NotAllowed):
                say(tenant, by=by, legal_name="Mine")
        assert kept(tenant) == ("", "", "")

    @pytest.mark.parametrize(
        "wrong, field, code",
        [
            ({"legal_name": "x" * 201}, "legal_name", "max_length"),
            ({"legal_name": "two\nlines"}, "legal_name", "character_not_allowed"),
            ({"address": "x" * 501}, "address", "max_length"),
            ({"address": "Allee\x07 1"}, "address", "character_not_allowed"),
            ({"address": "\u202eeellA"}, "address", "character_not_allowed"),
        ],
    )
    def test_that_can_never_be_right_are_refused(self, tenant, wrong, field, code):
        with pytest.raises(BadInput) as refused:
            say(tenant, **{"legal_name": "Fine", "address": "Fine"} | wrong)
        assert (refused.value.field, refused.value.field_code) == (field, code)
        assert kept(tenant) == ("", "", "")

    def test_are_kept_all_or_none(self, tenant):
        with pytest.raises(WrongTaxNumber):
            say(tenant, legal_name="Contoso GmbH", tax_number="DE1")
        assert kept(tenant) == ("", "", "")
        assert told() == []


class TestTheApi:
    def test_shows_the_acting_organisation_to_its_members(self, tenant):
        say(tenant, legal_name="Contoso GmbH", address="Allee 1")
        answer = Api(MembershipFactory(tenant=tenant)).get("tenant/")
        assert answer.json() == {
            "id": str(tenant.pk),
            "slug": "contoso",
            "name": "Contoso",
            "country": "DE",
            "sector": "commercial",
            "managed": True,
            "time_zone": tenant.time_zone,
            "billing": {"legal_name": "Contoso GmbH", "address": "Allee 1", "tax_number": ""},
        }

    def test_tells_a_guest_nothing_of_its_bills(self, tenant):
        say(tenant, address="Allee 1")
        shown = Api(GuestFactory(tenant=tenant)).get("tenant/").json()
        assert (shown["slug"], shown["billing"]) == ("contoso", None)

    def test_changes_what_is_sent(self, tenant):
        api = Api(admin_of(tenant, "billing_admin").membership)
        assert api.patch("tenant/", {"billing": {"legal_name": "Contoso GmbH"}}).status_code == 200
        answer = api.patch("tenant/", {"billing": {"address": "Allee 1\n10115 Berlin", "tax_number": "DE136695976"}})
        said = {"legal_name": "Contoso GmbH", "address": "Allee 1\n10115 Berlin", "tax_number": "DE136695976"}
        assert answer.json()["billing"] == said
        assert kept(tenant) == tuple(said.values())

    def test_refuses_whoever_may_not(self, tenant):
        body = {"billing": {"legal_name": "Mine"}}
        for role in ("license_admin", "global_reader"):
            answer = Api(admin_of(tenant, role).membership).patch("tenant/", body)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
        assert Api(admin_of(tenant).membership, scopes=["purchases:read"]).patch("tenant/", body).status_code == 403
        assert Api().patch("tenant/", body).status_code == 401
        assert kept(tenant) == ("", "", "")

    @pytest.mark.parametrize(
        "body, field, code",
        [
            ({}, "billing", "required"),
            ({"billing": None}, "billing", "null"),
            ({"billing": {"legal_name": "x" * 201}}, "billing.legal_name", "max_length"),
            ({"billing": {"address": "\u202eeellA"}}, "billing.address", "character_not_allowed"),
            ({"billing": {"tax_number": "DE1"}}, "billing.tax_number", "length"),
            ({"billing": {"country": "US"}}, "billing.country", "unknown_field"),
            ({"name": "Other", "billing": {}}, "name", "unknown_field"),
        ],
    )
    def test_names_what_is_wrong(self, tenant, body, field, code):
        answer = Api(admin_of(tenant).membership).patch("tenant/", body)
        assert answer.status_code == 400
        assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]
        assert kept(tenant) == ("", "", "")
