"""Invoices, credit notes, and who bills."""
