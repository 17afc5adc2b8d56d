"""Trying cards, settling what became of it, giving money back."""
