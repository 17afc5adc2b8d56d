from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command

from config.environment import BASE_DIR
from licensing.models import Family
from policies import eligibility
from policies.eligibility import decide, decide_all
from policies.models import Decision, Exclusion, Market, TenantSettings
from policies.operations import decisions
from tests.factories import (
    NOON,
    DepartmentFactory,
    ExclusionFactory,
    FamilyFactory,
    GuestFactory,
    MarketFactory,
    MembershipFactory,
    PlanFactory,
    PolicyFactory,
    ProductFactory,
    TenantFactory,
    acting,
)

pytestmark = pytest.mark.django_db

TODAY = NOON.date()
DAY = timedelta(days=1)
DIMENSIONS = ("sector", "country", "family", "product")
CLOSED = ["CU", "EH", "IN", "IR", "KP", "SD", "SY"]


@pytest.fixture
def market():
    return MarketFactory(country="US")


@pytest.fixture
def product(market):
    return ProductFactory()


@pytest.fixture
def ana():
    return MembershipFactory()


def codes(member, product, at=NOON, **purchase):
    return [verdict.code for verdict in decide(member, product, at=at, **purchase).failures]


def member_in(country="US", **tenant):
    return MembershipFactory(tenant=TenantFactory(country=country, **tenant))


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


class TestMarkets:
    @pytest.fixture
    def real(self, capsys):
        for slug in ("power-bi", "power-apps", "power-automate"):
            FamilyFactory(slug=slug)
        call_command("load_markets", str(BASE_DIR / "data" / "markets.csv"))

    @pytest.mark.parametrize("country", CLOSED)
    def test_the_seven_closed_countries(self, real, country):
        assert codes(member_in(country), ProductFactory(family_id="power-bi")) == ["market_closed"]

    def test_every_other_country_of_the_file_is_open(self, real):
        product = ProductFactory(family_id="power-apps")
        ground = eligibility.survey(member_in(), at=NOON)
        assert eligibility.answer_on(ground, product).allowed
        countries = set(Market.objects.values_list("country", flat=True))
        assert len(countries) == 243
        assert not countries & set(CLOSED)
        for country in ("DE", "SE", "XK", "JP"):
            assert codes(member_in(country), product) == []

    @pytest.mark.parametrize("country, opens", [("US", date(2020, 1, 14)), ("DE", date(2020, 4, 21))])
    def test_the_real_first_days(self, real, country, opens):
        product, member = ProductFactory(family_id="power-bi"), member_in(country)
        first = datetime(opens.year, opens.month, opens.day, tzinfo=UTC)
        assert codes(member, product, at=first - timedelta(seconds=1)) == ["market_not_open_yet"]
        assert codes(member, product, at=first) == []

    @pytest.mark.parametrize(
        "zone",
        ["Pacific/Kiritimati", "Pacific/Auckland", "Asia/Kathmandu", "UTC", "America/New_York", "Pacific/Pago_Pago"],
    )
    def test_opens_and_closes_at_midnight_of_the_tenant(self, zone):
        MarketFactory(country="US", opens_on=date(2026, 3, 10), closes_on=date(2026, 3, 12))
        product, member = ProductFactory(), member_in(time_zone=zone)
        midnight = datetime(2026, 3, 10, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        closing = datetime(2026, 3, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        tick = timedelta(microseconds=1)
        assert codes(member, product, at=midnight - tick) == ["market_not_open_yet"]
        assert codes(member, product, at=midnight) == []
        assert codes(member, product, at=closing - tick) == []
        assert codes(member, product, at=closing) == ["market_closed"]

    def test_says_when_it_opens_and_where(self):
        MarketFactory(country="DE", opens_on=TODAY + DAY)
        [reason] = decide(member_in("DE"), ProductFactory(), at=NOON).reasons
        assert reason["code"] == "market_not_open_yet"
        assert "Germany" in reason["detail"]
        assert "2026" in reason["detail"]

    def test_a_row_of_the_family_beats_the_row_of_all(self, ana):
        bi, apps = ProductFactory(), ProductFactory()
        MarketFactory(country="US", opens_on=TODAY + DAY)
        MarketFactory(country="US", family=bi.family)
        assert codes(ana, bi) == []
        assert codes(ana, apps) == ["market_not_open_yet"]

    def test_a_closed_family_is_closed_though_the_market_is_open(self, ana, market):
        bi, apps = ProductFactory(), ProductFactory()
        MarketFactory(country="US", family=bi.family, closes_on=TODAY)
        assert codes(ana, bi) == ["market_closed"]
        assert codes(ana, apps) == []

    def test_a_row_of_another_family_opens_nothing(self, ana):
        MarketFactory(country="US", family=FamilyFactory())
        assert codes(ana, ProductFactory()) == ["market_closed"]


class TestExclusions:
    def fitting(self, member, product):
        return {
            "sector": member.tenant.sector,
            "country": member.tenant.country,
            "family": product.family,
            "product": product,
        }

    def other(self):
        return {"sector": "education", "country": "DE", "family": FamilyFactory(), "product": ProductFactory()}

    @pytest.mark.parametrize(
        "named", [names for n in range(1, 5) for names in combinations(DIMENSIONS, n)], ids="-".join
    )
    def test_in_every_combination_all_that_is_named_must_fit(self, product, ana, named):
        fits, other = self.fitting(ana, product), self.other()
        row = {name: fits[name] for name in named}
        excluded = ExclusionFactory(**row)
        code = "sector_excluded" if named == ("sector",) else "operator_exclusion"
        assert codes(ana, product) == [code]
        excluded.delete()
        for differing in named:
            ExclusionFactory(**{**row, differing: other[differing]})
        assert codes(ana, product) == []

    def test_holds_from_its_first_day_until_the_day_before_its_last(self, product, ana):
        ExclusionFactory(product=product, valid_from=TODAY, valid_to=TODAY + DAY)
        at = NOON - DAY
        assert [codes(ana, product, at=at + n * DAY) for n in range(3)] == [[], ["operator_exclusion"], []]

    def test_its_days_are_the_tenants(self, product):
        tokyo = member_in(time_zone="Asia/Tokyo")
        ExclusionFactory(product=product, valid_from=TODAY)
        begins = datetime(2026, 3, 10, tzinfo=ZoneInfo("Asia/Tokyo"))
        assert codes(tokyo, product, at=begins - timedelta(seconds=1)) == []
        assert codes(tokyo, product, at=begins) == ["operator_exclusion"]

    def test_the_verdict_names_the_row(self, product, ana):
        row = ExclusionFactory(country="US", product=product)
        [verdict] = decide(ana, product, at=NOON).failures
        assert (verdict.source.level, verdict.source.id) == ("operator", str(row.pk))


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
        with django_assert_num_queries(5):
            answers = decide_all(ana, products, at=NOON)
        assert len(answers) == number
        with django_assert_num_queries(5):
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
