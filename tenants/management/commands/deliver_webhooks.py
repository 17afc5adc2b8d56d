from typing import Any

from django.utils import timezone

from tenants.api.webhook_way import by_http
from tenants.delivery.webhooks import following, sending, upkeep
from tenants.delivery.webhooks.models import DeliveryState
from tenants.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    help = "Sends to organisations' addresses what has happened, and what is due to be tried again."
    changes_many = True

    def perform(self, *, dry_run: bool, **options: Any) -> Output:
        if dry_run:
            return {"due": upkeep.backlog(timezone.now()).due, "endpoints_behind": following.unread()}
        told = sending.deliver(way=by_http())
        return {
            "delivered": told[DeliveryState.DELIVERED],
            "tried_again_later": told[DeliveryState.DUE],
            "failed": told[DeliveryState.FAILED],
        }
