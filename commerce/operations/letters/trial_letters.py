"""What somebody who tries a product is told: what it is, until when, and that it ends by itself."""

from uuid import UUID

from commerce.operations.letters import post
from licensing.models import Subscription


def deliver(*, subscription_id: UUID, site: str, sender: str) -> None:
    """To the person who started it, unless they have left since."""
    trial = Subscription.objects.with_people().get(pk=subscription_id)
    if not trial.purchaser.is_active:
        return
    post.send(
        "trial_started",
        to=trial.purchaser,
        context={},
        message_id=f"trial-{trial.pk}",
        site=site,
        sender=sender,
        subscription=trial,
    )
