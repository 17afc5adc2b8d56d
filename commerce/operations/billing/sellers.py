"""Who bills: legal entities and the markets that are theirs. Only the operator says."""

import re
from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.models import Seller, SellerMarket
from policies.markets_file import CODES
from tenants.access import Actor
from tenants.journal import events
from tenants.refusal import BadInput, Refused

# The first key of the advisory lock under which sellers change: their prefixes and markets are one thing.
SELLERS_LOCK = 7_340
PREFIX = re.compile(r"\A[A-Z]{2,8}\Z")


class PrefixInUse(Refused):
    message = _("Another seller's invoices begin with this prefix, or this seller's begin with another.")


def save_seller(
    *,
    slug: str,
    prefix: str,
    name: str,
    country: str,
    address: str,
    tax_id: str,
    markets: Collection[str] | None = None,
    by: Actor,
    at: datetime,
) -> Seller:
    """
    Add or change a seller. `country` is where it pays its taxes, ISO 3166-1 alpha-2; `markets` are the countries that
    it bills from now on, all of them, None to leave them. Invoices that were issued keep what they say.

    :raises NotAllowed: `by` is no operator
    :raises BadInput: a prefix of other than 2 to 8 capital letters, or an unknown country
    :raises PrefixInUse: the prefix is another's, or the seller has another one
    """
    by.require_operator()
    _check(prefix, country, markets or ())
    said = {"prefix": prefix, "name": name, "country": country, "address": address, "tax_id": tax_id}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [SELLERS_LOCK])
        taken = Seller.objects.exclude(slug=slug).filter(prefix=prefix)
        if taken.exists() or Seller.objects.filter(slug=slug).exclude(prefix=prefix).exists():
            raise PrefixInUse(field="prefix")
        seller, _added = Seller.objects.update_or_create(slug=slug, defaults=said)
        if markets is not None:
            _give_markets(seller, set(markets))
        events.record("seller.saved", tenant=None, by=by, at=at, subject=seller.pk, prefix=prefix, country=country)
    return seller


def seller_for(country: str) -> Seller:
    """Who bills a market: the seller that is named for it, else the default one."""
    return Seller.objects.filter(Q(markets=country) | Q(is_default=True)).order_by("is_default")[0]


def _check(prefix: str, country: str, markets: Collection[str]) -> None:
    if not PREFIX.match(prefix):
        raise BadInput(_("Use 2 to 8 capital letters from A to Z."), field="prefix")
    if country not in CODES:
        raise BadInput(_("There is no such country."), field="country")
    if not CODES.issuperset(markets):
        raise BadInput(_("There is no such country."), field="markets")


def _give_markets(seller: Seller, countries: set[str]) -> None:
    # What is taken from a seller is the default one's again.
    SellerMarket.objects.filter(seller=seller).exclude(country__in=countries).delete()
    for country in sorted(countries):
        SellerMarket.objects.update_or_create(country=country, defaults={"seller": seller})
