"""Calls about seats and about who may use what."""
