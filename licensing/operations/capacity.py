"""What storage and other capacity the seats bring, by product and channel, and how much of it is in use."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from licensing.models import CapacityUse, Product, SeatTally
from tenants.directory.models import Tenant

# As the catalogue names what a product may bring.
KINDS = ("database_mb", "file_mb", "log_mb", "runs")


@dataclass(frozen=True, kw_only=True)
class Channelled:
    """The seats of a product that were bought through one channel, and what they bring."""

    channel: str
    seats: int
    brings: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class ProductCapacity:
    """Of a product: by channel, in all, and as far as it was reported what is in use, and since when that is known."""

    product: Product
    channels: list[Channelled] = field(default_factory=list)
    in_use: dict[str, int] = field(default_factory=dict)
    reported_at: datetime | None = None

    @property
    def kinds(self) -> list[str]:
        return [kind for kind in KINDS if self.product.capacity.get(kind) or kind in self.in_use]

    @property
    def seats(self) -> int:
        return sum(each.seats for each in self.channels)

    @property
    def brings(self) -> dict[str, int]:
        return {kind: sum(each.brings[kind] for each in self.channels) for kind in self.kinds}


def of(tenant: Tenant) -> list[ProductCapacity]:
    """
    The products that bring any, by name: those that the tenant has seats of with access, or whose use was reported.
    Three queries, over counts that are kept.
    """
    seats: dict[str, dict[str, int]] = defaultdict(dict)
    for row in SeatTally.objects.among([tenant.pk]).summed_by("product", "channel"):
        seats[row["product"]][row["channel"]] = row["all_seats"]
    reported: dict[str, list[CapacityUse]] = defaultdict(list)
    for use in CapacityUse.objects.of(tenant):
        reported[use.product_id].append(use)
    products = Product.objects.filter(pk__in={*seats, *reported}).order_by("name", "pk")
    found = [_of_product(product, seats[product.pk], reported[product.pk]) for product in products]
    return [each for each in found if each.kinds]


def _of_product(product: Product, seats: dict[str, int], reported: list[CapacityUse]) -> ProductCapacity:
    in_use = {use.kind: use.in_use for use in reported}
    kinds = {*KINDS} & {*product.capacity, *in_use}
    channels = [
        Channelled(
            channel=channel,
            seats=count,
            brings={kind: product.capacity.get(kind, 0) * count for kind in kinds},
        )
        for channel, count in sorted(seats.items())
    ]
    last = max((use.reported_at for use in reported), default=None)
    return ProductCapacity(product=product, channels=channels, in_use=in_use, reported_at=last)
