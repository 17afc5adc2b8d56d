"""People named many at a time, to give them seats: in a file of addresses, or by their department."""

import csv
import io
from collections.abc import Iterator
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from licensing.files import LARGEST, FileRefused, Problem, Problems, text_of
from tenants.directory.models import Department, Membership, Tenant
from tenants.directory.tree import and_below
from tenants.refusal import BadInput
from tenants.runs.operations import MOST_ROWS

# What the column is called that holds the addresses; without such a heading it is the first.
HEADINGS = ("email", "e-mail", "mail", "work e-mail", "work email")
ADDRESS = 254


class TooManyPeople(BadInput):
    said = gettext_lazy("These are %(count)s people. At most %(most)s get seats at once.")

    def __init__(self, count: int, *, field: str) -> None:
        super().__init__(str(self.said) % {"count": count, "most": MOST_ROWS}, field=field, code="too_many")


class TooManyLines(TooManyPeople):
    """Lines are counted, not addresses: one address a million times would be read as often."""

    said = gettext_lazy("The file names people on %(count)s lines. At most %(most)s are read at once: split it.")


def of_file(raw: bytes, *, file: str, tenant: Tenant) -> list[Membership]:
    """
    The active members whose addresses stand in a CSV file, in their order, each once; all of them, or none. What is
    wrong is told line by line.

    :raises FileRefused: not such a file, or a line that names no active member
    :raises TooManyLines: more than get seats at once
    """
    problems = Problems(file)
    lines = list(_addresses(_text(raw, file), problems))
    if len(lines) > MOST_ROWS:
        raise TooManyLines(len(lines), field="file")
    wanted = list(dict.fromkeys(address for _line, address in lines))
    people = Membership.objects.of(tenant).members().by_email(wanted).select_related("user", "tenant")
    found = {member.user.email: member for member in people}
    for line, address in lines:
        wrong = _wrong_with(address, found.get(address))
        if wrong:
            problems.add(line, wrong)
    problems.refuse_if_any()
    if not wanted:
        raise FileRefused(file, [Problem(0, _("No address stands in it."))])
    return [found[address] for address in wanted]


def of_department(department: Department) -> list[Membership]:
    """
    The active members of a department and of those below it, by address.

    :raises BadInput: there are none
    :raises TooManyPeople: more than get seats at once
    """
    here = Membership.objects.of(department.tenant).members().active()
    people = here.filter(department__in=_with_those_below(department)).select_related("user", "tenant")
    found = list(people.order_by("user__email")[: MOST_ROWS + 1])
    if len(found) > MOST_ROWS:
        raise TooManyPeople(people.count(), field="department")
    if not found:
        raise BadInput(_("Nobody works in this department."), field="department", code="empty")
    return found


def _with_those_below(department: Department) -> set[UUID]:
    parents = dict(Department.objects.filter(tenant=department.tenant_id).values_list("pk", "parent"))
    return and_below([department.pk], parents)


def _text(raw: bytes, file: str) -> str:
    if len(raw) > LARGEST:
        raise FileRefused(file, [Problem(0, _("The file is larger than %(mb)s MB.") % {"mb": LARGEST // 1024**2})])
    return text_of(raw, file)


def _addresses(text: str, problems: Problems) -> Iterator[tuple[int, str]]:
    """The line and the address of each row that says anything; what stands first may be the heading."""
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    column = None
    try:
        for cells in reader:
            named = [cell.strip().lower() for cell in cells]
            if not any(named):
                continue
            if column is None:
                column = next((place for place, name in enumerate(named) if name in HEADINGS), None)
                if column is not None:
                    continue
                column = 0
            yield reader.line_num, named[column] if column < len(named) else ""
    except csv.Error as error:
        problems.add(reader.line_num, _("This is not valid CSV: %(reason)s.") % {"reason": error})


def _wrong_with(address: str, member: Membership | None) -> str:
    """What keeps a line from naming somebody; unknown, foreign and guest are told alike."""
    if not address:
        return _("There is no e-mail address in this line. Add it, or remove the line.")
    if member is not None:
        return "" if member.is_active else _("The account of “%(email)s” is not active.") % {"email": address}
    try:
        validate_email(address)
    except ValidationError:
        return _("“%(typed)s” is not an e-mail address.") % {"typed": address[:ADDRESS]}
    return _("“%(email)s” is not a member of your organisation.") % {"email": address}
