"""
A payment provider for demos and tests that takes the tokens of Stripe's test mode and keeps its own ledger.

The ledger is written through the connection `sandbox`: it commits apart from our transactions, as a provider's
would, and so survives whatever happens to them.
"""

from commerce.gateways.sandbox.cards import CARDS
from commerce.gateways.sandbox.gateway import SandboxGateway

__all__ = ["CARDS", "SandboxGateway"]
