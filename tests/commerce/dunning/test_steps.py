"""The steps of dunning as an operator or an organisation says them, and the codes after which no card is tried."""

import pytest

from commerce.models import DunningStep, HardDecline
from commerce.operations.renewing import dunning_steps
from commerce.operations.renewing.dunning_steps import Step
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.callers import Api
from tests.commerce.conftest import errors
from tests.factories import NOON, MembershipFactory, TenantFactory, acting, admin_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DEFAULT = [(0, False, True), *((day, True, True) for day in (1, 3, 7, 14, 21))]
OWN = [Step(day=0, retry=False, mail=True), Step(day=5, retry=True, mail=False)]


def change(tenant, steps=OWN, by=None, **options):
    return dunning_steps.change(
        tenant=tenant, steps=steps, by=by or admin_of(tenant, "billing_admin"), at=NOON, **options
    )


def told(steps):
    return [(step.day, step.retry, step.mail) for step in steps.steps]


class TestSteps:
    def test_are_the_operators_until_somebody_says_otherwise(self, tenant):
        now = dunning_steps.of(tenant)
        assert (told(now), now.own) == (DEFAULT, False)

    def test_of_an_organisation_stand_in_place_of_all_of_the_operators(self, tenant):
        now = change(tenant, [*reversed(OWN)])
        assert (told(now), now.own) == ([(0, False, True), (5, True, False)], True)
        assert told(dunning_steps.of(TenantFactory())) == DEFAULT
        event = Event.objects.get(type="dunning.changed")
        assert (event.tenant, event.data["old"]) == (tenant, [])
        assert event.data["new"] == [
            {"day": 0, "retry": False, "mail": True},
            {"day": 5, "retry": True, "mail": False},
        ]

    def test_that_hold_already_change_nothing(self, tenant):
        change(tenant)
        change(tenant)
        assert Event.objects.filter(type="dunning.changed").count() == 1

    def test_of_the_operator_change_for_all_who_have_none(self, tenant):
        change(None, by=SYSTEM)
        assert told(dunning_steps.of(tenant)) == [(0, False, True), (5, True, False)]
        assert DunningStep.objects.count() == 2

    def test_of_the_operator_hold_again(self, tenant):
        change(tenant)
        for _ in range(2):
            now = dunning_steps.restore(tenant=tenant, by=admin_of(tenant), at=NOON)
            assert (told(now), now.own) == (DEFAULT, False)
        assert Event.objects.filter(type="dunning.changed").count() == 2

    @pytest.mark.parametrize(
        ("steps", "code"),
        [
            ([(1, True)], "day_0_is_missing"),
            ([], "day_0_is_missing"),
            ([(0, True)], "retry_on_day_0"),
            ([(0, False), (1, True), (1, False)], "duplicate_day"),
            ([(0, False), (31, True)], "day_out_of_range"),
            ([(0, False), (-1, True)], "day_out_of_range"),
            ([(day, day > 0) for day in range(11)], "max_length"),
            ([(0, False), (3, False)], "no_retry"),
        ],
    )
    def test_that_make_no_sense_change_nothing(self, tenant, steps, code):
        with pytest.raises(BadInput) as bad:
            change(tenant, [Step(day=day, retry=retry, mail=True) for day, retry in steps])
        assert (bad.value.field, bad.value.field_code) == ("steps", code)
        assert told(dunning_steps.of(tenant)) == DEFAULT

    def test_may_try_nothing_where_that_is_said(self, tenant):
        assert told(change(tenant, OWN[:1], without_retries=True)) == [(0, False, True)]

    def test_of_an_organisation_are_its_billing_admins_to_change(self, tenant, ana):
        strangers = [acting(ana), admin_of(tenant, "license_admin"), admin_of(TenantFactory())]
        for by in strangers:
            with pytest.raises(NotAllowed):
                change(tenant, by=by)
            with pytest.raises(NotAllowed):
                dunning_steps.restore(tenant=tenant, by=by, at=NOON)
            with pytest.raises(NotAllowed):
                change(None, by=by)
        assert DunningStep.objects.exclude(tenant=None).count() == 0


class TestHardDeclines:
    def test_are_added_and_removed_by_an_operator(self):
        for _ in range(2):
            dunning_steps.add_hard_decline(code=" no_such_issuer ", by=SYSTEM, at=NOON)
        assert HardDecline.objects.filter(pk="no_such_issuer").exists()
        for _ in range(2):
            dunning_steps.remove_hard_decline(code="no_such_issuer", by=SYSTEM, at=NOON)
        assert not HardDecline.objects.filter(pk="no_such_issuer").exists()
        assert list(Event.objects.order_by("pk").values_list("type", "subject")) == [
            ("hard_decline.added", "no_such_issuer"),
            ("hard_decline.removed", "no_such_issuer"),
        ]

    @pytest.mark.parametrize("code", ["", "lost card", "x" * 61, "lost\ncard", "verlören", "<b>"])
    def test_are_codes(self, code):
        with pytest.raises(BadInput):
            dunning_steps.add_hard_decline(code=code, by=SYSTEM, at=NOON)

    def test_are_the_operators_alone(self, tenant):
        for do in (dunning_steps.add_hard_decline, dunning_steps.remove_hard_decline):
            with pytest.raises(NotAllowed):
                do(code="lost_card", by=admin_of(tenant), at=NOON)
        assert HardDecline.objects.filter(pk="lost_card").exists()

    def test_hold_what_no_card_recovers_from_from_the_start(self):
        known = set(HardDecline.objects.values_list("pk", flat=True))
        assert {"lost_card", "stolen_card", "pickup_card", "invalid_account", "do_not_try_again"} <= known
        assert not known & {"insufficient_funds", "generic_decline", "do_not_honor", "processing_error"}


class TestTheApi:
    URL = "dunning-steps/"

    def test_reads_changes_and_restores(self, admin):
        api = Api(admin)
        assert api.get(self.URL).json()["own"] is False
        wanted = [{"day": 0, "retry": False, "mail": True}, {"day": 2, "retry": True, "mail": True}]
        answer = api.put(self.URL, {"steps": wanted})
        assert (answer.status_code, answer.json()) == (200, {"steps": wanted, "own": True})
        assert api.get(self.URL).json() == answer.json()
        assert api.put(self.URL, {"steps": None}).json()["own"] is False

    def test_says_which_field_is_wrong(self, admin):
        answer = Api(admin).put(self.URL, {"steps": [{"day": 1, "retry": True, "mail": True}]})
        assert errors(answer) == [("steps", "day_0_is_missing")]

    @pytest.mark.parametrize("role", [None, "license_admin", "global_reader"])
    def test_is_for_those_who_may_change_billing(self, tenant, role):
        who = MembershipFactory(tenant=tenant, roles=[role] if role else [])
        steps = {"steps": [{"day": 0, "retry": False, "mail": True}], "without_retries": True}
        assert Api(who).put(self.URL, steps).status_code == 403
        assert Api(who).get(self.URL).status_code == (200 if role == "global_reader" else 403)
