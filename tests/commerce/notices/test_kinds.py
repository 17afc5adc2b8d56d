"""Each kind of notice, from what happens to the line in the list and the page that it leads to."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from commerce.models import NoticeTopic, OrderKind
from commerce.operations.buying.trials import start_trial
from commerce.operations.notices import matters, telling
from commerce.operations.renewing import dunning_steps
from commerce.operations.renewing import notices as coming
from commerce.operations.renewing.dunning_steps import Step
from licensing.models import Channel
from licensing.operations import subscriptions
from policies.operations import governance, settings, spend_limits, values
from policies.operations.scopes import Scope
from tests.callers import signed_in
from tests.commerce.declining import DUE, buy_with_bad_card
from tests.commerce.licenses import ask
from tests.commerce.notices.walking import nothing_but, post, walk
from tests.commerce.renewing import sweep
from tests.factories import (
    NOON,
    PolicyFactory,
    acting,
    admin_of,
    buy,
    open_checkout,
    pay,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

SOON = NOON + timedelta(minutes=1)


@pytest.fixture
def reader(ana):
    """Somebody who may read all of it, and does none of it."""
    return admin_of(ana.tenant)


@pytest.fixture
def other(ana):
    """An admin who acts."""
    return admin_of(ana.tenant)


def recorded(ana, plan, other):
    whose = {"channel": Channel.PARTNER, "purchaser": other.membership, "order_ref": "p-1"}
    subscriptions.grant(plan=plan, quantity=5, by=other, at=NOON, **whose)


def announced(ana, plan, other):
    bought = buy(ana, plan, 1)
    coming.tell_due(at=bought.term_end - timedelta(days=7))


def declined(ana, plan, other):
    buy_with_bad_card(ana, plan)
    sweep(DUE)


def awaits(ana, plan, other):
    PolicyFactory(tenant=ana.tenant, value="approval_required")
    pay(open_checkout(ana, plan, 2))


def tried(ana, plan, other):
    on_trial = plan_on_sale(product__name="Visio", product__trial_days=30, product__trial_seats=5)
    start_trial(plan=on_trial, quantity=1, by=acting(ana), at=NOON)


def changed(ana, plan, other):
    scope = Scope(product=plan.product)
    values.put(tenant=ana.tenant, scope=scope, value="disabled", reason="Old", by=other, at=NOON)


def stopped(ana, plan, other):
    settings.change(tenant=ana.tenant, self_service_enabled=False, reason="Audit", by=other, at=NOON)


def governed(ana, plan, other):
    terms = governance.Terms(name="Stays in the EU", kind="retention", settings={"days": "30"})
    governance.add(tenant=ana.tenant, terms=terms, by=other, at=NOON)


def limited(ana, plan, other):
    terms = spend_limits.Terms(period="month", amount=Decimal(100), currency="USD")
    limit = spend_limits.add(
        tenant=ana.tenant, level="product", scope_id=plan.product_id, terms=terms, by=other, at=NOON
    )
    spend_limits.remove(limit=limit, reason="Not needed", by=other, at=SOON)


TOLD = {
    "purchase": (lambda ana, plan, other: buy(ana, plan, 2), ["Ana Alvarez bought 2 seats of Power BI Pro", "$19.98"]),
    "recorded": (recorded, ["A partner recorded 5 seats of Power BI Pro"]),
    "first_purchase": (lambda ana, plan, other: buy(ana, plan), ["Ana Alvarez bought 2 seats of Power BI Pro"]),
    "over_amount": (lambda ana, plan, other: buy(ana, plan, 2), ["Ana Alvarez bought 2 seats of Power BI Pro"]),
    "trial": (tried, ["Ana Alvarez started a trial of Visio"]),
    "renewal": (announced, ["Power BI Pro", "renews on 10 April"]),
    "failed_charge": (declined, ["The renewal of Power BI Pro", "could not be charged"]),
    "request": (lambda ana, plan, other: ask(ana, plan.product), ["Ana Alvarez asks for Power BI Pro"]),
    "approval": (awaits, ["Ana Alvarez asks to approve 2 seats of Power BI Pro", "$19.98"]),
    "policy_change": (changed, ["The policy for Power BI Pro was changed: Enabled → Disabled"]),
    "switch": (stopped, ["All self-service buying was stopped"]),
    "governance": (governed, ["The policy “Stays in the EU” was added"]),
    "limits": (limited, ["A spend limit was set for Power BI Pro", "The spend limit for Power BI Pro was ended"]),
}
TOPIC = {
    "recorded": "purchase",
    "approval": "request",
    **dict.fromkeys(("switch", "governance", "limits"), "policy_change"),
}


@pytest.mark.parametrize("kind", TOLD)
def test_each_is_told_in_the_list_and_by_mail_and_leads_to_its_page(ana, plan, reader, other, kind):
    happens, words = TOLD[kind]
    topic = TOPIC.get(kind, kind)
    nothing_but(reader, NOON, topic, mail="daily", in_app=True, amount=Decimal(5) if topic == "over_amount" else None)
    happens(ana, plan, other)
    walk(SOON)
    browser = signed_in(reader.membership)
    answer = browser.get(reverse("admin:commerce_notice_changelist"))
    told = answer.context["told"]
    assert told
    assert {label for each in told for label in each.topics} == {NoticeTopic(topic).label}
    text = "\n".join(each.text for each in told)
    assert [word for word in words if word not in text] == []
    assert {browser.get(each.path).status_code for each in told} == {200}


def test_every_event_and_every_kind_of_order_has_its_words():
    assert telling._WORDS.keys() == matters.TYPES
    for kind in OrderKind:
        assert "%(plan)s" in telling._of_kind(kind)
    assert matters.READABLE_BY.keys() == set(NoticeTopic)


class TestAChargeThatFails:
    def test_is_told_once_by_mail_by_the_letter_that_there_is_anyway(self, ana, plan, reader):
        settings.change(tenant=ana.tenant, tell_admins_of_failed_charges=True, by=reader, at=NOON)
        nothing_but(reader, NOON, "failed_charge", mail="at_once", in_app=True)
        declined(ana, plan, reader)
        walk(DUE)
        assert post(DUE) == []

    def test_without_such_a_letter_is_told_as_they_choose(self, ana, plan, reader):
        """A step that sends none, though the organisation wishes its admins to be told."""
        settings.change(tenant=ana.tenant, tell_admins_of_failed_charges=True, by=reader, at=NOON)
        nothing_but(reader, NOON, "failed_charge", mail="at_once", in_app=True)
        silent = [Step(day=0, retry=False, mail=False)]
        dunning_steps.change(tenant=ana.tenant, steps=silent, without_retries=True, by=reader, at=NOON)
        declined(ana, plan, reader)
        walk(DUE)
        assert len(post(DUE)) == 1
