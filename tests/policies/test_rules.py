from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import reasons, rules
from policies.facts import ExclusionRow, Facts, LimitRow, MarketRow, PolicyRow, Source
from policies.models import PolicyValue
from policies.rules import deciding_policy, verdicts

TODAY = date(2026, 3, 10)
DAY = timedelta(days=1)

ALLOWED = Facts(
    guest=False,
    active=True,
    managed=True,
    sector="commercial",
    country="US",
    today=TODAY,
    market=MarketRow(id="m", opens_on=None, closes_on=None),
    exclusions=(),
    self_service_product=True,
    stopped=None,
    policies=(),
    quantity=1,
    min_quantity=1,
    max_quantity=10_000,
)


def market(opens=None, closes=None):
    return MarketRow(id="m", opens_on=opens, closes_on=closes)


def policy(level, value, breadth=0, group=""):
    return PolicyRow(level=level, breadth=breadth, value=value, group=group, source=Source(level=level, id=level))


def limit(mode, committed="0", adds="20", amount="100"):
    committed, adds, amount = Decimal(committed), Decimal(adds), Decimal(amount)
    source = Source(level="tenant", id=mode)
    return LimitRow(id=mode, mode=mode, amount=amount, committed=committed, adds=adds, currency="USD", source=source)


# What breaks each rule, and the code it must give.
BROKEN = {
    "guest_user": {"guest": True},
    "user_not_active": {"active": False},
    "tenant_not_managed": {"managed": False},
    "sector_excluded": {"exclusions": (ExclusionRow(id="s", names_only_a_sector=True),)},
    "market_closed": {"market": None},
    "operator_exclusion": {"exclusions": (ExclusionRow(id="o", names_only_a_sector=False),)},
    "product_not_self_service": {"self_service_product": False},
    "self_service_stopped": {"stopped": Source(level="stop")},
    "policy_disabled": {"policies": (policy("tenant", "disabled", 2),)},
    "trial_already_used": {"trial": True, "trial_offered": True, "trial_used": True},
    "quantity_out_of_range": {"quantity": 0},
    "spend_limit_exceeded": {"limits": (limit("hard", committed="90", adds="20"),)},
}


# The same for codes that a rule gives beside its first, or that come with another failure.
FAILING_OTHERWISE = {
    "market_not_open_yet": {"market": market(opens=TODAY + DAY)},
    "policy_trials_only": {"policies": (policy("product", "only_trials_without_payment_method"),)},
    "approval_required": {"policies": (policy("product", "approval_required"),)},
    "trial_not_offered": {"trial": True},
    "no_approver": {"policies": (policy("product", "approval_required"),), "has_approver": False},
}
ASKING = {"policies": (policy("product", "approval_required"),)}
TRIALS_ONLY = {"policies": (policy("product", "only_trials_without_payment_method"),)}


def codes(facts):
    return [verdict.code for verdict in verdicts(facts) if not verdict.passed]


def broken(*names):
    facts = ALLOWED
    for name in names:
        changes = dict({**BROKEN, **FAILING_OTHERWISE}[name])
        if "exclusions" in changes:
            changes["exclusions"] = (*facts.exclusions, *changes["exclusions"])
        facts = replace(facts, **changes)
    return facts


def test_allows_what_no_rule_forbids():
    assert codes(ALLOWED) == []
    assert len(verdicts(ALLOWED)) == len(rules.RULES)


@pytest.mark.parametrize("code", BROKEN)
def test_each_rule_alone_gives_its_own_code(code):
    assert codes(broken(code)) == [code]


@given(st.sets(st.sampled_from(sorted(BROKEN))))
def test_the_reasons_are_exactly_the_rules_that_fail_in_their_order(names):
    assert codes(broken(*names)) == [code for code in BROKEN if code in names]


@pytest.mark.parametrize("code", [*BROKEN, *FAILING_OTHERWISE])
def test_every_code_has_a_sentence(code):
    failed = next(verdict for verdict in verdicts(broken(code)) if verdict.code == code)
    told = reasons.as_reason(failed)
    assert told["code"] == code
    assert told["detail"].endswith(".")
    assert "%" not in told["detail"]


@pytest.mark.parametrize(
    "changes, outcome, named",
    [
        ({}, "allowed", []),
        (ASKING, "needs_approval", ["approval_required"]),
        ({**ASKING, "has_approver": False}, "refused", ["approval_required", "no_approver"]),
        ({**ASKING, "guest": True}, "refused", ["guest_user", "approval_required"]),
        ({"limits": (limit("approval"),)}, "allowed", []),
        ({"limits": (limit("approval", committed="80"),)}, "allowed", []),
        ({"limits": (limit("approval", committed="80.01"),)}, "needs_approval", ["spend_limit_exceeded"]),
        ({"limits": (limit("hard", committed="80.01"),)}, "refused", ["spend_limit_exceeded"]),
        (
            {"limits": (limit("approval", committed="90"), limit("hard", committed="90"))},
            "refused",
            ["spend_limit_exceeded"],
        ),
        ({"limits": (limit("approval"), limit("hard", "99", "0"))}, "allowed", []),
        (TRIALS_ONLY, "refused", ["policy_trials_only"]),
        ({**TRIALS_ONLY, "trial_offered": True}, "trial_only", ["policy_trials_only"]),
        ({**TRIALS_ONLY, "trial_offered": True, "trial_used": True}, "refused", ["policy_trials_only"]),
        ({**TRIALS_ONLY, "trial_offered": True, "trial": True}, "allowed", []),
        ({**ASKING, "trial_offered": True, "trial": True}, "allowed", []),
        ({**BROKEN["policy_disabled"], "trial_offered": True, "trial": True}, "refused", ["policy_disabled"]),
    ],
)
def test_what_the_rules_come_to(changes, outcome, named):
    facts = replace(ALLOWED, **changes)
    assert (rules.outcome(verdicts(facts)), codes(facts)) == (outcome, named)


def test_a_row_for_a_time_beats_the_standing_row_of_its_own_breadth_alone():
    standing, timed = policy("product", "enabled"), policy("product", "disabled")._replace(for_a_time=True)
    assert deciding_policy([standing, timed]) is timed
    assert deciding_policy([standing, policy("family", "disabled", 1)._replace(for_a_time=True)]) is standing


@pytest.mark.parametrize(
    "opens, closes, code",
    [
        (None, None, None),
        (TODAY, None, None),
        (TODAY - DAY, TODAY + DAY, None),
        (TODAY + DAY, None, "market_not_open_yet"),
        (TODAY + DAY, TODAY + 2 * DAY, "market_not_open_yet"),
        (None, TODAY, "market_closed"),
        (TODAY - DAY, TODAY, "market_closed"),
        (None, TODAY + DAY, None),
        (TODAY - 9 * DAY, TODAY - DAY, "market_closed"),
    ],
)
def test_a_market_is_open_from_its_first_day_until_the_day_before_it_closes(opens, closes, code):
    assert codes(replace(ALLOWED, market=market(opens, closes))) == ([code] if code else [])


@pytest.mark.parametrize(
    "quantity, smallest, largest, fits",
    [
        (1, 1, 10_000, True),
        (10_000, 1, 10_000, True),
        (0, 1, 10_000, False),
        (10_001, 1, 10_000, False),
        (-1, 1, 10_000, False),
        (4, 5, 9, False),
        (5, 5, 9, True),
        (9, 5, 9, True),
        (10, 5, 9, False),
        (None, 5, 9, True),
    ],
)
def test_quantity_is_asked_by_the_plans_own_range(quantity, smallest, largest, fits):
    facts = replace(ALLOWED, quantity=quantity, min_quantity=smallest, max_quantity=largest)
    assert (codes(facts) == []) is fits


# --- Which policy decides

E, T, D = "enabled", "only_trials_without_payment_method", "disabled"


@pytest.mark.parametrize(
    "rows, decides",
    [
        ([], None),
        ([("tenant", D, 2)], D),
        ([("tenant", D, 2), ("family", E, 1)], E),
        ([("tenant", E, 2), ("family", D, 1)], D),
        ([("family", E, 1), ("product", D, 0)], D),
        ([("family", D, 1), ("product", E, 0), ("tenant", D, 2)], E),
        ([("product", D, 0), ("group", E, 2, "a")], E),
        ([("product", E, 0), ("group", D, 2, "a")], D),
        # the stricter of several groups, in either order
        ([("group", E, 0, "a"), ("group", D, 0, "b")], D),
        ([("group", D, 0, "a"), ("group", E, 0, "b")], D),
        ([("group", E, 0, "a"), ("group", T, 0, "b")], T),
        ([("group", T, 0, "a"), ("group", D, 0, "b"), ("group", E, 0, "c")], D),
        # of one group's own rows the narrowest
        ([("group", D, 2, "a"), ("group", E, 0, "a")], E),
        ([("group", E, 1, "a"), ("group", D, 2, "a")], E),
        ([("group", D, 2, "a"), ("group", E, 0, "a"), ("group", T, 1, "b")], T),
        # a person's exception beats all, also a stricter group and a stricter product
        ([("person", E, 0), ("group", D, 0, "a"), ("product", D, 0), ("tenant", D, 2)], E),
        ([("person", D, 2), ("group", E, 0, "a"), ("product", E, 0)], D),
        ([("person", D, 2), ("person", E, 0)], E),
        ([("person", D, 1), ("person", E, 2)], D),
    ],
)
def test_the_precedence_of_policies(rows, decides):
    for ordered in (rows, rows[::-1]):
        deciding = deciding_policy([policy(*row) for row in ordered])
        assert (deciding.value if deciding else None) == decides


def test_the_systems_default_is_enabled():
    assert rules.SYSTEM_DEFAULT == E
    assert codes(ALLOWED) == []


def test_the_switch_and_an_exclusion_beat_a_persons_exception():
    exempt = (policy("person", E),)
    assert codes(replace(broken("self_service_stopped"), policies=exempt)) == ["self_service_stopped"]
    assert codes(replace(broken("operator_exclusion"), policies=exempt)) == ["operator_exclusion"]


def test_a_verdict_names_the_row_that_decided():
    [verdict] = [
        v for v in verdicts(replace(ALLOWED, policies=(policy("tenant", E, 2), policy("family", D, 1)))) if not v.passed
    ]
    assert (verdict.source.level, verdict.source.id) == ("family", "family")


def test_strictness_names_every_value_once():
    assert sorted(rules.STRICTNESS) == sorted(PolicyValue.values)


LEVELS = [("tenant", 2, ""), ("family", 1, ""), ("product", 0, "")]
LEVELS += [("group", breadth, group) for breadth, group in product((0, 1, 2), "abc")]
LEVELS += [("person", breadth, "") for breadth in (0, 1, 2)]
values = st.sampled_from(rules.STRICTNESS)
policies = st.dictionaries(st.sampled_from(LEVELS), values)


def allows(rows):
    facts = replace(ALLOWED, policies=tuple(policy(level, value, b, g) for (level, b, g), value in rows.items()))
    value = deciding_policy(facts.policies)
    return codes(facts) == [], rules.STRICTNESS.index(value.value if value else E)


@given(policies.filter(bool), st.data())
def test_a_row_made_stricter_never_allows_more(rows, data):
    changed = data.draw(st.sampled_from(sorted(rows)))
    stricter = data.draw(st.sampled_from(rules.STRICTNESS[rules.STRICTNESS.index(rows[changed]) :]))
    before, after = allows(rows), allows({**rows, changed: stricter})
    assert after[1] >= before[1]
    assert before[0] or not after[0]


@given(policies, st.permutations(LEVELS))
def test_the_order_of_rows_does_not_matter(rows, order):
    shuffled = {level: rows[level] for level in order if level in rows}
    assert allows(shuffled) == allows(rows)
