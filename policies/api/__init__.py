"""Calls about what may be bought: decisions, policies of products, markets."""
