"""The buyer's pages. Each view loads by right, calls one operation and renders."""
