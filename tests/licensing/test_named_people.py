"""People named in a file or by department: everybody, or every line that is wrong."""

import pytest

from licensing.files import LARGEST, FileRefused
from licensing.operations import named_people
from licensing.operations.named_people import ADDRESS, TooManyLines, TooManyPeople
from tenants.refusal import BadInput
from tenants.runs.operations import MOST_ROWS
from tests.factories import DepartmentFactory, GuestFactory, MembershipFactory, TenantFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant():
    return TenantFactory(slug="contoso")


def member(tenant, name, **more):
    return MembershipFactory(tenant=tenant, user__email=f"{name}@contoso.example", **more)


def read(text, tenant):
    return named_people.of_file(text.encode() if isinstance(text, str) else text, file="people.csv", tenant=tenant)


def wrong(text, tenant):
    with pytest.raises(FileRefused) as refused:
        read(text, tenant)
    return [(problem.line, str(problem.message)) for problem in refused.value.problems]


class TestAFile:
    @pytest.mark.parametrize(
        "text",
        [
            "ana@contoso.example\nben@contoso.example\n",
            "email\nANA@contoso.example\n ben@contoso.example \n\n",
            "\ufeffname,E-Mail\r\nAna,ana@contoso.example\r\nBen,ben@contoso.example\r\n",
            "email;name\nana@contoso.example;Ana\nben@contoso.example;Ben\n",
            "ana@contoso.example\nben@contoso.example\nana@contoso.example",
            "\n \n\nemail\nana@contoso.example\nben@contoso.example\n",
            ";;\r\n;;\r\nname;email\r\nAna;ana@contoso.example\r\nBen;ben@contoso.example\r\n",
        ],
        ids=[
            "bare",
            "headed",
            "a column among others",
            "semicolons",
            "somebody twice",
            "a heading below blank lines",
            "a heading below empty cells",
        ],
    )
    def test_names_each_once_in_its_order(self, tenant, text):
        ana, ben = member(tenant, "ana"), member(tenant, "ben")
        assert read(text, tenant) == [ana, ben]

    def test_tells_every_line_that_is_wrong(self, tenant):
        member(tenant, "ana")
        member(tenant, "dan", state="disabled")
        GuestFactory(tenant=tenant, user__email="greta@fabrikam.example")
        MembershipFactory(user__email="else@where.example")
        text = (
            "email\nana@contoso.example\ndan@contoso.example\nana at contoso\n"
            "greta@fabrikam.example\nelse@where.example\nnobody@contoso.example\n"
        )
        assert wrong(text, tenant) == [
            (3, "The account of “dan@contoso.example” is not active."),
            (4, "“ana at contoso” is not an e-mail address."),
            (5, "“greta@fabrikam.example” is not a member of your organisation."),
            (6, "“else@where.example” is not a member of your organisation."),
            (7, "“nobody@contoso.example” is not a member of your organisation."),
        ]

    def test_tells_a_line_without_an_address_and_where_it_stands_below_blank_ones(self, tenant):
        member(tenant, "ana")
        text = "\nname,email\n\nAna,ana@contoso.example\nBen\nCleo,\n,\n"
        said = "There is no e-mail address in this line. Add it, or remove the line."
        assert wrong(text, tenant) == [(5, said), (6, said)]

    def test_may_have_as_many_lines_as_get_seats_at_once_however_long_the_addresses(self, tenant):
        longest = "@" + ".".join(["x" * 60] * 4) + ".example"
        lines = [f"{n:06}{longest}"[:ADDRESS] for n in range(MOST_ROWS)]
        found = wrong("\r\n".join(["email,name", *(f"{line},Somebody With A Long Name" for line in lines)]), tenant)
        assert (len(lines[0]), len(found), found[-1][0]) == (ADDRESS, MOST_ROWS, MOST_ROWS + 1)

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("", 0),
            ("email\n", 0),
            (b"email\nan\xff@contoso.example\n", 2),
            ("email\na\0b@contoso.example", 2),
            ('email\n"ana@contoso.example\n', 2),
            ("x" * (LARGEST + 1), 0),
        ],
        ids=["empty", "a heading alone", "not UTF-8", "a NUL", "an open quote", "too large"],
    )
    def test_that_is_none_is_refused_with_its_line(self, tenant, text, line):
        assert [found for found, _said in wrong(text, tenant)] == [line]

    def test_of_more_people_than_get_seats_at_once_is_refused(self, tenant):
        with pytest.raises(TooManyLines, match="10001 lines"):
            read("\n".join(f"p{n}@contoso.example" for n in range(10_001)), tenant)

    def test_that_says_one_thing_on_too_many_lines_is_refused_before_they_are_judged(self, tenant):
        with pytest.raises(TooManyLines):
            read("email\n" + "x\n" * 10_001, tenant)

    def test_takes_one_query_however_long(self, tenant, django_assert_num_queries):
        people = [member(tenant, f"p{n}") for n in range(30)]
        with django_assert_num_queries(1):
            assert len(read("\n".join(person.user.email for person in people), tenant)) == 30


class TestADepartment:
    def test_is_its_active_members_and_those_below(self, tenant):
        sales = DepartmentFactory(tenant=tenant)
        east = DepartmentFactory(tenant=tenant, parent=sales)
        far_east = DepartmentFactory(tenant=tenant, parent=east)
        here = [member(tenant, "a", department=sales), member(tenant, "b", department=far_east)]
        member(tenant, "c", department=DepartmentFactory(tenant=tenant))
        member(tenant, "d", department=sales, state="left")
        GuestFactory(tenant=tenant, department=sales)
        assert named_people.of_department(sales) == here

    def test_of_nobody_is_refused(self, tenant):
        with pytest.raises(BadInput) as refused:
            named_people.of_department(DepartmentFactory(tenant=tenant))
        assert refused.value.field == "department"

    def test_of_more_people_than_get_seats_at_once_is_refused(self, tenant, monkeypatch):
        monkeypatch.setattr(named_people, "MOST_ROWS", 2)
        sales = DepartmentFactory(tenant=tenant)
        MembershipFactory.create_batch(3, tenant=tenant, department=sales)
        with pytest.raises(TooManyPeople, match="3 people"):
            named_people.of_department(sales)
