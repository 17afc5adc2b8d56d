"""A tenant's switches: the default for new products, the stop, its contact and its own process for licences."""

import pytest

from policies.models import Policy, TenantSettings
from policies.operations import settings
from tenants.access import SYSTEM
from tenants.directory.models import Tenant
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.factories import NOON, MembershipFactory, PolicyFactory, ProductFactory, TenantFactory, admin_of
from tests.policies.conftest import codes
from tests.race import at_once

pytestmark = pytest.mark.django_db


def change(tenant, by=SYSTEM, at=NOON, **wanted):
    return settings.change(tenant=tenant, by=by, at=at, **wanted)


def told():
    return [(event.type, event.data) for event in Event.objects.order_by("pk")]


def test_what_nobody_said_is_the_systems_default(tenant):
    assert settings.of(tenant) == settings.Settings(
        default_for_new_products="enabled",
        self_service_enabled=True,
        contact_email=tenant.contact_email,
        contact_url="",
        contact_message="",
        request_process_message="",
        request_process_url="",
        leaver_default="renew",
        leaver_grace_days=0,
        tell_admins_of_failed_charges=False,
        tell_admins_of_renewals=False,
        take_over_refunds=True,
    )


def test_who_buys_is_told_of_what_members_pay_once_somebody_said_so(tenant):
    wish = "tell_admins_of_failed_charges"
    for _ in range(2):
        said = change(tenant, **{wish: True})
    assert (said.tell_admins_of_failed_charges, said.tell_admins_of_renewals) == (True, False)
    assert told() == [("settings.changed", {"changed": [wish]})]
    assert change(tenant, tell_admins_of_renewals=True).tell_admins_of_failed_charges


def test_the_default_holds_for_products_to_come_that_have_no_narrower_value(tenant, ana, product):
    PolicyFactory(tenant=tenant, product=product, value="enabled")
    said = change(tenant, default_for_new_products="disabled", reason="Ask first")
    assert said.default_for_new_products == "disabled"
    later = ProductFactory(family=product.family)
    assert (codes(ana, product), codes(ana, later)) == ([], ["policy_disabled"])
    assert told() == [
        ("policy.changed", {"level": "tenant", "old": "enabled", "new": "disabled", "reason": "Ask first"})
    ]
    change(tenant, default_for_new_products="disabled")
    assert len(told()) == 1
    change(tenant, default_for_new_products="enabled")
    assert (codes(ana, later), len(told())) == ([], 2)


def test_the_stop_beats_every_policy_until_it_is_taken_back(tenant, ana, product):
    admin = admin_of(tenant, "billing_admin")
    PolicyFactory(tenant=tenant, member=ana, product=product, value="enabled")
    assert change(tenant, by=admin, self_service_enabled=False, reason="Audit").self_service_enabled is False
    assert codes(ana, product) == ["self_service_stopped"]
    row = TenantSettings.objects.get()
    assert (row.set_by, row.set_at) == (admin.user, NOON)
    change(tenant, by=admin, self_service_enabled=False)
    change(tenant, by=admin, self_service_enabled=True, reason="Done")
    assert codes(ana, product) == []
    assert told() == [
        ("self_service.stopped", {"old": True, "new": False, "reason": "Audit"}),
        ("self_service.resumed", {"old": False, "new": True, "reason": "Done"}),
    ]


def test_only_what_is_given_changes_and_empty_takes_away(tenant):
    change(
        tenant,
        contact_email="help@contoso.example",
        contact_url="https://help.contoso.example/",
        contact_message="Ask us.\nWe answer.",
        request_process_message="Fill in the form.",
        request_process_url="https://forms.contoso.example/licence",
    )
    said = change(Tenant.objects.get(), contact_url="", request_process_url="mailto:it@contoso.example?subject=Licence")
    assert (said.contact_email, said.contact_url) == ("help@contoso.example", "")
    assert (said.contact_message, said.request_process_message) == ("Ask us.\nWe answer.", "Fill in the form.")
    assert said.request_process_url == "mailto:it@contoso.example?subject=Licence"
    assert settings.of(Tenant.objects.get()) == said
    assert told() == [
        ("contact.changed", {"changed": ["contact_email", "contact_message", "contact_url"]}),
        ("settings.changed", {"changed": ["request_process_message", "request_process_url"]}),
        ("contact.changed", {"changed": ["contact_url"]}),
        ("settings.changed", {"changed": ["request_process_url"]}),
    ]
    change(Tenant.objects.get(), contact_url="", request_process_message="Fill in the form.")
    assert len(told()) == 4


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("default_for_new_products", "off"),
        ("contact_email", "nobody"),
        ("contact_email", "a\0@b.example"),
        ("contact_url", "javascript:alert(1)"),
        ("contact_url", "ftp://contoso.example/"),
        ("contact_url", f"https://contoso.example/{'x' * 200}"),
        ("contact_message", "x" * 2001),
        ("contact_message", "a\0"),
        ("request_process_message", "x" * 2001),
        ("request_process_message", "\u202e"),
        ("request_process_url", "http://contoso.example/"),
        ("request_process_url", "javascript:alert(1)"),
        ("request_process_url", "mailto:nobody"),
        ("request_process_url", "mailto:"),
        ("request_process_url", "https://"),
        ("request_process_url", f"https://contoso.example/{'x' * 500}"),
        ("request_process_url", "https://contoso.example/\n"),
        ("reason", "x" * 501),
    ],
)
def test_refuses_bad_input_and_changes_nothing_else(tenant, field, wrong):
    before = settings.of(tenant)
    with pytest.raises(BadInput) as refused:
        change(tenant, **{"self_service_enabled": False, "contact_message": "Ask us.", field: wrong})
    assert refused.value.field == field
    assert settings.of(Tenant.objects.get(pk=tenant.pk)) == before
    assert not told()


def test_roles_decide(tenant):
    for by in (admin_of(tenant, "license_admin"), admin_of(tenant, "global_reader"), admin_of(TenantFactory())):
        with pytest.raises(NotAllowed):
            change(tenant, by=by, self_service_enabled=False)
    assert not TenantSettings.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_at_once_both_stand_in_the_history():
    tenant = MembershipFactory().tenant
    outcomes = at_once(
        lambda value: change(tenant, default_for_new_products=value, reason=value), ["disabled", "approval_required"]
    )
    assert [o for o in outcomes if isinstance(o, Exception)] == []
    [first, last] = [data for _type, data in told()]
    assert (first["old"], last["old"], last["new"]) == ("enabled", first["new"], Policy.objects.get().value)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_let_members_claim_at_once_one_changes_it():
    tenant = TenantFactory()
    settings.let_members_claim_seats(tenant=tenant, allowed=False, by=SYSTEM, at=NOON)
    at_once(lambda _n: settings.let_members_claim_seats(tenant=tenant, allowed=True, by=SYSTEM, at=NOON), range(8))
    assert [event["members_claim_seats"] for _type, event in told()] == [True]
