"""What must always hold of kept cards."""

from collections.abc import Iterator

from django.db.models import F, Q

from commerce.models import PaymentSource


def open_subscriptions_are_paid_by_kept_cards_of_their_payer() -> Iterator[str]:
    """A removed card, or somebody else's, would be charged with the next term."""
    theirs = Q(payment_method__member=F("subscription__payer")) | Q(
        payment_method__member=None, subscription__payer=None
    )
    wrong = PaymentSource.objects.open().filter(payment_method__isnull=False)
    for source in wrong.filter(~theirs | Q(payment_method__removed_at__isnull=False)):
        yield f"subscription {source.subscription_id}: card {source.payment_method_id} is removed or not its payer's"
