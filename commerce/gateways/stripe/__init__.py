"""Stripe as a payment provider. Its library and its objects stay inside this package."""

from commerce.gateways.stripe.gateway import StripeGateway

__all__ = ["StripeGateway"]
