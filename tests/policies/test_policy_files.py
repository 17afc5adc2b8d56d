"""Policies as a file: compared, applied, written."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given
from hypothesis import settings as checked
from hypothesis import strategies as st

from licensing.files import FileRefused
from policies.models import Policy, PolicyValue, TenantSettings
from policies.operations import policy_files, settings, values
from policies.operations.scopes import Scope, Time
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.factories import (
    NOON,
    DepartmentFactory,
    GuestFactory,
    MembershipFactory,
    ProductFactory,
    TenantFactory,
    acting,
    admin_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def contoso():
    return TenantFactory(slug="contoso", contact_email="")


@pytest.fixture
def pro():
    return ProductFactory(pk="CFQ7TTC0H9MP", family__slug="power-bi")


@pytest.fixture
def world(contoso, pro):
    DepartmentFactory(tenant=contoso, name="Sales: North")
    MembershipFactory(tenant=contoso, user__email="ana@contoso.example")
    return contoso


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


def plan(text, by=SYSTEM, **options):
    return [
        (made.tenant.slug, difference.what, difference.old, difference.new)
        for made in policy_files.plan(text=text, name="policies.yaml", by=by, **options)
        for difference in made.differences
    ]


def apply(text, by=SYSTEM, at=NOON, **options):
    return policy_files.apply(text=text, name="policies.yaml", by=by, at=at, **options)


def exported(tenant):
    return policy_files.as_text(policy_files.export(tenant=tenant, by=SYSTEM))


def said():
    return {
        tuple(sorted(Scope.of(row).ids.items(), key=str)): row.value
        for row in Policy.objects.select_related("member", "department", "product", "family")
    }


class TestPlanAndApply:
    def test_shows_every_difference_and_writes_nothing(self, world):
        assert plan(FILE) == [
            ("contoso", "contact_email", "", "it@contoso.example"),
            ("contoso", "default_for_new_products", "enabled", "disabled"),
            ("contoso", "CFQ7TTC0H9MP", None, "enabled"),
            ("contoso", "power-bi", None, "approval_required"),
            ("contoso", "Sales: North", None, "disabled"),
            ("contoso", "Sales: North / CFQ7TTC0H9MP", None, "enabled"),
            ("contoso", "ana@contoso.example / power-bi", None, "only_trials_without_payment_method"),
        ]
        assert (Policy.objects.count(), Event.objects.count()) == (0, 0)

    def test_makes_what_the_plan_shows_and_a_second_time_nothing(self, world):
        apply(FILE)
        assert len(said()) == 6
        assert Policy.objects.values_list("reason", flat=True).distinct().get() == "Applied from policies.yaml"
        assert plan(FILE) == []
        before = Event.objects.count()
        [again] = apply(FILE, reason="Once more")
        assert again.differences == []
        assert Event.objects.count() == before == 7
        world.refresh_from_db()
        assert world.contact_email == "it@contoso.example"

    def test_each_change_is_in_the_journal_with_old_new_and_why(self, world, pro):
        values.put(tenant=world, scope=Scope(product=pro), value="disabled", reason="Old", by=SYSTEM, at=NOON)
        admin = admin_of(world)
        apply(FILE, reason="Budget 2027", by=admin)
        [event] = Event.objects.filter(type="policy.changed", data__level="product", data__new="enabled")
        assert (event.actor, event.data["old"], event.data["reason"]) == (admin.user, "disabled", "Budget 2027")

    def test_what_the_file_does_not_name_stays_and_is_told(self, world, pro):
        other = ProductFactory()
        values.put(tenant=world, scope=Scope(product=other), value="disabled", reason="Old", by=SYSTEM, at=NOON)
        [made] = apply(FILE)
        assert made.kept == 1
        assert Policy.objects.filter(product=other).exists()

    def test_prune_takes_back_what_the_file_does_not_name(self, world, pro):
        other = ProductFactory()
        later = Time(valid_from=NOON.replace(year=2030))
        for time in (Time(), later):
            values.put(
                tenant=world, scope=Scope(product=other), value="disabled", reason="Old", time=time, by=SYSTEM, at=NOON
            )
        apply(FILE)
        assert plan(FILE, prune=True) == [("contoso", other.pk, "disabled", None)]
        apply(FILE, prune=True)
        assert Policy.objects.get(product=other).valid_from == later.valid_from
        assert plan(FILE, prune=True) == []
        assert len(said()) == 7

    def test_many_tenants_at_once_and_none_when_one_is_wrong(self, world):
        TenantFactory(slug="fabrikam")
        text = FILE + "  fabrikam: {self_service_enabled: false}\n"
        assert plan(text)[-1] == ("fabrikam", "self_service_enabled", True, False)
        with pytest.raises(FileRefused):
            apply(text + "  nobody: {}\n")
        assert (Policy.objects.count(), Event.objects.count()) == (0, 0)
        apply(text)
        assert not TenantSettings.objects.get(tenant__slug="fabrikam").self_service_enabled

    def test_only_who_may_change_the_policies(self, world):
        text = "tenants: {contoso: {self_service_enabled: false}}"
        for by in (
            acting(MembershipFactory(tenant=world)),
            admin_of(world, "global_reader"),
            admin_of(TenantFactory()),
        ):
            with pytest.raises(NotAllowed):
                apply(text, by=by)
            with pytest.raises(NotAllowed):
                plan(text, by=by)

    @pytest.mark.django_db(transaction=True, serialized_rollback=True)
    @pytest.mark.parametrize("nth", range(4))
    def test_killed_in_the_middle_nothing_is_half_written(self, world, monkeypatch, nth):
        TenantFactory(slug="fabrikam")
        text = FILE + "  fabrikam: {default_for_new_products: disabled, self_service_enabled: false}\n"
        real, left = values.apply, [nth]

        class Killed(BaseException):
            pass

        def dying(**options):
            if not left[0]:
                raise Killed
            left[0] -= 1
            return real(**options)

        monkeypatch.setattr(values, "apply", dying)
        with pytest.raises(Killed):
            apply(text)
        monkeypatch.undo()
        assert (Policy.objects.count(), TenantSettings.objects.count(), Event.objects.count()) == (0, 0, 0)
        apply(text)
        assert plan(text) == []


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
def test_what_is_wrong_is_named_with_its_line_and_nothing_is_written(world, text, line, told):
    GuestFactory(tenant=world, user__email="guest@g.example")
    for attempt in (plan, apply):
        with pytest.raises(FileRefused) as refusal:
            attempt(text)
        found = [(problem.line, str(problem.message)) for problem in refusal.value.problems]
        assert any(at == line and told in message for at, message in found), found
    assert (Policy.objects.count(), Event.objects.count()) == (0, 0)


def test_every_problem_is_named_at_once(world):
    text = "tenants:\n  contoso:\n    products: {A: enabled}\n    colour: red\n  nobody: {}\n"
    with pytest.raises(FileRefused) as refusal:
        plan(text)
    assert [problem.line for problem in refusal.value.problems] == [3, 4, 5]


TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=40).map(str.strip)


@checked(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_exported_is_found_equal_and_applying_it_changes_nothing(world, pro, data):
    Policy.objects.all().delete()
    people = [None, *world.memberships.all()]
    department = world.departments.get()
    for _ in range(data.draw(st.integers(0, 8))):
        member = data.draw(st.sampled_from(people))
        scope = Scope(
            member=member,
            department=None if member else data.draw(st.sampled_from([None, department])),
            **data.draw(st.sampled_from([{}, {"product": pro}, {"family": pro.family}])),
        )
        value = data.draw(st.sampled_from(PolicyValue.values))
        values.put(tenant=world, scope=scope, value=value, reason="x", by=SYSTEM, at=NOON)
    settings.change(
        tenant=world,
        self_service_enabled=data.draw(st.booleans()),
        contact_message=data.draw(TEXT),
        request_process_message=data.draw(TEXT),
        by=SYSTEM,
        at=NOON,
    )
    world.refresh_from_db()
    text = exported(world)
    before = (said(), Event.objects.count())
    assert plan(text, prune=True) == []
    apply(text, prune=True)
    assert (said(), Event.objects.count()) == before
    values_before = said()
    Policy.objects.all().delete()
    apply(text)
    # The default is written out where nobody has said it: it is the same value.
    assert {key: value for key, value in said().items() if key} == {k: v for k, v in values_before.items() if k}
    assert exported(world) == text


def run(*args):
    out = io.StringIO()
    call_command("policy", *args, stdout=out)
    return out.getvalue()


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "policies.yaml"
        path.write_text(FILE)
        return str(path)

    def test_plan_tells_and_only_drift_fails_where_something_differs(self, world, file):
        assert "contoso: CFQ7TTC0H9MP: - -> enabled" in run("plan", file)
        assert json.loads(run("plan", file, "--json"))["count"] == 7
        for drifting in (["drift", file], ["plan", file, "--drift"]):
            with pytest.raises(CommandError) as failed:
                run(*drifting)
            assert failed.value.returncode == 1
        assert run("apply", file, "--dry-run") == run("plan", file)
        assert not Policy.objects.exists()

    def test_apply_makes_it_so_that_nothing_drifts(self, world, file):
        assert "7 changed." in run("apply", file, "--reason", "Budget")
        assert run("drift", file) == run("plan", file) == "Nothing differs.\n"
        assert set(Policy.objects.values_list("reason", flat=True)) == {"Budget"}

    def test_export_prints_a_file_that_plan_finds_equal(self, world, file, tmp_path):
        run("apply", file)
        path = tmp_path / "exported.yaml"
        for options in ([], ["--json"]):
            path.write_text(run("export", "contoso", *options))
            assert run("plan", str(path), "--prune") == "Nothing differs.\n"

    def test_a_bad_file_exits_1_with_its_line(self, world, tmp_path):
        path = tmp_path / "bad.yaml"
        path.write_text("tenants:\n  nobody: {}\n")
        with pytest.raises(CommandError, match=r"bad\.yaml:2: There is no tenant") as failed:
            run("apply", str(path))
        assert failed.value.returncode == 1
