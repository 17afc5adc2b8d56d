"""The embedded database: one cluster, two roles, a socket and no port."""

import os
import shutil
import signal
import time
from pathlib import Path

from config.embedded import process
from config.embedded.places import Places, postgresql_binaries

SUPERUSER = "postgres"  # has no password, so nobody can sign in as it
OWNER, APPLICATION = ROLES = ("seatwise_owner", "seatwise_app")
DATABASE = "seatwise"
SOCKET = ".s.PGSQL.5432"


def create(places: Places, passwords: dict[str, str], *, durable: bool) -> None:
    """Make the cluster and its roles. It gets its name last, so that half a one is never taken for one."""
    if places.cluster.exists():
        return
    fresh = places.home / "postgresql.new"
    shutil.rmtree(fresh, ignore_errors=True)
    places.account.own_folder(fresh)
    binaries = postgresql_binaries(places.account)
    command: list[str | Path] = [binaries / "initdb", "-D", fresh, "-U", SUPERUSER, "--auth=reject"]
    command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    process.run(places, command if durable else [*command, "--no-sync"])
    (fresh / "pg_hba.conf").write_text("local all all scram-sha-256\n")
    # Without a server: nobody can see the cluster before its roles are right.
    command = [binaries / "postgres", "--single", "-D", fresh, "-c", "exit_on_error=true", *tuning(durable), SUPERUSER]
    statements = [
        f"CREATE ROLE {OWNER} LOGIN CREATEDB PASSWORD '{passwords[OWNER]}'",
        f"CREATE ROLE {APPLICATION} LOGIN PASSWORD '{passwords[APPLICATION]}'",
        f"CREATE DATABASE {DATABASE} OWNER {OWNER}",
        f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {DATABASE} TO {APPLICATION}",
    ]
    process.run(places, command, "\n".join(statements) + "\n")
    fresh.rename(places.cluster)


def tuning(durable: bool) -> list[str]:
    switch = "on" if durable else "off"
    # Tests roll back what they write. A vacuum meanwhile notes tables as empty that are not, and then queries with many
    # joins are planned as if each row of one met each of all others: some took minutes.
    return [f"-c{name}={switch}" for name in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum")]


def start(places: Places, sockets: Path, *, durable: bool) -> None:
    """Adopt the server that runs, or start one."""
    if settled(places, sockets):
        return
    command: list[str | Path] = [postgresql_binaries(places.account) / "postgres", "-D", places.cluster, "-k", sockets]
    command += ["-clisten_addresses=", "-cunix_socket_permissions=0700", "-cmax_connections=300", *tuning(durable)]
    process.start(places, "postgresql", command, lambda: answers(places, sockets))


def settled(places: Places, sockets: Path) -> bool:
    """Whether one runs that we can reach. One that is coming or going is waited for; a deaf one is ended."""
    deadline = time.monotonic() + process.PATIENCE
    while pid := server_process(places):
        if answers(places, sockets):
            return True
        if status(places) == "ready" or time.monotonic() > deadline:
            os.kill(pid, signal.SIGINT)  # its socket was swept away with the temporary folder
        time.sleep(0.05)
    return False


def stop(places: Places) -> None:
    """Ends the sessions that are still open, and writes everything down."""
    if pid := server_process(places):
        os.kill(pid, signal.SIGINT)
        process.wait(lambda: server_process(places) is None)


def answers(places: Places, sockets: Path) -> bool:
    return status(places) == "ready" and notes(places)[4] == str(sockets) and process.listens(sockets / SOCKET)


def notes(places: Places) -> list[str]:
    """The server's own: process, folder, start, port, sockets, address, memory, status."""
    try:
        return [line.strip() for line in (places.cluster / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def status(places: Places) -> str:
    return "".join(notes(places)[7:8])


def server_process(places: Places) -> int | None:
    """The process that serves this cluster. After a power cut the noted number may be somebody else's."""
    first = "".join(notes(places)[:1])
    if first.isdigit() and str(places.cluster) in process.command_line(int(first)):
        return int(first)
    return None
