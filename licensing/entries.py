"""What a catalogue file says, entry by entry, before anybody looks at what there is already."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class FamilyEntry:
    """A family of the file and the line it stands at."""

    line: int
    slug: str
    name: str


@dataclass(frozen=True, kw_only=True)
class ProductEntry:
    """A product of the file and the line it stands at."""

    line: int
    id: str
    slug: str
    name: str
    family: str
    self_service: bool
    summary: str = ""
    resources: Mapping[str, str] = field(default_factory=dict)
    capacity: Mapping[str, int] = field(default_factory=dict)
    trial_days: int | None = None
    trial_seats: int | None = None
    trial_disabled_days: int | None = None


@dataclass(frozen=True, kw_only=True)
class PlanEntry:
    """A plan of the file and the line it stands at."""

    line: int
    id: str
    product: str
    term: str
    min_quantity: int
    max_quantity: int
    renewable: bool
