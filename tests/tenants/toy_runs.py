"""A toy deed for runs of many rows, and what became of them."""

from tenants.directory.models import Department
from tenants.journal.models import Event
from tenants.refusal import Refused
from tenants.runs import operations as runs
from tests.factories import NOON

NAME = "toy.found"


class NotToday(Refused):
    message = "Not today."


class Toy:
    """Founds a department for each subject, and fails or refuses where it is told to."""

    def __init__(self):
        self.fails, self.refuses, self.seen = {}, set(), []
        self.before = lambda subject: None

    def __call__(self, subject, given, *, by, at):
        self.before(subject)
        self.seen.append((subject, by, at))
        Department.objects.create(tenant=by.tenant, name=subject)
        if subject in self.refuses:
            raise NotToday
        if self.fails.get(subject):
            self.fails[subject] -= 1
            raise ZeroDivisionError("of ana@contoso.example")
        return f"{given['word']} {subject}"


def start(by, count=3, **more):
    subjects = [f"{number:04}" for number in range(count)]
    return runs.start(**{"deed": NAME, "subjects": subjects, "given": {"word": "New:"}, "by": by, "at": NOON, **more})


def founded():
    return sorted(Department.objects.values_list("name", flat=True))


def outcomes(run):
    return list(run.rows.order_by("position").values_list("state", "code"))


def journal():
    return list(Event.objects.filter(type__startswith="run.").order_by("pk").values_list("type", "data"))
