"""
Jobs and sweeps of this app, by the queue in which they stand. What is due is in the tables; a lost message costs
seconds, never money.
"""

from commerce.tasks import letters, money, notices, upkeep, webhooks

__all__ = ["letters", "money", "notices", "upkeep", "webhooks"]
