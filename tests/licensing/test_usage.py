"""Use as it is reported: by products through the API, by an operator from a file; and capacity in use."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from licensing.files import FileRefused
from licensing.models import CapacityUse, ProductUse, Seat
from licensing.operations import capacity, capacity_files, usage, usage_files
from policies.operations import auto_claims
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.callers import Api
from tests.commerce.conftest import errors
from tests.factories import NOON, MembershipFactory, acting, admin_of, buy, buy_centrally, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DAY = timedelta(days=1)


@pytest.fixture
def ana():
    return MembershipFactory(user__email="ana@contoso.example", name="Ana", tenant__slug="contoso")


@pytest.fixture
def cleo(ana):
    return MembershipFactory(tenant=ana.tenant, user__email="cleo@contoso.example", name="Cleo")


@pytest.fixture
def plan():
    return plan_on_sale(product__id="CFQ7TTC0H9MP", product__capacity={"database_mb": 0, "file_mb": 1024, "runs": 5})


@pytest.fixture
def product(plan):
    return plan.product


def report(member, product, used_at=NOON, by=None, at=NOON):
    return usage.report(member=member, product=product, used_at=used_at, by=by or acting(member), at=at)


class TestReporting:
    def test_keeps_the_latest_use_in_whatever_order_it_is_told(self, ana, product):
        for used_at in (NOON - DAY, NOON - 3 * DAY, NOON - 2 * DAY):
            report(ana, product, used_at)
        assert ProductUse.objects.get().last_used_at == NOON - DAY

    def test_knows_since_when_it_is_reported(self, ana, product):
        report(ana, product, NOON, at=NOON)
        report(ana, product, NOON + DAY, at=NOON + DAY)
        use = ProductUse.objects.get()
        assert (use.first_reported_at, use.reported_at, use.last_used_at) == (NOON, NOON + DAY, NOON + DAY)

    def test_refuses_a_use_that_is_yet_to_come(self, ana, product):
        with pytest.raises(BadInput) as refused:
            report(ana, product, NOON + timedelta(hours=1))
        assert (refused.value.field, refused.value.field_code) == ("at", "in_the_future")
        assert not ProductUse.objects.exists()

    def test_refuses_a_use_of_the_last_century(self, ana, product):
        with pytest.raises(BadInput) as refused:
            report(ana, product, datetime(1, 1, 1, tzinfo=UTC))
        assert (refused.value.field, refused.value.field_code) == ("at", "too_long_ago")
        assert not ProductUse.objects.exists()

    def test_takes_a_clock_that_runs_ahead_a_little_for_now(self, ana, product):
        assert report(ana, product, NOON + timedelta(minutes=2)) == NOON

    @pytest.mark.parametrize("role", [None, "billing_admin", "global_reader"])
    def test_of_others_only_whoever_assigns_seats_reports_it(self, ana, cleo, product, role):
        by = admin_of(ana.tenant, role) if role else acting(ana)
        with pytest.raises(NotAllowed):
            report(cleo, product, by=by)
        assert not ProductUse.objects.exists()
        report(cleo, product, by=admin_of(ana.tenant, "license_admin"))
        assert ProductUse.objects.get().member == cleo

    def test_an_admin_of_another_tenant_reports_nothing_here(self, ana, product):
        with pytest.raises(NotAllowed):
            report(ana, product, by=admin_of(MembershipFactory().tenant))


class TestTheCall:
    PATH = "entitlements/use/"

    def test_keeps_the_use_and_answers_as_the_door_does(self, ana, plan):
        bought = buy(ana, plan, at=timezone.now())
        told = Api(ana).post(self.PATH, {"product": plan.product_id})
        assert (told.status_code, told.json()["entitled"], told.json()["subscription"]) == (200, True, str(bought.pk))
        assert ProductUse.objects.get().last_used_at <= timezone.now()

    def test_gives_a_free_central_seat_where_people_may_claim(self, ana, cleo, plan):
        now = timezone.now()
        buy_centrally(admin_of(ana.tenant).membership, plan, 2, at=now)
        body = {"product": plan.product_id}
        assert Api(ana).post(self.PATH, body).json()["reason"] == "no_seat"
        auto_claims.allow(tenant=ana.tenant, product=plan.product, ceiling=5, reason="Yes", by=SYSTEM, at=now)
        old = (now - 2 * DAY).isoformat()
        assert Api(ana).post(self.PATH, {**body, "at": old}).json()["reason"] == "no_seat"
        assert Api(ana).post(self.PATH, body).json()["entitled"] is True
        admin = Api(admin_of(ana.tenant, "license_admin").membership)
        assert admin.post(self.PATH, {**body, "user": "cleo@contoso.example"}).json()["entitled"] is True
        assert Seat.objects.filter(auto_claimed=True).count() == 2

    def test_refuses_what_is_wrong(self, ana, cleo, product):
        api, body = Api(ana), {"product": product.pk}
        assert api.post(self.PATH, {**body, "user": "cleo@contoso.example"}).status_code == 403
        assert Api(ana, scopes=["seats:write"]).post(self.PATH, body).status_code == 403
        assert errors(api.post(self.PATH, {"product": "NOPE"})) == [("product", "does_not_exist")]
        late = (timezone.now() + DAY).isoformat()
        assert errors(api.post(self.PATH, {**body, "at": late})) == [("at", "in_the_future")]
        admin = Api(admin_of(ana.tenant).membership)
        stranger = MembershipFactory().user.email
        assert errors(admin.post(self.PATH, {**body, "user": stranger})) == [("user", "does_not_exist")]
        assert not ProductUse.objects.exists()


class TestTheFile:
    def load(self, tenant, text, **options):
        options = {"by": SYSTEM, "at": NOON, **options}
        return usage_files.load(tenant=tenant, text=text, name="use.csv", **options)

    def test_is_kept_whole(self, ana, cleo, product):
        report(cleo, product, NOON - DAY)
        text = (
            "email,product,last_used_at\n"
            f"ANA@contoso.example,{product.pk},2026-03-01\n"
            f"cleo@contoso.example,{product.pk},2026-02-01T10:00:00+01:00\n"
        )
        changes = self.load(ana.tenant, text, dry_run=True)
        assert [change.effect.value for change in changes] == ["added", "unchanged"]
        assert not ProductUse.objects.filter(member=ana).exists()
        assert self.load(ana.tenant, text) == changes
        assert ProductUse.objects.get(member=ana).last_used_at == datetime(2026, 3, 1, tzinfo=UTC)
        assert ProductUse.objects.get(member=cleo).last_used_at == NOON - DAY
        assert Event.objects.get(type="usage.imported").data == {"rows": 2}

    def test_may_say_that_somebody_never_used_it(self, ana, product):
        self.load(ana.tenant, f"email,product,last_used_at\nana@contoso.example,{product.pk},\n")
        assert ProductUse.objects.get().last_used_at is None

    def test_writes_nothing_where_a_line_is_wrong_and_names_each(self, ana, product):
        text = (
            "email,product,last_used_at\n"
            f"ana@contoso.example,{product.pk},2026-03-01\n"
            f"{MembershipFactory().user.email},{product.pk},2026-03-01\n"
            "ana@contoso.example,NOPE,2026-03-01\n"
            f"ana@contoso.example,{product.pk},soon\n"
            f"ana@contoso.example,{product.pk},2027-01-01\n"
            f"ana@contoso.example,{product.pk},0001-01-01\n"
        )
        with pytest.raises(FileRefused) as refused:
            self.load(ana.tenant, text)
        said = {problem.line: str(problem.message) for problem in refused.value.problems}
        assert "nobody of this organisation" in said[3]
        assert "'NOPE'" in said[4]
        assert "before the year 2000" in said[7]
        assert set(said) == {3, 4, 5, 6, 7}
        assert not ProductUse.objects.exists()

    def test_is_loaded_by_the_operators_command(self, ana, product, tmp_path, capsys):
        file = tmp_path / "use.csv"
        file.write_text(f"email,product,last_used_at\nana@contoso.example,{product.pk},2026-03-01\n")
        call_command("import_usage", "contoso", str(file), "--json")
        assert '"added": 1' in capsys.readouterr().out
        assert ProductUse.objects.get().member == ana

    def test_is_read_in_the_same_number_of_queries_however_long(self, ana, product, django_assert_num_queries):
        people = [ana, *MembershipFactory.create_batch(29, tenant=ana.tenant)]
        lines = [f"{member.user.email},{product.pk},2026-03-01" for member in people]
        for count in (1, 30):
            with django_assert_num_queries(7):
                self.load(ana.tenant, "\n".join(["email,product,last_used_at", *lines[:count]]))


class TestCapacity:
    def test_is_what_seats_bring_by_channel(self, ana, plan):
        buy(ana, plan, 3)
        buy_centrally(admin_of(ana.tenant).membership, plan, 2)
        [found] = capacity.of(ana.tenant)
        by_channel = {each.channel: (each.seats, each.brings["file_mb"]) for each in found.channels}
        assert by_channel == {"self_service": (3, 3072), "central": (2, 2048)}
        assert (found.kinds, found.brings, found.in_use) == (["file_mb", "runs"], {"file_mb": 5120, "runs": 25}, {})

    def test_in_use_is_as_it_was_reported_last(self, ana, product):
        by = admin_of(ana.tenant, "license_admin")
        for amount in (10, 20):
            usage.report_capacity(tenant=ana.tenant, product=product, in_use={"file_mb": amount}, by=by, at=NOON)
        usage.report_capacity(tenant=ana.tenant, product=product, in_use={"runs": 1}, by=by, at=NOON)
        assert capacity.of(ana.tenant)[0].in_use == {"file_mb": 20, "runs": 1}
        assert Event.objects.filter(type="capacity.reported").count() == 3

    def test_is_loaded_from_a_file_whole_or_not_at_all(self, ana, product, tmp_path, capsys):
        file, head = tmp_path / "capacity.csv", "product,kind,in_use\n"
        file.write_text(f"{head}{product.pk},file_mb,30\n{product.pk},runs,2\n")
        call_command("import_capacity", "contoso", str(file), "--json")
        assert '"added": 2' in capsys.readouterr().out
        assert capacity.of(ana.tenant)[0].in_use == {"file_mb": 30, "runs": 2}
        wrong = f"{head}{product.pk},file_mb,40\n{product.pk},log_mb,1\nNOPE,runs,1\n{product.pk},runs,-1\n"
        with pytest.raises(FileRefused) as refused:
            capacity_files.load(tenant=ana.tenant, text=wrong, name="c.csv", by=SYSTEM, at=NOON)
        assert {problem.line for problem in refused.value.problems} == {3, 4, 5}
        assert capacity.of(ana.tenant)[0].in_use == {"file_mb": 30, "runs": 2}

    def test_refuses_what_the_product_does_not_bring_and_who_may_not(self, ana, product):
        for in_use, by, error in (
            ({"log_mb": 1}, admin_of(ana.tenant), BadInput),
            ({"file_mb": -1}, admin_of(ana.tenant), BadInput),
            ({"file_mb": 1}, admin_of(ana.tenant, "billing_admin"), NotAllowed),
        ):
            with pytest.raises(error):
                usage.report_capacity(tenant=ana.tenant, product=product, in_use=in_use, by=by, at=NOON)
        assert not CapacityUse.objects.exists()

    def test_is_reported_and_read_by_api(self, ana, plan):
        buy(ana, plan, 3, at=timezone.now())
        body = {"product": plan.product_id, "in_use": {"file_mb": 9}}
        assert Api(ana).post("capacity/use/", body).status_code == 403
        told = Api(admin_of(ana.tenant, "license_admin").membership).post("capacity/use/", body)
        assert (told.status_code, told.json()["in_use"]) == (200, {"file_mb": 9})
        [row] = Api(admin_of(ana.tenant, "global_reader").membership).get("capacity/").json()["results"]
        assert (row["brings"], row["in_use"], row["product"]["id"]) == (
            {"file_mb": 3072, "runs": 15},
            {"file_mb": 9},
            plan.product_id,
        )
        assert Api(admin_of(ana.tenant, "user_admin").membership).get("capacity/").status_code == 403
        assert Api(ana).get("capacity/").status_code == 403
