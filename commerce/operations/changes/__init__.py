"""What becomes of a running subscription: seats, its end, another term."""
