"""Bringing people from self-service seats onto central ones, and asking purchasers to cancel."""
