"""
What the Stripe gateway must remember between its calls: under which of Stripe's ids a key of ours is known there.
It belongs to the gateway: nothing else of Seatwise reads it, and no card data is in it.
"""

from django.db import models
from django.db.models import Q


class StripeCustomer(models.Model):
    """Whom Stripe knows a payer as, so that their cards can be charged again."""

    payer = models.CharField(max_length=64, primary_key=True)
    reference = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)


class StripeIntent(models.Model):
    """
    A payment or setup intent of Stripe's, found by our key. It is stored before it is confirmed, so no intent can
    charge anything that is not here.

    Without a `reference` the key never got an intent and never will: canceled before, or refused with `decline_code`.
    """

    key = models.UUIDField(primary_key=True)
    reference = models.CharField(max_length=255, blank=True)
    amount = models.DecimalField(max_digits=17, decimal_places=3, default=0)
    currency = models.CharField(max_length=3, blank=True)
    return_url = models.CharField(max_length=500, blank=True)
    # Nobody sat in front of it: if the bank then asks for its holder, the same intent is tried again with them.
    off_session = models.BooleanField(default=False)
    decline_code = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reference"], condition=~Q(reference=""), name="one_key_for_a_stripe_intent"
            ),
        ]


class StripeRefund(models.Model):
    """A refund at Stripe, found by our key. `refused`: Stripe will not make it, and this key tries no more."""

    key = models.UUIDField(primary_key=True)
    intent = models.ForeignKey(StripeIntent, on_delete=models.PROTECT, related_name="refunds")
    reference = models.CharField(max_length=255, blank=True)
    amount = models.DecimalField(max_digits=17, decimal_places=3)
    refused = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
