"""Who bills: legal entities and the markets that are theirs. Only the operator says."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import Seller, SellerMarket
from tenants.access import Actor
from tenants.refusal import Refused


class PrefixInUse(Refused):
    message = _("Another seller's invoices begin with this prefix, or this seller's begin with another.")


def save_seller(
    *,
    slug: str,
    prefix: str,
    name: str,
    address: str,
    tax_id: str,
    countries: Collection[str] = (),
    by: Actor,
    at: datetime,
) -> Seller:
    """
    Add or change a seller; `countries` are billed by it from now on. Invoices that were issued keep what they say.

    :raises NotAllowed: `by` is no operator
    :raises PrefixInUse: the prefix is another's, or the seller has another one
    """
    by.require_operator()
    with transaction.atomic():
        taken = Seller.objects.exclude(slug=slug).filter(prefix=prefix)
        if taken.exists() or Seller.objects.filter(slug=slug).exclude(prefix=prefix).exists():
            raise PrefixInUse(field="prefix")
        said = {"prefix": prefix, "name": name, "address": address, "tax_id": tax_id}
        seller, _added = Seller.objects.update_or_create(slug=slug, defaults=said)
        for country in countries:
            SellerMarket.objects.update_or_create(country=country, defaults={"seller": seller})
    return seller


def seller_for(country: str) -> Seller:
    """Who bills a market: the seller that is named for it, else the default one."""
    named = Seller.objects.filter(markets=country).first()
    return named or Seller.objects.get(is_default=True)
