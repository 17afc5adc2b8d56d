from licensing.models.catalogue import Family, Plan, Product, Term
from licensing.models.lifecycle_days import LifecycleDays
from licensing.models.seat import Seat
from licensing.models.solution import Solution, SolutionState
from licensing.models.subscription import (
    GIVES_ACCESS,
    Channel,
    EndCause,
    Subscription,
    SubscriptionState,
)
from licensing.models.tally import SeatTally
from licensing.models.trial import TrialUse
from licensing.models.usage import CapacityUse, ProductUse
from licensing.models.waste import UnusedSince, Waste, WastedSeat

__all__ = [
    "GIVES_ACCESS",
    "CapacityUse",
    "Channel",
    "EndCause",
    "Family",
    "LifecycleDays",
    "Plan",
    "Product",
    "ProductUse",
    "Seat",
    "SeatTally",
    "Solution",
    "SolutionState",
    "Subscription",
    "SubscriptionState",
    "Term",
    "TrialUse",
    "UnusedSince",
    "Waste",
    "WastedSeat",
]
