"""What a change of policy would touch, without making it: decisions of the last 90 days, and what people have."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from licensing.models import Channel, Subscription, SubscriptionState
from licensing.models.subscription import SubscriptionQuerySet
from policies.models import Decision, Reach
from policies.models.decision import Outcome
from policies.operations import endings, redeciding
from policies.operations.proposed import About, Change, Proposed
from tenants.access import Actor, Right
from tenants.directory.models import Tenant

LOOKED_BACK = timedelta(days=90)
SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A decision that would have been another one."""

    member: str
    product: str
    product_name: str
    at: datetime
    old: str
    new: str

    @property
    def old_label(self) -> str:
        return str(Outcome(self.old).label)

    @property
    def new_label(self) -> str:
        return str(Outcome(self.new).label)


@dataclass(frozen=True, kw_only=True)
class OfProduct:
    """How many decisions about a product would have been different."""

    product: str
    name: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Touched:
    """
    What a change would touch: how many, and the newest of them. Decisions are told by product, and of one checkout the
    last alone.
    """

    decisions_count: int
    decisions: Sequence[Difference]
    products: Sequence[OfProduct]
    subscriptions_count: int
    subscriptions: Sequence[Subscription]
    # Those that the change names too, but about which another value decides.
    left_alone: int = 0

    @property
    def left_alone_told(self) -> str:
        return endings.left_alone_told(self.left_alone)


@dataclass(frozen=True, kw_only=True)
class Reached:
    """
    The running subscriptions that a change decides about, the newest first, each with the key of what is said that
    decides; and for each key how many it names about which another value decides.
    """

    by: Mapping[UUID, str]
    alone: Counter[str]

    @property
    def left_alone(self) -> int:
        return self.alone.total()

    def reach(self, key: str) -> Reach:
        """Of one thing that is said."""
        return Reach(ended=self._ended[key], left_alone=self.alone[key])

    @cached_property
    def _ended(self) -> Counter[str]:
        return Counter(self.by.values())


def of(*, tenant: Tenant, change: Change, by: Actor, at: datetime) -> Touched:
    """
    What the change would touch, in a fixed number of queries; writes nothing.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    proposed = Proposed(tenant, change, at=at)
    different = _different(tenant, proposed, at=at)
    reached = subscriptions(tenant=tenant, change=change, at=at) if change.resumes else _reached(tenant, proposed)
    touched = list(reached.by)
    first = {row.pk: row for row in Subscription.objects.of(tenant).filter(pk__in=touched[:SHOWN]).with_people()}
    return Touched(
        decisions_count=len(different),
        # The newest; of each product together.
        decisions=sorted(different[:SHOWN], key=lambda difference: (difference.product_name, difference.product)),
        products=_by_product(different),
        subscriptions_count=len(touched),
        subscriptions=[first[pk] for pk in touched[:SHOWN]],
        left_alone=reached.left_alone,
    )


def subscriptions(*, tenant: Tenant, change: Change, at: datetime) -> Reached:
    """What people bought themselves and the change is about, in three queries."""
    # That buying goes on ends nothing.
    change = replace(change, stopped=None) if change.resumes else change
    return _reached(tenant, Proposed(tenant, change, at=at))


def running(tenant: Tenant) -> SubscriptionQuerySet:
    """What people bought themselves and still manage; what the tenant took over is its own."""
    states = (SubscriptionState.ACTIVE, SubscriptionState.TRIAL)
    own = Subscription.objects.of(tenant).filter(channel=Channel.SELF_SERVICE, state__in=states)
    return own.exclude(owner=None).order_by("-created_at", "-pk")


def _reached(tenant: Tenant, proposed: Proposed) -> Reached:
    columns = ("pk", "owner", "owner__department", "plan__product", "plan__product__family")
    keys = {id(new): endings.key_of(new.scope, new.time) for new in proposed.change.values}
    other = endings.DEFAULT if proposed.change.stopped is None else endings.STOP
    by: dict[UUID, str] = {}
    alone: Counter[str] = Counter()
    for pk, *columns_of_one in running(tenant).values_list(*columns):
        about = About(*columns_of_one)
        answered = proposed.answer(about)
        if answered.touched:
            by[pk] = keys.get(id(answered.by), other)
        elif (named := proposed.named_by(about)) is not None:
            alone[keys[id(named)]] += 1
    return Reached(by=by, alone=alone)


_DECISION = (
    *("member", "member__department", "product", "product__family", "member__user__email"),
    *("product__name", "product__trial_days", "checkout", "trial", "outcome", "reasons", "remedies", "at"),
)


def _different(tenant: Tenant, proposed: Proposed, *, at: datetime) -> list[Difference]:
    rows = Decision.objects.filter(tenant=tenant, at__gt=at - LOOKED_BACK, at__lte=at).order_by("-at", "-pk")
    again = redeciding.Again(tenant, proposed)
    found = []
    told: set[UUID] = set()
    for *about, email, name, trial_days, checkout, trial, outcome, reasons, remedies, moment in rows.values_list(
        *_DECISION
    ):
        # Asked at the quote and at the payment: the newest comes first, and it is what became of the checkout.
        if checkout in told:
            continue
        if checkout is not None:
            told.add(checkout)
        kept = redeciding.Kept(
            about=About(*about),
            trial=trial,
            trial_offered=trial_days is not None,
            failures=redeciding.failures(reasons, remedies, outcome),
            at=moment,
        )
        new = again.decided(kept)
        if new not in (None, outcome):
            found.append(
                Difference(
                    member=email,
                    product=kept.about.product,
                    product_name=name,
                    at=moment,
                    old=outcome,
                    new=str(new),
                )
            )
    return found


def _by_product(different: Sequence[Difference]) -> list[OfProduct]:
    counts = Counter((difference.product_name, difference.product) for difference in different)
    return [OfProduct(product=product, name=name, count=counts[name, product]) for name, product in sorted(counts)]


def as_told(touched: Touched) -> dict[str, Any]:
    """As the API and the commands tell it."""
    return {
        "decisions": {
            "count": touched.decisions_count,
            "products": [vars(product) for product in touched.products],
            "first": [vars(difference) for difference in touched.decisions],
        },
        "subscriptions": {
            "count": touched.subscriptions_count,
            "first": [
                {
                    "id": str(row.pk),
                    "product": row.plan.product_id,
                    "owner": row.owner.user.email if row.owner else None,
                    "quantity": row.quantity,
                    "state": row.state,
                    "term_end": row.term_end,
                    "auto_renew": row.auto_renew,
                }
                for row in touched.subscriptions
            ],
            "left_alone": touched.left_alone,
            "detail": touched.left_alone_told,
        },
    }
