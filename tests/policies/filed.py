"""A file of policies, and what comes of it."""

from policies.models import Policy
from policies.operations import policy_files
from policies.operations.scopes import Scope
from tenants.access import SYSTEM
from tests.factories import NOON

FILE = """\
tenants:
  contoso:
    default_for_new_products: disabled
    self_service_enabled: true
    contact_email: it@contoso.example
    products: {CFQ7TTC0H9MP: enabled}
    families: {power-bi: approval_required}
    departments:
      "Sales: North":
        default: disabled
        products: {CFQ7TTC0H9MP: enabled}
    people:
      Ana@contoso.example: {families: {power-bi: only_trials_without_payment_method}}
"""


def plan(text, by=SYSTEM, at=NOON, **options):
    return [
        (made.tenant.slug, difference.what, difference.old, difference.new)
        for made in policy_files.plan(text=text, name="policies.yaml", by=by, at=at, **options)
        for difference in made.differences
    ]


def followers(text, at=NOON, **options):
    """Products that the file does not name and changes all the same."""
    [made] = policy_files.plan(text=text, name="policies.yaml", by=SYSTEM, at=at, **options)
    return [(one.product, one.old, one.new) for one in made.following]


def apply(text, by=SYSTEM, at=NOON, **options):
    return policy_files.apply(text=text, name="policies.yaml", by=by, at=at, **options)


def exported(tenant):
    return policy_files.as_text(policy_files.export(tenant=tenant, by=SYSTEM))


def said():
    return {
        tuple(sorted(Scope.of(row).ids.items(), key=str)): row.value
        for row in Policy.objects.select_related("member", "department", "product", "family")
    }
