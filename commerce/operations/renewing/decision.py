"""What somebody needs to know who decides about a renewal: use, cost, what changes, and what the policy says."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import cast

from commerce.models import NoticeKind, PriceNotice, Purchase
from commerce.operations.pricing import next_charge
from commerce.operations.pricing.next_charge import NextCharge
from commerce.operations.renewing import notices
from licensing.models import Subscription
from policies import eligibility
from policies.models.decision import Outcome

# Whoever got a letter about a new price so lately is not told of it once more.
LATELY = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A term that ends, and what follows if nobody does anything."""

    subscription: Purchase
    kind: NoticeKind
    # The sentences of the rules that will refuse it.
    reasons: list[str]
    # What the next term costs, for as many seats as it has.
    charge: NextCharge
    price_now: Decimal
    # What buying it anew today would come to for its owner; empty: nobody is asked.
    outcome: str
    price_told_lately: bool

    @property
    def price_changes(self) -> bool:
        return self.charge.unit_price != self.price_now

    @property
    def seats_unused(self) -> int:
        return self.subscription.seats_free

    @property
    def could_be_bought(self) -> bool:
        return self.outcome in ("", Outcome.ALLOWED)


def of(subscription: Subscription, *, at: datetime) -> Decision | None:
    """None: nothing was ever charged for it, so there is no price."""
    purchase = cast(Purchase, Purchase.objects.with_people().with_renewal_price().get(pk=subscription.pk))
    charge = next_charge.if_renewed(purchase, tenant=purchase.tenant)
    if charge is None or purchase.unit_price is None:
        return None
    [against] = notices.reasons_against([purchase])
    refused = NoticeKind.REFUSED if against else NoticeKind.RENEWS
    return Decision(
        subscription=purchase,
        kind=refused if purchase.auto_renew else NoticeKind.ENDS,
        reasons=[reason["detail"] for reason in against],
        charge=charge,
        price_now=purchase.unit_price,
        outcome=_outcome(purchase, at),
        price_told_lately=_is_told_lately(purchase, at),
    )


def _is_told_lately(purchase: Purchase, at: datetime) -> bool:
    notice = purchase.renewal_notice
    return notice is not None and PriceNotice.objects.filter(pk=notice, sent_at__gt=at - LATELY).exists()


def _outcome(purchase: Purchase, at: datetime) -> str:
    if purchase.owner is None:
        return ""
    answer = eligibility.decide(purchase.owner, purchase.plan.product, plan=purchase.plan, at=at)
    return answer.outcome
