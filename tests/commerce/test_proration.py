"""
Ten thousand random quotes, changes and refunds in currencies with two, no and three minor digits: nothing is lost or
made between what is charged, what is taxed and what goes back.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commerce import money
from commerce.proration import Part, Sold, charge_for
from commerce.tax import TaxTerms, split
from tests.factories import NOON

MONTH = 31 * 24 * 3600
many = settings(max_examples=2500, deadline=None)

currencies = st.sampled_from(["JPY", "USD", "KWD"])
rates = st.sampled_from(["0", "0.05", "0.0775", "0.10", "0.19", "0.255", "0.9999"]).map(Decimal)
terms_of = st.builds(TaxTerms, name=st.just("VAT"), rate=rates, inclusive=st.booleans())
lengths = st.sampled_from([28 * 24 * 3600, 30 * 24 * 3600, MONTH, 365 * 24 * 3600, 366 * 24 * 3600])


@st.composite
def parts(draw):
    of = draw(lengths)
    return Part(seconds=draw(st.integers(0, of)), of=of)


@st.composite
def prices(draw):
    currency = draw(currencies)
    return draw(st.integers(1, 10**7)) * money.smallest(currency), currency


def sold(total, tax, quantity, currency):
    return Sold(total=total, quantity=quantity, returned=0, left=total, tax_left=tax, room=total, currency=currency)


def after(line, count, amount, tax):
    """What the books say of a line from which so much went back."""
    return replace(
        line,
        returned=line.returned + count,
        left=line.left - amount,
        tax_left=line.tax_left - tax,
        room=line.room - amount,
    )


@st.composite
def charges(draw):
    """A line as it is charged: for a part of a term, with its tax."""
    unit, currency = draw(prices())
    quantity, part, terms = draw(st.integers(1, 10_000)), draw(parts()), draw(terms_of)
    seen = charge_for(unit, quantity, part, currency)
    net, tax = split(seen, terms, currency)
    return unit, quantity, part, terms, currency, seen, net, tax


@many
@given(charges())
def test_a_quote_is_the_exact_part_to_half_a_coin_and_adds_up(charge):
    unit, quantity, part, terms, currency, seen, net, tax = charge
    for amount in (seen, net, tax):
        assert money.is_exact(amount, currency)
        assert amount >= 0
    exact = unit * quantity * part.seconds / part.of
    assert abs(seen - exact) * 2 <= money.smallest(currency)
    assert seen <= unit * quantity
    assert net + tax == (seen if terms.inclusive else seen + money.rounded(seen * terms.rate, currency))


@many
@given(charges(), st.data())
def test_seats_together_cost_the_line_with_the_remainder_on_the_first(charge, data):
    _unit, quantity, _part, _terms, currency, _seen, net, tax = charge
    line, costs = sold(net + tax, tax, quantity, currency), []
    while line.quantity > line.returned:
        count = data.draw(st.integers(1, line.quantity - line.returned)) if len(costs) < 8 else quantity - line.returned
        cost = line.cost_of(count)
        assert money.is_exact(cost, currency)
        # What each of them costs differs from an equal share by less than a coin.
        assert abs(cost - count * (net + tax) / quantity) < count * money.smallest(currency)
        costs.append((cost / count, cost))
        line = replace(line, returned=line.returned + count)
    assert sum(cost for _each, cost in costs) == net + tax
    # The last seats went first: none of them was dearer than those before it.
    each = [share for share, _cost in costs]
    assert each == sorted(each)


@many
@given(charges(), st.lists(st.tuples(st.integers(1, 10_000), parts()), max_size=6), st.integers(0, 10**6))
def test_what_goes_back_of_a_line_is_never_more_than_was_charged(charge, returns, by_hand):
    _unit, quantity, _part, _terms, currency, _seen, net, tax = charge
    total = net + tax
    line = sold(total, tax, quantity, currency)
    # Somebody gave some of it back in the provider's own pages before.
    hand = min(by_hand * money.smallest(currency), total)
    line = replace(line, room=line.room - hand)
    back = taxes = Decimal(0)
    for asked, part in [*returns, (quantity, Part(seconds=1, of=1))]:
        count = min(asked, line.quantity - line.returned)
        if not count:
            break
        amount, taxed = line.given_back(count, part)
        assert money.is_exact(amount, currency)
        assert money.is_exact(taxed, currency)
        assert 0 <= taxed <= amount <= min(line.cost_of(count), line.room)
        assert amount - taxed <= line.left - line.tax_left
        line = after(line, count, amount, taxed)
        back, taxes = back + amount, taxes + taxed
    assert back + hand <= total
    assert taxes <= tax
    assert (line.left, line.tax_left) == (total - back, tax - taxes)


@many
@given(charges(), st.lists(st.integers(1, 10_000), max_size=6))
def test_all_seats_unused_give_back_all_money_and_all_tax(charge, counts):
    _unit, quantity, _part, _terms, currency, _seen, net, tax = charge
    line = sold(net + tax, tax, quantity, currency)
    for asked in [*counts, quantity]:
        count = min(asked, line.quantity - line.returned)
        if count:
            line = after(line, count, *line.given_back(count, Part(seconds=MONTH, of=MONTH)))
    assert (line.left, line.tax_left, line.room) == (0, 0, 0)


@st.composite
def lives(draw):
    """Months of a subscription: at rising moments more seats are bought, or some are given back, the newest first."""
    unit, currency = draw(prices())
    steps = draw(st.lists(st.tuples(st.integers(1, 400_000), st.integers(-20, 20)), max_size=10))
    return unit, currency, draw(st.integers(1, 20)), steps, draw(terms_of)


def charged_at(at, unit, count, currency, terms):
    """More seats from a moment on to the end of the term."""
    part = Part.after(at, start=NOON, end=NOON + timedelta(seconds=MONTH))
    net, tax = split(charge_for(unit, count, part, currency), terms, currency)
    return at, net + tax, sold(net + tax, tax, count, currency)


@many
@given(lives())
def test_through_a_life_of_changes_no_charge_gives_back_more_than_it_brought(life):
    unit, currency, quantity, steps, terms = life
    end = NOON + timedelta(seconds=MONTH)
    lines, at, back = [charged_at(NOON, unit, quantity, currency, terms)], NOON, Decimal(0)
    for seconds, change in [*steps, (1, -(10**6))]:
        at += timedelta(seconds=seconds)
        if at >= end:
            break
        if change > 0:
            lines.append(charged_at(at, unit, change, currency, terms))
            continue
        wanted = -change
        for n in reversed(range(len(lines))):
            start, total, line = lines[n]
            count = min(wanted, line.quantity - line.returned)
            if count:
                amount, tax = line.given_back(count, Part.after(at, start=start, end=end))
                lines[n] = start, total, after(line, count, amount, tax)
                wanted, back = wanted - count, back + amount
    for _start, total, line in lines:
        assert 0 <= line.tax_left <= line.left == line.room <= total
    assert back == sum(total - line.left for _start, total, line in lines)
    assert back <= sum(total for _start, total, _line in lines)


def moment(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    "at, seconds",
    [
        ("2026-03-10T12:00:00+00:00", MONTH),
        ("2026-03-10T12:00:00.000001+00:00", MONTH - 1),
        ("2026-03-10T12:00:01+00:00", MONTH - 1),
        ("2026-04-10T11:59:59+00:00", 1),
        ("2026-04-10T11:59:59.5+00:00", 0),
        ("2026-04-10T12:00:00+00:00", 0),
        ("2027-01-01T00:00:00+00:00", 0),
        ("2026-01-01T00:00:00+00:00", MONTH),
    ],
)
def test_a_part_counts_whole_seconds_and_never_more_than_all(at, seconds):
    part = Part.after(moment(at), start=NOON, end=NOON + timedelta(seconds=MONTH))
    assert (part.seconds, part.of) == (seconds, MONTH)


@many
@given(prices(), st.integers(0, MONTH))
def test_the_unused_part_is_never_more_than_was_paid_and_falls_with_time(paid, seconds):
    amount, currency = paid
    at, end = NOON + timedelta(seconds=seconds), NOON + timedelta(seconds=MONTH)
    part = Part.after(at, start=NOON, end=end).taken_of(amount, currency)
    later = Part.after(at + timedelta(hours=1), start=NOON, end=end).taken_of(amount, currency)
    assert 0 <= later <= part <= amount
    assert money.is_exact(part, currency)


@pytest.mark.parametrize(
    "paid, currency, part", [("10.00", "USD", "5.00"), ("1001", "JPY", "501"), ("1.251", "KWD", "0.626")]
)
def test_half_of_the_time_is_half_of_the_money_to_the_minor_unit(paid, currency, part):
    half = Part.after(NOON + timedelta(seconds=MONTH / 2), start=NOON, end=NOON + timedelta(seconds=MONTH))
    assert half.taken_of(Decimal(paid), currency) == Decimal(part)


def test_a_part_of_nothing_costs_nothing():
    assert Part.after(NOON, start=NOON, end=NOON).taken_of(Decimal("9.99"), "USD") == 0


@pytest.mark.parametrize(
    "total, quantity, currency, each",
    [
        ("10.00", 3, "USD", ["3.33", "3.33", "3.34"]),
        ("100", 7, "JPY", ["14", "14", "14", "14", "14", "15", "15"]),
        ("1.000", 3, "KWD", ["0.333", "0.333", "0.334"]),
        ("0.02", 3, "USD", ["0.00", "0.01", "0.01"]),
    ],
)
def test_the_remainder_is_with_the_first_seats_which_go_last(total, quantity, currency, each):
    line, costs = sold(Decimal(total), Decimal(0), quantity, currency), []
    for _seat in range(quantity):
        costs.append(str(line.cost_of(1)))
        line = replace(line, returned=line.returned + 1)
    assert costs == each
