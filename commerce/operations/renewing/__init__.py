"""The terms that follow: what is due, one try after the other, and what becomes of it."""
