"""Calls about what is sold and bought: products, checkouts, subscriptions, orders."""
