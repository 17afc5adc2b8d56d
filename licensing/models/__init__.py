from licensing.models.catalogue import Family, Plan, Product, Term
from licensing.models.seat import Seat
from licensing.models.subscription import (
    GIVES_ACCESS,
    Channel,
    EndCause,
    LifecycleDays,
    Subscription,
    SubscriptionState,
)
from licensing.models.trial import TrialUse

__all__ = [
    "GIVES_ACCESS",
    "Channel",
    "EndCause",
    "Family",
    "LifecycleDays",
    "Plan",
    "Product",
    "Seat",
    "Subscription",
    "SubscriptionState",
    "Term",
    "TrialUse",
]
