"""What is wrong in a file of policies: named with its line, all of it at once, and nothing is written."""

import pytest

from licensing.files import FileRefused
from policies.models import Policy
from tenants.journal.models import Event
from tests.factories import GuestFactory
from tests.policies.filed import apply, plan

pytestmark = pytest.mark.django_db

WRONG = [
    ("tenants:\n  nobody: {}\n", 2, "There is no tenant 'nobody'"),
    ("tenants:\n  contoso:\n    colour: red\n", 3, "'colour' is unknown"),
    ("tenants:\n  contoso:\n    products:\n      NONE: enabled\n", 4, "There is no product 'NONE'"),
    ("tenants:\n  contoso:\n    products:\n      CFQ7TTC0H9MP: maybe\n", 4, "use one of enabled"),
    ("tenants:\n  contoso:\n    families: {office: enabled}\n", 3, "There is no family 'office'"),
    ("tenants:\n  contoso:\n    departments:\n      None:\n        default: enabled\n", 5, "no department 'None'"),
    ("tenants:\n  contoso:\n    people:\n      x@y.example: {default: enabled}\n", 4, "no member 'x@y.example'"),
    ("tenants:\n  contoso:\n    people:\n      guest@g.example: {default: enabled}\n", 4, "no member"),
    ("tenants:\n  contoso:\n    self_service_enabled: maybe\n", 3, "true or false"),
    ("tenants:\n  contoso:\n    default_for_new_products: yes\n", 3, "not text"),
    ("tenants:\n  contoso:\n    contact_email: nobody\n", 3, "contact_email"),
    ("tenants:\n  contoso:\n\n    request_process_url: ftp://x\n", 4, "request_process_url"),
    ("tenants:\n  contoso: {}\n  contoso: {}\n", 3, "stands here twice"),
    ("tenants:\n  contoso:\n    products:\n      CFQ7TTC0H9MP: enabled\n      CFQ7TTC0H9MP: disabled\n", 5, "twice"),
    ("tenants:\n  contoso: [1]\n", 2, "must be a mapping"),
    ("tenants:\n  contoso:\n    products: [a]\n", 3, "must be a mapping"),
    ("tenant: {}\n", 1, "'tenant' is unknown"),
    ("tenants: {contoso\n", 2, "not valid YAML"),
]


@pytest.mark.parametrize(("text", "line", "told"), WRONG)
def test_what_is_wrong_is_named_with_its_line_and_nothing_is_written(contoso, text, line, told):
    GuestFactory(tenant=contoso, user__email="guest@g.example")
    for attempt in (plan, apply):
        with pytest.raises(FileRefused) as refusal:
            attempt(text)
        found = [(problem.line, str(problem.message)) for problem in refusal.value.problems]
        assert any(at == line and told in message for at, message in found), found
    assert (Policy.objects.count(), Event.objects.count()) == (0, 0)


def test_every_problem_is_named_at_once(contoso):
    text = "tenants:\n  contoso:\n    products: {A: enabled}\n    colour: red\n  nobody: {}\n"
    with pytest.raises(FileRefused) as refusal:
        plan(text)
    assert [problem.line for problem in refusal.value.problems] == [3, 4, 5]
