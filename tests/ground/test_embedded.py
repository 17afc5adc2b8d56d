import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from config import embedded
from config.embedded import places, postgresql, process, valkey
from config.environment import BASE_DIR

HOLD = """
import sys
from pathlib import Path
from config import embedded
with embedded.attached(Path(sys.argv[1]), broker=True, durable=False) as found:
    print(found.database, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(open_folder):
    return open_folder("data")


def use(folder):
    return embedded.attached(folder, broker=True, durable=False)


def pid(folder):
    return postgresql.server_process(places.open_places(folder))


def broker(folder):
    return valkey.server_process(places.open_places(folder).home / "valkey")


def hold(folder):
    """Another process that uses the folder until it is told to leave, or killed."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        cwd=BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    other.stdout.readline()
    return other


def test_starts_and_stops_with_its_only_user_and_keeps_what_was_written(folder):
    with use(folder) as found, psycopg.connect(found.owner) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    assert pid(folder) is None
    assert not (folder / "sockets").exists()
    with use(folder) as found, psycopg.connect(found.owner) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_the_last_one_out_stops_it(folder):
    other = hold(folder)
    with use(folder):
        server = pid(folder)
    assert pid(folder) == server
    other.communicate("")
    assert pid(folder) is None


def test_adopts_what_a_killed_process_left_behind(folder):
    other = hold(folder)
    server = pid(folder)
    other.kill()
    other.wait()
    with use(folder) as found, psycopg.connect(found.database) as connection:
        assert pid(folder) == server
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert pid(folder) is None


def test_starts_again_a_server_that_was_killed(folder):
    with use(folder):
        server = pid(folder)
        os.kill(server, signal.SIGKILL)
        process.wait(lambda: pid(folder) is None)
        with use(folder) as found, psycopg.connect(found.database) as connection:
            assert pid(folder) != server
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_replaces_a_server_whose_sockets_were_swept_away(folder):
    other = hold(folder)
    cut_off = broker(folder)
    sockets = Path((folder / "sockets").read_text())
    for entry in sockets.iterdir():
        entry.unlink()
    sockets.rmdir()
    with use(folder) as found, psycopg.connect(found.database) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert broker(folder) not in (None, cut_off)
        assert "valkey-server" not in process.command_line(cut_off), "nobody reaches it, and it writes the same files"
    other.communicate("")
    assert broker(folder) is None


def test_never_runs_as_root_and_shows_nothing_to_others(folder):
    with use(folder) as found:
        owner = Path(f"/proc/{pid(folder)}")
        sockets = Path((folder / "sockets").read_text())
        assert sockets.stat().st_mode & 0o077 == 0
        assert (folder / "passwords.json").stat().st_mode & 0o077 == 0
        assert (folder / "postgresql").stat().st_mode & 0o077 == 0
        assert not owner.exists() or owner.stat().st_uid != 0
        assert not any(word in found.broker for word in ("127.0.0.1", "localhost"))


def test_asks_for_a_password(folder):
    with use(folder) as found:
        anonymous = found.database.replace(found.database.split(":")[2].split("@")[0], "wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(anonymous)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that the servers' account cannot enter")
def test_keeps_the_cluster_elsewhere_where_its_account_cannot_enter(folder, monkeypatch, open_folder):
    state = open_folder("state")
    monkeypatch.setattr(places, "STATE", state)
    monkeypatch.setattr(places, "package_folder", lambda name, real=places.package_folder: closed(real(name)))
    folder.chmod(0o700)

    def closed(package):
        inside = folder / "site-packages" / package.name
        if not inside.exists():
            for part in (package, package.with_name(f"{package.name}.libs")):
                if part.exists():
                    shutil.copytree(part, inside.parent / part.name)
        return inside

    with use(folder) as found, psycopg.connect(found.database) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        home = Path((folder / "home").read_text())
        assert home.parent == state
        assert home.stat().st_mode & 0o077 == 0
    with use(folder):
        assert Path((folder / "home").read_text()) == home
    folder.chmod(0o755)


def test_says_in_one_line_that_its_passwords_are_gone(folder):
    with use(folder):
        pass
    (folder / "passwords.json").rename(folder / "aside")
    with pytest.raises(embedded.NotToBeHad, match=r"passwords\.json is gone"), use(folder):
        pass
    (folder / "aside").rename(folder / "passwords.json")


def test_what_the_broker_was_told_outlives_a_restart(folder):
    def broker(found):
        return valkey.redis.Redis(unix_socket_path=found.broker.removeprefix("unix://").split("?")[0])

    with embedded.attached(folder, broker=True) as found, broker(found) as client:
        client.lpush("queue", "job")
        time.sleep(0.05)
    with embedded.attached(folder, broker=True) as found, broker(found) as client:
        assert client.lrange("queue", 0, -1) == [b"job"]
