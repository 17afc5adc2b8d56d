from datetime import datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest

from policies.eligibility import decide
from tests.factories import NOON, ExclusionFactory, FamilyFactory, ProductFactory
from tests.policies.conftest import codes, member_in

pytestmark = pytest.mark.django_db

TODAY = NOON.date()
DAY = timedelta(days=1)
DIMENSIONS = ("sector", "country", "family", "product")


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
