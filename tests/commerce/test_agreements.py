"""The terms of central purchases: who may agree to what, and what a change touches."""

from datetime import date
from decimal import Decimal

import pytest

from commerce.models import Agreement, AgreementPrice
from commerce.operations.buying import agreements
from commerce.operations.buying.agreements import AgreementExists, NeedsOperator, Terms
from tenants.access import SYSTEM, Actor
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.factories import (
    NOON,
    MembershipFactory,
    OperatorFactory,
    PlanFactory,
    TenantFactory,
    acting,
    admin_of,
    agree,
    buy_centrally,
    price_centrally,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NEW_YEAR = date(2026, 1, 1)


@pytest.fixture
def plan():
    """USD 8.99 in the list of central purchases."""
    return price_centrally(PlanFactory())


def terms(**terms):
    return Terms(**{"valid_from": NEW_YEAR, "prices": {}, **terms})


def add(tenant, by, name="Volume", currency="", **agreed):
    return agreements.add(tenant=tenant, name=name, currency=currency, terms=terms(**agreed), by=by, at=NOON)


def change(agreement, by, **changes):
    return agreements.change(agreement=agreement, by=by, at=NOON, **changes)


def as_it_is(agreement):
    agreement = Agreement.objects.with_prices().get(pk=agreement.pk)
    return agreement.name, Terms.of(agreement)


class TestWho:
    @pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
    def test_who_buys_centrally_agrees_to_list_prices(self, tenant, plan, role):
        made = add(tenant, admin_of(tenant, role), prices={plan.pk: Decimal("8.99")}, valid_to=date(2027, 1, 1))
        assert (made.currency, made.pay_by_invoice) == ("USD", False)
        assert AgreementPrice.objects.get().amount == Decimal("8.99")
        change(made, admin_of(tenant, role), name="Framework", prices={plan.pk: Decimal("9.50")})
        assert as_it_is(made) == (
            "Framework",
            terms(prices={plan.pk: Decimal("9.50")}, valid_to=date(2027, 1, 1)),
        )

    @pytest.mark.parametrize("role", [None, "license_admin", "user_admin", "global_reader"])
    def test_nobody_else_does(self, tenant, role):
        by = admin_of(tenant, role) if role else acting(MembershipFactory(tenant=tenant))
        made = agree(tenant)
        before = as_it_is(made)
        for attempt in (lambda: add(tenant, by, "Another"), lambda: change(made, by, name="Mine")):
            with pytest.raises(NotAllowed):
                attempt()
        assert (Agreement.objects.count(), as_it_is(made)) == (1, before)

    def test_nor_an_admin_of_another_tenant(self, tenant):
        made = agree(tenant)
        for attempt in (lambda by: add(tenant, by, "Another"), lambda by: change(made, by, name="Mine")):
            with pytest.raises(NotAllowed):
                attempt(admin_of(TenantFactory()))

    @pytest.mark.parametrize("who", ["operator", "system"])
    def test_the_operator_agrees_to_everything(self, tenant, plan, who):
        by = SYSTEM if who == "system" else Actor(user=OperatorFactory())
        made = add(tenant, by, pay_by_invoice=True, payment_days=60, prices={plan.pk: Decimal("0.01")})
        change(made, by, payment_days=90, valid_to=date(2030, 1, 1))
        assert as_it_is(made)[1].payment_days == 90


class TestWhatOnlyTheOperatorGives:
    @pytest.mark.parametrize(
        "agreed",
        [
            {"pay_by_invoice": True},
            {"prices": "8.98"},
            {"prices": "7.00", "valid_to": date(2026, 2, 1)},
        ],
    )
    def test_no_admin_takes(self, tenant, plan, agreed):
        if "prices" in agreed:
            agreed = agreed | {"prices": {plan.pk: Decimal(agreed["prices"])}}
        with pytest.raises(NeedsOperator):
            add(tenant, admin_of(tenant), **agreed)
        assert not Agreement.objects.exists()

    def test_nor_for_a_plan_that_is_not_in_the_list_or_not_in_that_currency(self, tenant, plan):
        price_centrally(PlanFactory(), currency="EUR")
        for by_whom in (
            {"prices": {PlanFactory().pk: Decimal(1000)}},
            {"prices": {plan.pk: Decimal(1000)}, "currency": "EUR"},
        ):
            with pytest.raises(NeedsOperator):
                add(tenant, admin_of(tenant), **by_whom)

    def test_nor_for_another_currency_whose_list_may_be_cheaper(self, tenant, plan):
        price_centrally(plan, "8.00", "EUR")
        with pytest.raises(NeedsOperator):
            add(tenant, admin_of(tenant), currency="EUR", prices={})
        assert add(tenant, SYSTEM, currency="EUR", prices={}).currency == "EUR"

    @pytest.mark.parametrize(
        "more",
        [
            {"payment_days": 31},
            {"valid_to": date(2027, 1, 2)},
            {"valid_to": None},
            {"valid_from": date(2025, 12, 31)},
            {"prices": "4.99"},
        ],
    )
    def test_nor_more_of_it_than_was_agreed(self, tenant, plan, more):
        made = agree(tenant, prices=[(plan, "5.00")], valid_to=date(2027, 1, 1))
        before = as_it_is(made)
        if "prices" in more:
            more = {"prices": {plan.pk: Decimal(more["prices"])}}
        with pytest.raises(NeedsOperator):
            change(made, admin_of(tenant), **more)
        assert as_it_is(made) == before

    @pytest.mark.parametrize("gives", [{"pay_by_invoice": True}, {"pay_by_invoice": False, "prices": "5.00"}], ids=str)
    @pytest.mark.parametrize("longer", [{"valid_to": None}, {"valid_from": date(2025, 12, 31)}], ids=str)
    def test_nor_credit_or_a_lower_price_alone_for_longer(self, tenant, plan, gives, longer):
        prices = [(plan, gives["prices"])] if "prices" in gives else []
        made = agree(tenant, prices=prices, pay_by_invoice=gives["pay_by_invoice"], valid_to=date(2027, 1, 1))
        with pytest.raises(NeedsOperator):
            change(made, admin_of(tenant), **longer)
        assert change(made, SYSTEM, **longer)

    @pytest.mark.parametrize(
        "less",
        [
            {"payment_days": 14},
            {"valid_to": date(2026, 6, 1)},
            {"valid_from": date(2026, 3, 1)},
            {"prices": "6.00"},
            {"pay_by_invoice": False},
            {"name": "Ours"},
        ],
    )
    def test_but_an_admin_gives_some_of_it_back(self, tenant, plan, less):
        made = agree(tenant, prices=[(plan, "5.00")], valid_to=date(2027, 1, 1))
        before = as_it_is(made)
        if "prices" in less:
            less = {"prices": {plan.pk: Decimal(less["prices"])}}
        change(made, admin_of(tenant), **less)
        assert as_it_is(made) != before

    def test_and_what_was_given_up_is_not_taken_back(self, tenant):
        made = agree(tenant)
        change(made, admin_of(tenant), pay_by_invoice=False)
        with pytest.raises(NeedsOperator):
            change(made, admin_of(tenant), pay_by_invoice=True)


class TestWhatIsWritten:
    @pytest.mark.parametrize(
        "wrong, field",
        [
            ({"name": "  "}, "name"),
            ({"name": "a\nb"}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"currency": "XXX"}, "currency"),
            ({"valid_to": NEW_YEAR}, "valid_to"),
            ({"valid_to": date(2025, 1, 1)}, "valid_to"),
            ({"payment_days": 366}, "payment_days"),
            ({"payment_days": -1}, "payment_days"),
            ({"prices": {"no-such-plan": Decimal(1)}}, "prices"),
            *(
                ({"prices": amount}, "prices")
                for amount in ("0", "-1", "8.999", "NaN", "Infinity", "1000000000", "1E+20")
            ),
        ],
    )
    def test_what_can_never_be_right_is_refused(self, tenant, plan, wrong, field):
        if isinstance(wrong.get("prices"), str):
            wrong = {"prices": {plan.pk: Decimal(wrong["prices"])}}
        with pytest.raises(BadInput) as refused:
            add(tenant, SYSTEM, **wrong)
        assert refused.value.field == field
        assert not Agreement.objects.exists()

    def test_amounts_are_exact_in_their_currency(self, plan):
        tokyo, kuwait = TenantFactory(country="JP"), TenantFactory(country="KW")
        price_centrally(plan, "1000", "JPY")
        price_centrally(plan, "3.125", "KWD")
        assert add(kuwait, SYSTEM, prices={plan.pk: Decimal("3.125")}).currency == "KWD"
        with pytest.raises(BadInput):
            add(tokyo, SYSTEM, prices={plan.pk: Decimal("999.5")})

    def test_a_name_is_one_tenants_once(self, tenant):
        made = agree(tenant, name="Volume")
        agree(TenantFactory(), name="Volume")
        with pytest.raises(AgreementExists):
            add(tenant, SYSTEM, name="Volume")
        other = add(tenant, SYSTEM, name="Other")
        with pytest.raises(AgreementExists):
            change(other, SYSTEM, name="Volume")
        assert {as_it_is(made)[0], as_it_is(other)[0]} == {"Volume", "Other"}

    def test_prices_are_replaced_as_a_whole(self, tenant, plan):
        other = PlanFactory()
        made = agree(tenant, prices=[(plan, "5.00")])
        change(made, SYSTEM, prices={other.pk: Decimal("2.00")})
        assert list(AgreementPrice.objects.values_list("plan", "amount")) == [(other.pk, Decimal("2.00"))]

    def test_the_journal_keeps_each_change_and_none_that_changes_nothing(self, tenant, plan):
        admin = admin_of(tenant)
        made = agree(tenant, prices=[(plan, "5.00")])
        change(made, admin, payment_days=30, prices={plan.pk: Decimal("5")})
        change(made, admin, payment_days=14)
        added, changed = Event.objects.filter(tenant=tenant).order_by("pk")
        assert (added.type, added.subject, added.actor) == ("agreement.added", str(made.pk), None)
        assert added.data["prices"] == {plan.pk: "5.00"}
        assert (changed.type, changed.actor) == ("agreement.changed", admin.user)
        assert (changed.data["payment_days"], changed.data["pay_by_invoice"]) == (14, True)

    def test_what_was_bought_stays_as_it_was_bought(self, tenant, plan):
        buyer = admin_of(tenant).membership
        bought = buy_centrally(buyer, plan)
        made, order = Agreement.objects.get(), bought.orders.get()
        change(made, SYSTEM, prices={plan.pk: Decimal("99.00")}, payment_days=1, pay_by_invoice=False)
        again = bought.orders.get()
        assert (again.total, again.due_at, again.state) == (order.total, order.due_at, "invoiced")
        assert bought.billing_periods.get().unit_price == Decimal("8.99")
