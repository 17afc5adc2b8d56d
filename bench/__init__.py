"""Measurements, each on a database of its own: `make bench`. They print ratios, which hold on any machine."""
