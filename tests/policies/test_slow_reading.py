"""Random organisations, people, markets, policies and dates: each decision is what a slow reading of the rules says."""

import random
from collections import Counter
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from licensing.models import Family, Plan, Product, Subscription, TrialUse
from policies import eligibility
from policies.ground import survey
from policies.models import Approver, Exclusion, Market, Policy, TenantSettings
from tenants.directory.models import Department, Membership, RoleGrant, Tenant, User
from tenants.ids import new_id
from tests.factories import NOON
from tests.policies import slow_reading

pytestmark = pytest.mark.django_db

WORLDS = 40
TRIAL_SEATS = 5
COUNTRIES = ("US", "DE", "JP")
ZONES = ("America/New_York", "Europe/Berlin", "Asia/Tokyo")
SECTORS = ("commercial", "commercial", "government", "education")
ROLES = ("global_admin", "billing_admin", "license_admin", "global_reader")
DAY = timedelta(days=1)
MOMENTS = [NOON + step * timedelta(hours=9) for step in (-7, -1, 0, 1, 4)]


def near_now(dice):
    """A moment or none, so near that it matters at which of the moments one asks."""
    return dice.choice([None, None, NOON + dice.randint(-60, 60) * timedelta(hours=1)])


def a_span(dice, of=lambda moment: moment):
    start, end = sorted([near_now(dice), near_now(dice)], key=lambda moment: moment or NOON)
    start, end = (of(start) if start else None), (of(end) if end else None)
    return (start, end) if start is None or end is None or start < end else (start, None)


def a_world(seed):
    """All of it by chance, most of it permissive: what forbids everything would show little."""
    dice = random.Random(seed)
    country = dice.randrange(len(COUNTRIES))
    tenant = {
        "country": COUNTRIES[country],
        "zone": ZoneInfo(ZONES[country]),
        "managed": dice.random() < 0.9,
        "sector": dice.choice(SECTORS),
    }
    families = [f"family-{seed}-{n}" for n in range(3)]
    products = [
        {
            "id": f"P{seed}-{n}",
            "family": dice.choice(families),
            "self_service": dice.random() < 0.85,
            "trial": dice.random() < 0.5,
            "quantities": dice.choice([(1, 10_000), (2, 5)]),
        }
        for n in range(6)
    ]
    departments = [{"id": new_id(), "parent": None}]
    for _more in range(3):
        departments.append({"id": new_id(), "parent": dice.choice([None, *[d["id"] for d in departments]])})
    people = [a_person(dice, departments) for _more in range(5)]
    approvers = [
        {"department": dice.choice(departments)["id"], "member": dice.choice(people)["id"]}
        for _more in range(dice.choice([0, 0, 1]))
    ]
    world = {"tenant": tenant, "families": families, "products": products, "departments": departments}
    world |= {"people": people, "approvers": approvers, "stopped": dice.random() < 0.08}
    world["markets"] = some_markets(dice, world)
    world["exclusions"] = [an_exclusion(dice, world) for _more in range(dice.randint(0, 3))]
    world["policies"] = some_policies(dice, world)
    world["trials"] = [(p["id"], x["id"]) for p in world["people"] for x in world["products"] if dice.random() < 0.25]
    return world


def a_person(dice, departments):
    return {
        "id": new_id(),
        "kind": "guest" if dice.random() < 0.15 else "member",
        "state": dice.choices(["active", "disabled", "left"], [8, 1, 1])[0],
        "department": dice.choice([None, *[d["id"] for d in departments]]),
        "roles": [dice.choice(ROLES)] if dice.random() < 0.25 else [],
    }


def some_markets(dice, world):
    rows = []
    for country in COUNTRIES:
        for family in (None, *world["families"]):
            if dice.random() < (0.85 if family is None else 0.2):
                opens, closes = a_span(dice, of=lambda moment: moment.date())
                rows.append({"country": country, "family": family, "opens_on": opens, "closes_on": closes})
    return rows


def an_exclusion(dice, world):
    while True:
        row = {
            "sector": dice.choice(["", "", *SECTORS]),
            "country": dice.choice(["", "", *COUNTRIES]),
            "family": dice.choice([None, None, *world["families"]]),
            "product": dice.choice([None, None, *[p["id"] for p in world["products"]]]),
        }
        if any(row.values()):
            begins, ends = a_span(dice, of=lambda moment: moment.date())
            return {**row, "valid_from": begins, "valid_to": ends}


def some_policies(dice, world):
    rows, seen = [], set()
    for _more in range(dice.randint(0, 14)):
        member, department = dice.choice(
            [
                (None, None),
                (dice.choice(world["people"])["id"], None),
                (None, dice.choice(world["departments"])["id"]),
            ]
        )
        product, family = dice.choice(
            [(None, None), (dice.choice(world["products"])["id"], None), (None, dice.choice(world["families"]))]
        )
        begins, ends = a_span(dice)
        timed = begins is not None or ends is not None
        # One standing row and, so that none overlap, one for a time.
        scope = (member, department, product, family, timed)
        if scope in seen:
            continue
        seen.add(scope)
        row = {"member": member, "department": department, "product": product, "family": family}
        rows.append({**row, "valid_from": begins, "valid_to": ends, "value": dice.choice(slow_reading.STRICTER)})
    return rows


def written(world):
    """The same in the database; returns the people by id and the products by id."""
    spec = world["tenant"]
    tenant = Tenant.objects.create(
        slug=f"t-{new_id()}",
        name="T",
        country=spec["country"],
        sector=spec["sector"],
        managed=spec["managed"],
        time_zone=spec["zone"].key,
        created_at=NOON,
    )
    Exclusion.objects.all().delete()
    Family.objects.bulk_create(Family(slug=slug, name=slug) for slug in world["families"])
    Product.objects.bulk_create(
        Product(
            id=p["id"],
            slug=p["id"].lower(),
            name=p["id"],
            family_id=p["family"],
            self_service=p["self_service"],
            trial_days=30 if p["trial"] else None,
            trial_seats=TRIAL_SEATS if p["trial"] else None,
            created_at=NOON,
        )
        for p in world["products"]
    )
    Plan.objects.bulk_create(
        Plan(
            id=p["id"].lower(),
            product_id=p["id"],
            term="P1M",
            min_quantity=p["quantities"][0],
            max_quantity=p["quantities"][1],
        )
        for p in world["products"]
    )
    for row in world["departments"]:
        Department.objects.create(id=row["id"], tenant=tenant, name=str(row["id"]), parent_id=row["parent"])
    for person in world["people"]:
        user = User.objects.create(email=f"{person['id']}@example.test", created_at=NOON)
        Membership.objects.create(
            id=person["id"],
            tenant=tenant,
            user=user,
            kind=person["kind"],
            state=person["state"],
            department_id=person["department"],
            created_at=NOON,
        )
        for role in person["roles"]:
            RoleGrant.objects.create(tenant=tenant, membership_id=person["id"], role=role, granted_at=NOON)
    Market.objects.bulk_create(named(Market, row, name=row["country"]) for row in world["markets"])
    Exclusion.objects.bulk_create(named(Exclusion, row, created_at=NOON) for row in world["exclusions"])
    Policy.objects.bulk_create(named(Policy, row, tenant=tenant, set_at=NOON) for row in world["policies"])
    Approver.objects.bulk_create(named(Approver, row, tenant=tenant) for row in world["approvers"])
    for member, product in world["trials"]:
        write_trial(tenant, member, product)
    if world["stopped"]:
        TenantSettings.objects.create(tenant=tenant, self_service_enabled=False, set_at=NOON)
    people = Membership.objects.of(tenant).select_related("tenant", "user", "department")
    return {m.pk: m for m in people}, {
        p.pk: p for p in Product.objects.filter(pk__in=[p["id"] for p in world["products"]])
    }


def write_trial(tenant, member, product):
    """One that began long ago, of whatever state by now."""
    began = NOON - 90 * DAY
    people = {"tenant": tenant, "purchaser_id": member, "owner_id": member}
    times = {"term_start": began, "anchor_at": began, "created_at": began, "term_end": NOON, "state_ends_at": NOON}
    what = {"plan_id": product.lower(), "channel": "self_service", "state": "trial", "quantity": 1, "time_zone": "UTC"}
    trial = Subscription.objects.create(order_ref=f"{member} {product}", **people, **times, **what)
    TrialUse.objects.create(tenant=tenant, member_id=member, product_id=product, subscription=trial, started_at=began)


REFERENCES = ("family", "product", "member", "department")


def named(model, row, **more):
    return model(**{f"{name}_id" if name in REFERENCES else name: value for name, value in row.items()}, **more)


def decided(people, products, person, product, **asked):
    plan = Plan.objects.get(product_id=product["id"])
    answer = eligibility.decide(people[person["id"]], products[product["id"]], plan=plan, **asked)
    return answer.outcome, {verdict.code for verdict in answer.failures}


@pytest.mark.parametrize("seed", range(WORLDS))
def test_every_decision_is_what_a_slow_reading_says(seed):
    world = a_world(seed)
    people, products = written(world)
    for person in world["people"]:
        for at in MOMENTS:
            answers = eligibility.decide_all(people[person["id"]], products.values(), at=at)
            for product in world["products"]:
                answer = answers[product["id"]]
                told = answer.outcome, {verdict.code for verdict in answer.failures}
                read = slow_reading.decision(world, person, {**product, "quantities": (1, 10_000)}, at=at)
                assert told == read, (person, product, at)


@pytest.mark.parametrize("seed", range(WORLDS, WORLDS + WORLDS // 2))
def test_so_is_each_purchase_and_each_trial(seed):
    world = a_world(seed)
    people, products = written(world)
    dice = random.Random(seed)
    for _more in range(40):
        person, product = dice.choice(world["people"]), dice.choice(world["products"])
        asked = {"at": dice.choice(MOMENTS), "quantity": dice.choice([0, 1, 3, 6]), "trial": dice.random() < 0.4}
        limits = (1, TRIAL_SEATS) if asked["trial"] and product["trial"] else product["quantities"]
        read = slow_reading.decision(world, person, {**product, "quantities": limits}, **asked)
        assert decided(people, products, person, product, **asked) == read, (person, product, asked)


def test_chance_reaches_every_answer():
    """Without this the test above might ask for ever what is refused anyway."""
    reached = Counter()
    for seed in range(WORLDS):
        world = a_world(seed)
        for person in world["people"]:
            for product in world["products"]:
                for at in MOMENTS:
                    outcome, codes = slow_reading.decision(world, person, product, at=at, quantity=3)
                    reached.update([outcome, *codes])
                    reached.update(slow_reading.decision(world, person, product, at=at, trial=True)[1])
    expected = {"allowed", "needs_approval", "trial_only", "refused", "guest_user", "user_not_active", "no_approver"}
    expected |= {"tenant_not_managed", "sector_excluded", "operator_exclusion", "market_closed", "market_not_open_yet"}
    expected |= {"product_not_self_service", "self_service_stopped", "policy_disabled", "policy_trials_only"}
    expected |= {"trial_not_offered", "trial_already_used"}
    assert {name: reached[name] for name in expected if reached[name] < 5} == {}


@pytest.mark.parametrize("seed", range(2 * WORLDS, 2 * WORLDS + WORLDS // 4))
def test_a_value_made_stricter_never_allows_more(seed):
    world = a_world(seed)
    people, products = written(world)
    for row in Policy.objects.filter(tenant=next(iter(people.values())).tenant):
        before = outcomes(people, products)
        index = slow_reading.STRICTER.index(row.value)
        for value in slow_reading.STRICTER[index + 1 :]:
            Policy.objects.filter(pk=row.pk).update(value=value)
            after = outcomes(people, products)
            assert all(after[asked] >= before[asked] for asked in before), (row.pk, value)
            before = after
        Policy.objects.filter(pk=row.pk).update(value=row.value)


def outcomes(people, products):
    """How little each may: a purchase at once, after an approval, or not; and a trial or not."""
    rank = {"allowed": 0, "needs_approval": 1}
    return {
        (member.pk, product.pk, trial): rank.get(eligibility.answer_on(ground, product, trial=trial).outcome, 2)
        for member in people.values()
        for ground in [survey(member, at=NOON)]
        for product in products.values()
        for trial in (False, True)
    }
