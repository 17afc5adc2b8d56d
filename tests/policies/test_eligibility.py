import pytest

from licensing.models import Family
from policies.eligibility import decide, decide_all
from policies.models import Decision, Exclusion, SpendLimit, TenantSettings
from policies.operations import decisions
from tests.factories import (
    NOON,
    DepartmentFactory,
    ExclusionFactory,
    FamilyFactory,
    GuestFactory,
    MembershipFactory,
    PlanFactory,
    PolicyFactory,
    ProductFactory,
    TenantFactory,
    acting,
)
from tests.policies.conftest import codes, member_in

pytestmark = pytest.mark.django_db

TODAY = NOON.date()


class TestEachRule:
    @pytest.mark.parametrize("source", ["cloud", "synced"])
    def test_any_active_member_may_buy(self, product, source):
        assert codes(MembershipFactory(source=source), product) == []

    def test_a_guest_may_not_in_the_tenant_where_they_are_one_but_may_at_home(self, product, ana):
        guest = GuestFactory(user=ana.user)
        assert codes(guest, product) == ["guest_user"]
        assert codes(ana, product) == []

    @pytest.mark.parametrize("state", ["disabled", "left"])
    def test_whoever_is_not_active_may_not(self, product, state):
        assert codes(MembershipFactory(state=state), product) == ["user_not_active"]

    def test_an_unmanaged_tenant(self, product):
        assert codes(member_in(managed=False), product) == ["tenant_not_managed"]

    @pytest.mark.parametrize("sector", ["government", "nonprofit", "education"])
    def test_the_sectors_that_come_excluded(self, product, sector):
        assert codes(member_in(sector=sector), product) == ["sector_excluded"]

    def test_a_sector_is_a_row_that_an_operator_may_end(self, product):
        Exclusion.objects.filter(sector="education").update(valid_to=TODAY)
        assert codes(member_in(sector="education"), product) == []

    def test_a_product_that_is_not_for_self_service(self, market, ana):
        assert codes(ana, ProductFactory(self_service=False)) == ["product_not_self_service"]

    def test_the_tenants_stop_switch(self, product, ana):
        switch = TenantSettings.objects.create(tenant=ana.tenant, self_service_enabled=False, set_at=NOON)
        assert codes(ana, product) == ["self_service_stopped"]
        switch.self_service_enabled = True
        switch.save()
        assert codes(ana, product) == []

    @pytest.mark.parametrize(
        "value, code", [("disabled", "policy_disabled"), ("only_trials_without_payment_method", "policy_trials_only")]
    )
    def test_the_tenants_policy(self, product, ana, value, code):
        PolicyFactory(tenant=ana.tenant, product=product, value=value)
        assert codes(ana, product) == [code]

    def test_another_tenants_policy_exclusion_and_switch_mean_nothing(self, product, ana):
        other = TenantFactory(country="DE")
        PolicyFactory(tenant=other, product=product)
        TenantSettings.objects.create(tenant=other, self_service_enabled=False, set_at=NOON)
        ExclusionFactory(country="DE")
        assert codes(ana, product) == []

    def test_the_plans_own_quantities(self, product, ana):
        plan = PlanFactory(product=product, min_quantity=5, max_quantity=9)
        assert codes(ana, product, plan=plan, quantity=4) == ["quantity_out_of_range"]
        assert codes(ana, product, plan=plan, quantity=9) == []
        assert codes(ana, product, plan=PlanFactory(product=product, term="P1Y"), quantity=10_001) == [
            "quantity_out_of_range"
        ]

    def test_names_every_rule_that_fails_and_only_those(self):
        guest = GuestFactory(state="left", tenant=TenantFactory(country="IN", sector="government", managed=False))
        product = ProductFactory(self_service=False)
        ExclusionFactory(product=product)
        PolicyFactory(tenant=guest.tenant)
        TenantSettings.objects.create(tenant=guest.tenant, self_service_enabled=False, set_at=NOON)
        answer = decide(guest, product, at=NOON, plan=PlanFactory(product=product), quantity=0)
        assert [verdict.code for verdict in answer.failures] == [
            "guest_user",
            "user_not_active",
            "tenant_not_managed",
            "sector_excluded",
            "market_closed",
            "operator_exclusion",
            "product_not_self_service",
            "self_service_stopped",
            "policy_disabled",
            "quantity_out_of_range",
        ]
        assert [reason["code"] for reason in answer.reasons] == [v.code for v in answer.failures]
        assert all(reason["detail"] for reason in answer.reasons)
        assert answer.outcome == "refused"


class TestPolicies:
    """The rows of the database, brought into the precedence that `test_rules` shows."""

    @pytest.fixture
    def ladder(self, product):
        """Each row enabled or disabled against the one below, so that whichever decides is seen."""
        head = DepartmentFactory()
        tenant = head.tenant
        own = DepartmentFactory(tenant=tenant, parent=head)
        ana = MembershipFactory(tenant=tenant, department=own)
        return ana, [
            {"tenant": tenant},
            {"tenant": tenant, "family": product.family},
            {"tenant": tenant, "product": product},
            {"tenant": tenant, "department": head},
            {"tenant": tenant, "member": ana},
        ]

    def test_each_step_of_the_ladder_beats_the_one_below(self, ladder, product):
        ana, steps = ladder
        for height, step in enumerate(steps):
            PolicyFactory(**step, value="enabled" if height % 2 else "disabled")
            assert codes(ana, product) == ([] if height % 2 else ["policy_disabled"])
            [verdict] = [v for v in decide(ana, product, at=NOON).verdicts if v.rule == "policy_allows"]
            assert verdict.source.level == ["tenant", "family", "product", "group", "person"][height]

    def test_of_own_department_and_those_above_the_strictest_holds(self, product):
        head = DepartmentFactory()
        middle = DepartmentFactory(tenant=head.tenant, parent=head)
        own = DepartmentFactory(tenant=head.tenant, parent=middle)
        beside = DepartmentFactory(tenant=head.tenant, parent=head)
        ana = MembershipFactory(tenant=head.tenant, department=own)
        bob = MembershipFactory(tenant=head.tenant, department=beside)
        PolicyFactory(tenant=head.tenant, department=own, value="enabled")
        PolicyFactory(tenant=head.tenant, department=beside, value="disabled")
        assert codes(ana, product) == []
        PolicyFactory(tenant=head.tenant, department=head, value="only_trials_without_payment_method")
        assert codes(ana, product) == ["policy_trials_only"]
        assert codes(bob, product) == ["policy_disabled"]
        PolicyFactory(tenant=head.tenant, department=middle, value="disabled", product=product)
        assert codes(ana, product) == ["policy_disabled"]

    def test_departments_in_a_circle_end_somewhere(self, product):
        one = DepartmentFactory()
        two = DepartmentFactory(tenant=one.tenant, parent=one)
        one.parent = two
        one.save()
        ana = MembershipFactory(tenant=one.tenant, department=two)
        PolicyFactory(tenant=one.tenant, department=one)
        assert codes(ana, product) == ["policy_disabled"]

    def test_a_row_for_another_product_family_or_person_does_not_count(self, product, ana):
        PolicyFactory(tenant=ana.tenant, product=ProductFactory())
        PolicyFactory(tenant=ana.tenant, family=FamilyFactory())
        PolicyFactory(tenant=ana.tenant, member=MembershipFactory(tenant=ana.tenant))
        assert codes(ana, product) == []


class TestManyProducts:
    @pytest.fixture
    def crowded(self, market):
        head = DepartmentFactory()
        ana = MembershipFactory(tenant=head.tenant, department=DepartmentFactory(tenant=head.tenant, parent=head))

        def fill(number):
            family = Family.objects.first() or FamilyFactory()
            products = ProductFactory.create_batch(number, family=family)
            for product in products[::3]:
                PolicyFactory(tenant=ana.tenant, product=product)
            for product in products[::5]:
                ExclusionFactory(product=product)
            TenantSettings.objects.get_or_create(tenant=ana.tenant, defaults={"set_at": NOON})
            return products

        return ana, fill

    @pytest.mark.parametrize("number", [1, 200])
    def test_takes_the_queries_of_one(self, crowded, django_assert_num_queries, number):
        ana, fill = crowded
        products = fill(number)
        with django_assert_num_queries(7):
            answers = decide_all(ana, products, at=NOON)
        assert len(answers) == number
        with django_assert_num_queries(7):
            decide(ana, products[0], at=NOON)

    @pytest.mark.parametrize("number", [1, 200])
    def test_limits_take_one_more_however_many_there_are(self, crowded, django_assert_num_queries, number):
        ana, fill = crowded
        products = fill(number)
        for product in [None, *products[:30]]:
            SpendLimit.objects.create(
                tenant=ana.tenant, level="product" if product else "tenant", product=product, period="month", amount=1,
                currency="USD", mode="hard", counts=["self_service"], set_at=NOON, created_at=NOON,
            )  # fmt: skip
        with django_assert_num_queries(8):
            decide_all(ana, products, at=NOON)
        with django_assert_num_queries(8):
            decide(ana, products[0], at=NOON)

    def test_answers_as_one_by_one(self, crowded):
        ana, fill = crowded
        products = fill(30)
        answers = decide_all(ana, products, at=NOON)
        assert {pk: answer.reasons for pk, answer in answers.items()} == {
            product.pk: decide(ana, product, at=NOON).reasons for product in products
        }
        assert sum(answer.allowed for answer in answers.values()) == 16


class TestKeeping:
    def test_writes_the_answer_down_with_its_codes(self, product):
        guest = GuestFactory(state="disabled")
        plan = PlanFactory(product=product)
        answer = decide(guest, product, plan=plan, quantity=3, at=NOON)
        decisions.keep(answer=answer, plan=plan, quantity=3, by=acting(guest), at=NOON)
        kept = Decision.objects.get()
        assert (kept.outcome, kept.reasons) == ("refused", ["guest_user", "user_not_active"])
        assert (kept.member, kept.plan, kept.quantity, kept.at) == (guest, plan, 3, NOON)

    @pytest.mark.parametrize("quantity", [-1, 2**31, 10**30])
    def test_a_quantity_that_no_column_holds_is_left_out(self, product, ana, quantity):
        answer = decide(ana, product, quantity=quantity, at=NOON)
        decisions.keep(answer=answer, quantity=quantity, by=acting(ana), at=NOON)
        assert Decision.objects.get().quantity is None

    def test_a_refusal_names_the_tenants_own_contact(self, product):
        guest = GuestFactory(tenant__contact_url="https://it.example/", tenant__contact_message="Ask us.")
        contact = decide(guest, product, at=NOON).contact
        assert contact == {
            "email": guest.tenant.contact_email,
            "url": "https://it.example/",
            "message": "Ask us.",
        }
