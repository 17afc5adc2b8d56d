"""The sandbox provider's own books, which know nothing of ours: what it really charged and gave back."""

from decimal import Decimal

from commerce.models import SandboxCharge, SandboxRefund


def captured() -> list[Decimal]:
    """Every amount that was taken from a card, in the order in which the charges were begun."""
    charges = SandboxCharge.objects.using("sandbox").filter(state="captured")
    return [charge.amount for charge in charges.order_by("created_at")]


def refunded() -> list[Decimal]:
    """Every amount that was given back to one."""
    return [refund.amount for refund in SandboxRefund.objects.using("sandbox").order_by("created_at")]


def states() -> list[str]:
    """What became of each key that the provider ever saw."""
    charges = SandboxCharge.objects.using("sandbox").order_by("created_at")
    return list(charges.values_list("state", flat=True))
