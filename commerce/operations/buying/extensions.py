"""More time for a trial, also for one with a card, whose first charge may be under way."""

from datetime import datetime

from django.db import transaction

from commerce.operations.paying import open_orders
from licensing.models import Subscription
from licensing.operations import trials
from tenants.access import Actor


@transaction.atomic
def extend(*, subscription: Subscription, by: Actor, at: datetime) -> Subscription:
    """
    Give a running trial as many days again as its product has. Once, and not while what follows it is being charged:
    what is paid then would be for a term that begins later than it says.

    :raises PaymentInProgress: its first term is being charged
    :raises: as `licensing.operations.trials.extend`
    """
    extended = trials.extend(subscription=subscription, by=by, at=at)
    # After it, because it has locked the row: no charge begins between the question and the answer.
    open_orders.require_nothing_pending(extended)
    return extended
