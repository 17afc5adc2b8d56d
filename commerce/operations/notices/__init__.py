"""Telling admins what happens in their organisation: what of, whom, how soon, and in which words."""
