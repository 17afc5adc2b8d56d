"""
PostgreSQL and Valkey out of their wheels, for whoever has configured none.

Users of a DATA_DIR hold a shared lock on DATA_DIR/lock. Whoever can have it exclusively on leaving was the last one and
stops the servers; one left behind by a killed process is adopted by the next. Valkey is started by `make run` alone.
"""

import fcntl
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.embedded import postgresql, valkey
from config.embedded.places import NotToBeHad, Places, forget_sockets, open_places, socket_folder

__all__ = ["Addresses", "NotToBeHad", "attached", "stop_abandoned", "try_lock", "unlock"]


@dataclass(frozen=True)
class Addresses:
    """Where a process finds the servers, in the words of the settings."""

    database: str
    owner: str
    broker: str

    @property
    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database, "MIGRATE_DATABASE_URL": self.owner, "REDIS_URL": self.broker}


@contextmanager
def attached(data_dir: Path, *, broker: bool = False, durable: bool = True) -> Iterator[Addresses]:
    """Use the database of this folder, and its broker where asked: they run from here on, at the latest."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # waits while the last one out is stopping them
        places = None
        try:
            # Two who come at once: one starts, the other finds it started.
            with (data_dir / "starting").open("w") as starting:
                fcntl.flock(starting, fcntl.LOCK_EX)
                places = open_places(data_dir)
                found = start(places, broker=broker, durable=durable)
            yield found
        finally:
            # Let go before trying: of several who leave at once, the last one gets it.
            unlock(lock.fileno())
            if places is not None and try_lock(lock.fileno()):
                stop(places)


def stop_abandoned(data_dir: Path) -> bool:
    """Stop what a killed process left running here. False where somebody uses it."""
    with (data_dir / "lock").open("w") as lock:
        if not try_lock(lock.fileno()):
            return False
        stop(open_places(data_dir))
        return True


def try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """For processes too that have inherited it."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def start(places: Places, *, broker: bool, durable: bool) -> Addresses:
    passwords = read_passwords(places)
    postgresql.create(places, passwords, durable=durable)
    sockets = socket_folder(places)
    postgresql.start(places, sockets, durable=durable)
    if broker:
        valkey.start(places, sockets, durable=durable)
    owner, application = postgresql.OWNER, postgresql.APPLICATION
    return Addresses(
        database=f"postgresql://{application}:{passwords[application]}@/{postgresql.DATABASE}?host={sockets}",
        owner=f"postgresql://{owner}:{passwords[owner]}@/{postgresql.DATABASE}?host={sockets}",
        broker=f"unix://{sockets / valkey.SOCKET}?db=0",
    )


def stop(places: Places) -> None:
    sockets = socket_folder(places)
    valkey.stop(sockets)
    postgresql.stop(places)
    forget_sockets(places)


def read_passwords(places: Places) -> dict[str, str]:
    path = places.data_dir / "passwords.json"
    if not path.exists():
        if places.cluster.exists():
            raise NotToBeHad(f"{path} is gone, so the database that it opens cannot be used any more")
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps({role: secrets.token_hex(24) for role in postgresql.ROLES}))
        fresh.rename(path)
    return dict(json.loads(path.read_text()))
