"""What stands above and below a department, also where the rows make a circle, which nothing but a defect could."""

from tenants.directory.tree import and_above, and_below

PARENTS = {"sales": None, "emea": "sales", "iberia": "emea", "legal": None}
CIRCLE = {"sales": "iberia", "emea": "sales", "iberia": "emea"}


def test_above_are_the_nearest_first():
    assert and_above("iberia", PARENTS) == ["iberia", "emea", "sales"]
    assert and_above("legal", PARENTS) == ["legal"]
    assert and_above(None, PARENTS) == []


def test_below_are_all_however_deep():
    assert and_below(["sales"], PARENTS) == {"sales", "emea", "iberia"}
    assert and_below(["iberia", "legal"], PARENTS) == {"iberia", "legal"}


def test_a_circle_is_gone_through_once():
    assert and_above("iberia", CIRCLE) == ["iberia", "emea", "sales"]
    assert and_below(["emea"], CIRCLE) == set(CIRCLE)
