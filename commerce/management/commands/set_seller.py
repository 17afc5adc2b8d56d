import argparse
from datetime import datetime
from typing import Any

from commerce.operations.billing import sellers
from tenants.access import SYSTEM
from tenants.management.operator_command import OperatorCommand, Output


def prefix(text: str) -> str:
    return _letters(text, 2, 8)


def country_code(text: str) -> str:
    return _letters(text, 2, 2)


def _letters(text: str, least: int, most: int) -> str:
    if not (text.isascii() and text.isalpha() and text.isupper() and least <= len(text) <= most):
        raise argparse.ArgumentTypeError(f"not {least} to {most} capital letters: {text}")
    return text


class Command(OperatorCommand):
    help = "Adds or changes a legal entity that bills, and the countries that it bills."
    takes_at = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument(
            "--prefix", type=prefix, required=True, help="Its numbers begin with it: 2 to 8 capital letters."
        )
        parser.add_argument("--name", required=True)
        parser.add_argument("--address", default="", help="Lines are separated by line breaks.")
        parser.add_argument("--tax-id", default="")
        parser.add_argument(
            "--country", type=country_code, required=True, help="Where it pays its taxes: two capital letters."
        )
        parser.add_argument(
            "--market",
            type=country_code,
            action="append",
            help="A country that it bills; stands once for each of them. Without any, its markets stay as they are.",
        )

    def perform(
        self, *, slug: str, prefix: str, name: str, country: str, address: str, tax_id: str, market: list[str] | None,
        at: datetime, **options: Any,
    ) -> Output:  # fmt: skip
        seller = sellers.save_seller(
            slug=slug, prefix=prefix, name=name, country=country, address=address, tax_id=tax_id, markets=market,
            by=SYSTEM, at=at,
        )  # fmt: skip
        markets = seller.markets.order_by("country").values_list("country", flat=True)
        return {"seller": seller.slug, "prefix": seller.prefix, "country": seller.country, "markets": list(markets)}
