"""
What can be done to many rows at once, see `tenants.runs.deeds`: each loads its row and calls one operation. Whoever
imports this knows all of them.
"""

from commerce.deeds import purchases, seats, take_overs

__all__ = ["purchases", "seats", "take_overs"]
