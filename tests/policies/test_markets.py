from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command

from config.environment import BASE_DIR
from policies import eligibility
from policies.eligibility import decide
from policies.ground import survey
from policies.models import Market
from tests.factories import NOON, FamilyFactory, MarketFactory, ProductFactory
from tests.policies.conftest import codes, member_in

pytestmark = pytest.mark.django_db

TODAY = NOON.date()
DAY = timedelta(days=1)
CLOSED = ["CU", "EH", "IN", "IR", "KP", "SD", "SY"]


class TestMarkets:
    @pytest.fixture
    def real(self, capsys):
        for slug in ("power-bi", "power-apps", "power-automate"):
            FamilyFactory(slug=slug)
        call_command("load_markets", str(BASE_DIR / "data" / "markets.csv"))

    @pytest.mark.parametrize("country", CLOSED)
    def test_the_seven_closed_countries(self, real, country):
        assert codes(member_in(country), ProductFactory(family_id="power-bi")) == ["market_closed"]

    def test_every_other_country_of_the_file_is_open(self, real):
        product = ProductFactory(family_id="power-apps")
        ground = survey(member_in(), at=NOON)
        assert eligibility.answer_on(ground, product).allowed
        countries = set(Market.objects.values_list("country", flat=True))
        assert len(countries) == 243
        assert not countries & set(CLOSED)
        for country in ("DE", "SE", "XK", "JP"):
            assert codes(member_in(country), product) == []

    @pytest.mark.parametrize("country, opens", [("US", date(2020, 1, 14)), ("DE", date(2020, 4, 21))])
    def test_the_real_first_days(self, real, country, opens):
        product, member = ProductFactory(family_id="power-bi"), member_in(country)
        first = datetime(opens.year, opens.month, opens.day, tzinfo=UTC)
        assert codes(member, product, at=first - timedelta(seconds=1)) == ["market_not_open_yet"]
        assert codes(member, product, at=first) == []

    @pytest.mark.parametrize(
        "zone",
        ["Pacific/Kiritimati", "Pacific/Auckland", "Asia/Kathmandu", "UTC", "America/New_York", "Pacific/Pago_Pago"],
    )
    def test_opens_and_closes_at_midnight_of_the_tenant(self, zone):
        MarketFactory(country="US", opens_on=date(2026, 3, 10), closes_on=date(2026, 3, 12))
        product, member = ProductFactory(), member_in(time_zone=zone)
        midnight = datetime(2026, 3, 10, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        closing = datetime(2026, 3, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        tick = timedelta(microseconds=1)
        assert codes(member, product, at=midnight - tick) == ["market_not_open_yet"]
        assert codes(member, product, at=midnight) == []
        assert codes(member, product, at=closing - tick) == []
        assert codes(member, product, at=closing) == ["market_closed"]

    def test_says_when_it_opens_and_where(self):
        MarketFactory(country="DE", opens_on=TODAY + DAY)
        [reason] = decide(member_in("DE"), ProductFactory(), at=NOON).reasons
        assert reason["code"] == "market_not_open_yet"
        assert "Germany" in reason["detail"]
        assert "2026" in reason["detail"]

    def test_a_row_of_the_family_beats_the_row_of_all(self, ana):
        bi, apps = ProductFactory(), ProductFactory()
        MarketFactory(country="US", opens_on=TODAY + DAY)
        MarketFactory(country="US", family=bi.family)
        assert codes(ana, bi) == []
        assert codes(ana, apps) == ["market_not_open_yet"]

    def test_a_closed_family_is_closed_though_the_market_is_open(self, ana, market):
        bi, apps = ProductFactory(), ProductFactory()
        MarketFactory(country="US", family=bi.family, closes_on=TODAY)
        assert codes(ana, bi) == ["market_closed"]
        assert codes(ana, apps) == []

    def test_a_row_of_another_family_opens_nothing(self, ana):
        MarketFactory(country="US", family=FamilyFactory())
        assert codes(ana, ProductFactory()) == ["market_closed"]
