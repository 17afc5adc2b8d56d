import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.access import SYSTEM
from tenants.directory.models import Tenant
from tenants.directory.operations import organisations
from tenants.directory.tax_numbers import WrongTaxNumber, checked, is_confirmed
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.factories import NOON, MembershipFactory, TenantFactory, acting, admin_of

# Of the documentation of the library, or published by their owners.
GOOD = [
    ("DE 136,695 976", "DE", "DE136695976"),
    ("de136695976", "DE", "DE136695976"),
    ("ATU 13585627", "AT", "ATU13585627"),
    ("BE0428759497", "BE", "BE0428759497"),
    ("FR 40 303 265 045", "FR", "FR40303265045"),
    ("EL 094259216", "GR", "EL094259216"),
    ("SE 123456789701", "SE", "SE123456789701"),
    ("NL 004495445 B01", "NL", "NL004495445B01"),
    ("GB 980 7806 84", "GB", "980780684"),
    ("CHE-107.787.577 IVA", "CH", "CHE107787577IVA"),
    ("NO 995 525 828 MVA", "NO", "995525828MVA"),
    ("83 914 571 673", "AU", "83914571673"),
]


@pytest.mark.parametrize("typed, country, kept", GOOD)
def test_a_number_is_kept_in_its_one_writing(typed, country, kept):
    assert checked(typed, country) == kept
    assert checked(kept, country) == kept
    assert is_confirmed(kept, country)


WRONG = {
    "a character too few": ("DE13669597", "DE", "length"),
    "far too long": ("D" * 41, "DE", "length"),
    "letters where digits belong": ("DE13669597X", "DE", "format"),
    "another check digit": ("DE136695977", "DE", "check_digit"),
    "two digits changed places": ("DE136659976", "DE", "check_digit"),
    "another country's": ("FR40303265045", "DE", "prefix"),
    "without its letters": ("136695976", "DE", "prefix"),
    "Greece by its ISO code": ("GR094259216", "GR", "prefix"),
    "of the Union, elsewhere": ("DE136695976", "CH", "length"),
    "one-stop shop": ("EU372022452", "DE", "prefix"),
    "a part that does not exist": ("GD612", "GB", "part"),
    "nothing": ("", "DE", "prefix"),
    "markup": ("<b>12</b>", "US", "character_not_allowed"),
    "a formula": ("=1+1", "US", "character_not_allowed"),
    "a line break": ("12\n<b>", "US", "character_not_allowed"),
    "blanks": ("   ", "US", "character_not_allowed"),
}


@pytest.mark.parametrize("typed, country, code", WRONG.values(), ids=WRONG)
def test_says_what_is_wrong_with_a_number(typed, country, code):
    with pytest.raises(WrongTaxNumber) as wrong:
        checked(typed, country)
    assert (wrong.value.field, wrong.value.field_code) == ("tax_number", code)
    assert "%(" not in str(wrong.value)
    assert not is_confirmed(typed, country)


def test_a_wrong_number_of_the_union_is_told_with_the_letters_it_must_begin_with():
    with pytest.raises(WrongTaxNumber, match="Begin with EL"):
        checked("094259216", "GR")


def test_a_country_without_a_scheme_takes_a_code_that_nothing_confirms():
    assert checked(" 12-3456789 ", "US") == "12-3456789"
    assert checked("v12/345.6  a", "VU") == "V12/345.6 A"
    assert not is_confirmed("12-3456789", "US")
    assert not is_confirmed("", "US")


COUNTRIES = st.sampled_from(["DE", "GR", "FR", "ES", "GB", "CH", "NO", "IN", "IS", "US", "MX", "BY", "VE", "XK", "IM"])
TYPED = st.text(max_size=45) | st.from_regex(r"[A-Z]{0,3}[0-9A-Z &./-]{0,16}", fullmatch=True)


@given(TYPED, COUNTRIES)
def test_whatever_is_typed_is_kept_in_one_writing_or_refused_by_name(typed, country):
    """Never a crash: the libraries of eighty countries parse what a browser sends."""
    for text in (typed, country + typed):
        try:
            kept = checked(text, country)
        except WrongTaxNumber:
            continue
        assert checked(kept, country) == kept
        assert len(kept) <= 40


# --- The operation


def told():
    return [(e.type, e.subject, e.data) for e in Event.objects.order_by("pk")]


def set_number(tenant, number, by=SYSTEM):
    return organisations.set_tax_number(tenant=tenant, number=number, by=by, at=NOON)


@pytest.mark.django_db
def test_a_number_is_set_changed_and_removed_and_told_without_the_number():
    tenant = TenantFactory(country="DE")
    about = str(tenant.pk)
    assert set_number(tenant, " de 136 695 976 ").tax_number == "DE136695976"
    set_number(tenant, "DE136695976")  # the same again
    assert Tenant.objects.get(pk=tenant.pk).tax_number == "DE136695976"
    set_number(tenant, "  ")
    assert Tenant.objects.get(pk=tenant.pk).tax_number == ""
    assert told() == [
        ("tax_number.changed", about, {"given": True}),
        ("tax_number.changed", about, {"given": False}),
    ]


@pytest.mark.django_db
def test_a_wrong_number_changes_nothing():
    tenant = TenantFactory(country="DE")
    set_number(tenant, "DE136695976")
    with pytest.raises(BadInput):
        set_number(tenant, "DE136695977")
    assert Tenant.objects.get(pk=tenant.pk).tax_number == "DE136695976"
    assert len(told()) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
def test_those_who_mind_the_bills_set_the_number(role):
    tenant = TenantFactory(country="DE")
    assert set_number(tenant, "DE136695976", by=admin_of(tenant, role)).tax_number


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["license_admin", "user_admin", "global_reader", "colleague", "admin elsewhere"])
def test_nobody_else_does(who):
    tenant = TenantFactory(country="DE")
    if who == "colleague":
        by = acting(MembershipFactory(tenant=tenant))
    elif who == "admin elsewhere":
        by = admin_of(TenantFactory())
    else:
        by = admin_of(tenant, who)
    with pytest.raises(NotAllowed):
        set_number(tenant, "DE136695976", by=by)
    assert Tenant.objects.get(pk=tenant.pk).tax_number == ""
    assert told() == []
