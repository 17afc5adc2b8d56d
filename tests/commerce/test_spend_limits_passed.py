"""What would pass a spend limit is refused or asks first, also where twenty people buy at once."""

from decimal import Decimal

import pytest

from commerce.models import Checkout, Order, Payment
from commerce.operations.buying import checkouts
from commerce.operations.changes import quantity
from policies.eligibility import PurchaseRefused
from policies.models import Commitment, Decision, SpendLimit
from policies.operations import commitments, spend_limits
from policies.operations.commitments import SpendLimitExceeded
from tests import ledger
from tests.commerce.limiting import PRICE, limit, taken
from tests.factories import (
    NOON,
    RETURN_URL,
    DepartmentFactory,
    MembershipFactory,
    acting,
    admin_of,
    agree,
    buy,
    open_checkout,
    order_centrally,
    pay,
    plan_on_sale,
    price_centrally,
)
from tests.race import race


def codes(refused):
    return [reason["code"] for reason in refused.value.extra["reasons"]]


@pytest.mark.django_db(databases=["default", "sandbox"])
class TestPassed:
    def test_is_refused_before_any_card_is_asked_for(self, ana, plan):
        limit(ana.tenant, "19.97")
        with pytest.raises(PurchaseRefused) as refused:
            open_checkout(ana, plan)
        assert codes(refused) == ["spend_limit_exceeded"]
        assert not Checkout.objects.exists()
        assert open_checkout(ana, plan, quantity=1).state == "open"

    def test_exactly_full_is_not_passed(self, ana, plan):
        limit(ana.tenant, PRICE)
        assert pay(open_checkout(ana, plan)).state == "completed"

    def test_renewals_of_the_year_count(self, ana, plan):
        limit(ana.tenant, 10 * PRICE - Decimal("0.01"), period="year")
        with pytest.raises(PurchaseRefused):
            open_checkout(ana, plan)

    def test_is_refused_when_paying_where_others_were_faster(self, ana, cleo, plan):
        limit(ana.tenant, "30.00")
        mine, theirs = open_checkout(ana, plan), open_checkout(cleo, plan)
        pay(theirs)
        with pytest.raises(PurchaseRefused) as refused:
            pay(mine)
        assert codes(refused) == ["spend_limit_exceeded"]
        mine.refresh_from_db()
        assert (mine.state, ledger.captured()) == ("open", [PRICE])
        assert Decision.objects.latest("at", "pk").outcome == "refused"

    def test_paying_again_does_not_count_twice(self, ana, plan):
        limit(ana.tenant, PRICE)
        checkout = open_checkout(ana, plan)
        with pytest.raises(Exception, match="declined"):
            pay(checkout, "pm_card_chargeDeclined")
        assert pay(checkout).state == "completed"

    def test_asks_for_an_approval_where_it_says_so_and_counts_while_that_waits(self, ana, plan):
        month = limit(ana.tenant, "10.00", mode="approval")
        checkout = pay(open_checkout(ana, plan))
        assert checkout.state == "awaiting_approval"
        assert taken(month) == (PRICE, 0)
        checkouts.cancel_checkout(checkout=checkout, by=acting(ana), at=NOON)
        assert taken(month) == (0, 0)

    def test_one_that_refuses_speaks_before_one_that_asks(self, ana, plan):
        limit(ana.tenant, "10.00", mode="approval")
        limit(ana.tenant, "10.00", mode="hard")
        with pytest.raises(PurchaseRefused):
            open_checkout(ana, plan)

    def test_in_another_currency_it_cannot_be_compared_so_a_hard_one_refuses(self, ana, plan):
        limit(ana.tenant, "10000", mode="hard")
        SpendLimit.objects.update(currency="EUR")  # as one that was set before it was refused
        with pytest.raises(PurchaseRefused) as refused:
            open_checkout(ana, plan)
        assert [reason["code"] for reason in refused.value.answer.reasons] == ["spend_limit_other_currency"]

    def test_and_one_that_asks_has_somebody_approve(self, ana, plan):
        limit(ana.tenant, "10000", mode="approval")
        SpendLimit.objects.update(currency="EUR")
        checkout = pay(open_checkout(ana, plan))
        assert checkout.state == "awaiting_approval"
        assert Decision.objects.latest("at", "pk").reasons == ["spend_limit_other_currency"]

    @pytest.mark.parametrize("level", ["member", "product", "department"])
    def test_only_whom_and_what_it_is_about(self, ana, cleo, plan, level):
        ana.department = DepartmentFactory(tenant=ana.tenant)
        ana.save()
        scope = {"member": ana, "product": plan.product, "department": ana.department}[level]
        limit(ana.tenant, "1.00", level, scope)
        other = plan_on_sale()
        for buyer, what in ((ana, plan), (ana, other), (cleo, plan), (cleo, other)):
            fits = {"member": buyer == ana, "product": what == plan, "department": buyer == ana}[level]
            if fits:
                with pytest.raises(PurchaseRefused):
                    open_checkout(buyer, what)
            else:
                assert open_checkout(buyer, what).state == "open"

    def test_more_seats_are_refused_and_nothing_is_charged(self, ana, plan):
        held = buy(ana, plan)
        limit(ana.tenant, "25.00")
        with pytest.raises(PurchaseRefused):
            quantity.change(subscription=held, quantity=3, return_url=RETURN_URL, by=acting(ana), at=NOON)
        held.refresh_from_db()
        assert (held.quantity, ledger.captured()) == (2, [PRICE])

    def test_what_the_tenant_buys_itself_is_refused_and_nothing_is_ordered(self, ana, plan):
        billing = MembershipFactory(tenant=ana.tenant, roles=["billing_admin"])
        agreement = agree(ana.tenant)
        limit(ana.tenant, "10.00", counts=("central",))
        with pytest.raises(SpendLimitExceeded):
            order_centrally(billing, price_centrally(plan), agreement=agreement)
        assert not Order.objects.exists()
        assert not Commitment.objects.exists()

    def test_a_catalogue_shows_what_can_be_bought_as_long_as_no_limit_is_passed(self, ana, plan, api):
        full = limit(ana.tenant, PRICE)
        buy(ana, plan)
        assert api.get("products/").json()["results"][0]["eligible"] is True
        spend_limits.change(limit=full, amount=Decimal(1), by=admin_of(ana.tenant), at=NOON)
        answer = api.get(f"products/{plan.product_id}/eligibility/")
        assert answer.json()["outcome"] in ("allowed", "refused")

    def test_another_tenants_limit_means_nothing(self, ana, plan):
        limit(MembershipFactory().tenant, "0.00")
        assert pay(open_checkout(ana, plan)).state == "completed"


class Race:
    """Twenty people with an open checkout each, under a limit that has room for three of them."""

    def __init__(self, plan):
        first = MembershipFactory()
        people = [first, *MembershipFactory.create_batch(19, tenant=first.tenant)]
        self.checkouts = [open_checkout(person, plan) for person in people]
        self.limit = limit(first.tenant, 3 * PRICE + 1)

    def run(self):
        return race(pay, self.checkouts, refused=PurchaseRefused)


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
class TestTwentyAtOnce:
    def test_three_pass_where_there_is_room_for_three(self, plan):
        story = Race(plan)
        assert story.run() == 3
        assert sorted(ledger.captured()) == [PRICE] * 3
        assert Payment.objects.filter(state="succeeded").count() == 3
        assert taken(story.limit) == (3 * PRICE, 3 * PRICE)

    def test_control_without_the_lock_more_than_three_pass(self, plan, monkeypatch):
        monkeypatch.setattr(commitments, "lock_limits", lambda **_: None)
        story = Race(plan)
        assert story.run() > 3
