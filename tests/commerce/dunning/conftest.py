import pytest

from tests.commerce.declining import buy_with_bad_card


@pytest.fixture
def subscription(ana, plan):
    """Two seats of a month that ends on 10 April at noon; the card that is to pay for the next one will not."""
    return buy_with_bad_card(ana, plan, 2)
