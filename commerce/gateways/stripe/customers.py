"""Stripe's customers: one for each payer, so that the cards that they keep are theirs."""

from typing import Any

from commerce.models.stripe import StripeCustomer


class Customers:
    def __init__(self, service: Any) -> None:
        self._service = service

    def of(self, payer: str) -> str:
        """Stripe's id of a payer. Nothing is told of them but our id: Stripe has no need of a name."""
        found = StripeCustomer.objects.filter(payer=payer).first()
        if found is None:
            made = self._service.create({"metadata": {"payer": payer}}, {"idempotency_key": f"customer-{payer}"})
            # Two at once got the same one, by the key.
            found, _created = StripeCustomer.objects.get_or_create(payer=payer, defaults={"reference": made["id"]})
        return found.reference
