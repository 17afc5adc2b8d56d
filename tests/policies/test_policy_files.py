"""Policies as a file: compared, applied, written."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as checked
from hypothesis import strategies as st

from licensing.files import FileRefused
from policies.models import Policy, PolicyValue, TenantSettings
from policies.operations import settings, values
from policies.operations.scopes import Scope, Time
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.factories import NOON, MembershipFactory, ProductFactory, TenantFactory, acting, admin_of
from tests.policies.filed import FILE, apply, exported, plan, said

pytestmark = pytest.mark.django_db


class TestPlanAndApply:
    def test_shows_every_difference_and_writes_nothing(self, contoso):
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

    def test_makes_what_the_plan_shows_and_a_second_time_nothing(self, contoso):
        apply(FILE)
        assert len(said()) == 6
        assert Policy.objects.values_list("reason", flat=True).distinct().get() == "Applied from policies.yaml"
        assert plan(FILE) == []
        before = Event.objects.count()
        [again] = apply(FILE, reason="Once more")
        assert again.differences == []
        assert Event.objects.count() == before == 7
        contoso.refresh_from_db()
        assert contoso.contact_email == "it@contoso.example"

    def test_each_change_is_in_the_journal_with_old_new_and_why(self, contoso, pro):
        values.put(tenant=contoso, scope=Scope(product=pro), value="disabled", reason="Old", by=SYSTEM, at=NOON)
        admin = admin_of(contoso)
        apply(FILE, reason="Budget 2027", by=admin)
        [event] = Event.objects.filter(type="policy.changed", data__level="product", data__new="enabled")
        assert (event.actor, event.data["old"], event.data["reason"]) == (admin.user, "disabled", "Budget 2027")

    def test_the_journal_says_what_held_before_the_files_own_default(self, contoso, pro):
        apply(FILE)
        changed = Event.objects.filter(type="policy.changed", data__level__in=["product", "family"])
        assert [event.data["old"] for event in changed] == ["enabled", "enabled"]

    def test_what_the_file_does_not_name_stays_and_is_told(self, contoso, pro):
        other = ProductFactory()
        values.put(tenant=contoso, scope=Scope(product=other), value="disabled", reason="Old", by=SYSTEM, at=NOON)
        [made] = apply(FILE)
        assert made.kept == 1
        assert Policy.objects.filter(product=other).exists()

    def test_prune_takes_back_what_the_file_does_not_name(self, contoso, pro):
        other = ProductFactory()
        later = Time(valid_from=NOON.replace(year=2030))
        for time in (Time(), later):
            values.put(
                tenant=contoso,
                scope=Scope(product=other),
                value="disabled",
                reason="Old",
                time=time,
                by=SYSTEM,
                at=NOON,
            )
        apply(FILE)
        assert plan(FILE, prune=True) == [("contoso", other.pk, "disabled", None)]
        apply(FILE, prune=True)
        assert Policy.objects.get(product=other).valid_from == later.valid_from
        assert plan(FILE, prune=True) == []
        assert len(said()) == 7

    def test_many_tenants_at_once_and_none_when_one_is_wrong(self, contoso):
        TenantFactory(slug="fabrikam")
        text = FILE + "  fabrikam: {self_service_enabled: false}\n"
        assert plan(text)[-1] == ("fabrikam", "self_service_enabled", True, False)
        with pytest.raises(FileRefused):
            apply(text + "  nobody: {}\n")
        assert (Policy.objects.count(), Event.objects.count()) == (0, 0)
        apply(text)
        assert not TenantSettings.objects.get(tenant__slug="fabrikam").self_service_enabled

    def test_only_who_may_change_the_policies(self, contoso):
        text = "tenants: {contoso: {self_service_enabled: false}}"
        for by in (
            acting(MembershipFactory(tenant=contoso)),
            admin_of(contoso, "global_reader"),
            admin_of(TenantFactory()),
        ):
            with pytest.raises(NotAllowed):
                apply(text, by=by)
            with pytest.raises(NotAllowed):
                plan(text, by=by)

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("nth", range(4))
    def test_killed_in_the_middle_nothing_is_half_written(self, contoso, monkeypatch, nth):
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


TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=40).map(str.strip)


@checked(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_exported_is_found_equal_and_applying_it_changes_nothing(contoso, pro, data):
    Policy.objects.all().delete()
    people = [None, *contoso.memberships.all()]
    department = contoso.departments.get()
    for _ in range(data.draw(st.integers(0, 8))):
        member = data.draw(st.sampled_from(people))
        scope = Scope(
            member=member,
            department=None if member else data.draw(st.sampled_from([None, department])),
            **data.draw(st.sampled_from([{}, {"product": pro}, {"family": pro.family}])),
        )
        value = data.draw(st.sampled_from(PolicyValue.values))
        values.put(tenant=contoso, scope=scope, value=value, reason="x", by=SYSTEM, at=NOON)
    settings.change(
        tenant=contoso,
        self_service_enabled=data.draw(st.booleans()),
        contact_message=data.draw(TEXT),
        request_process_message=data.draw(TEXT),
        tell_admins_of_failed_charges=data.draw(st.booleans()),
        by=SYSTEM,
        at=NOON,
    )
    contoso.refresh_from_db()
    text = exported(contoso)
    before = (said(), Event.objects.count())
    assert plan(text, prune=True) == []
    apply(text, prune=True)
    assert (said(), Event.objects.count()) == before
    values_before = said()
    Policy.objects.all().delete()
    apply(text)
    # The default is written out where nobody has said it: it is the same value.
    assert {key: value for key, value in said().items() if key} == {k: v for k, v in values_before.items() if k}
    assert exported(contoso) == text
