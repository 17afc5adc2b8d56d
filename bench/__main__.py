"""`python -m bench` runs every measurement, `python -m bench NAME …` some. Exits 1 where a goal is missed."""

import sys
from importlib import import_module

from bench import ground

EVERY = ["decisions", "dry_runs", "procurement", "renewals"]

names = sys.argv[1:] or EVERY
if unknown := set(names) - set(EVERY):
    sys.exit(f"There is no measurement {', '.join(sorted(unknown))}. There are: {', '.join(EVERY)}.")
missed = []
for name in names:
    print(f"{name}:")
    with ground.database():
        # Its module imports models, which exist once the database is there.
        missed += [name] if import_module(f"bench.{name}").main() else []
sys.exit(1 if missed else 0)
