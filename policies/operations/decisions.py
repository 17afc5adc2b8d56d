"""What was answered to people who wanted to buy, kept."""

from datetime import datetime
from uuid import UUID

from licensing.models import Plan
from policies.eligibility import Answer
from policies.models import Decision
from tenants.access import Actor


def keep(
    *,
    answer: Answer,
    by: Actor,
    at: datetime,
    plan: Plan | None = None,
    quantity: int | None = None,
    trial: bool = False,
    checkout: UUID | None = None,
) -> Decision:
    """
    Write down what the actor was answered, and for which checkout. The caller's transaction is the purchase's own step.
    """
    in_range = quantity is not None and 0 <= quantity < 2**31
    return Decision.objects.create(
        tenant=by.home.tenant,
        member=by.home,
        product=answer.product,
        plan=plan,
        quantity=quantity if in_range else None,
        trial=trial,
        checkout=checkout,
        outcome=answer.outcome,
        reasons=[verdict.code for verdict in answer.failures],
        remedies=[verdict.remedy.value for verdict in answer.failures],
        at=at,
    )
