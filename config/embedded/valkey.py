"""The embedded broker: messages of jobs, counters of limits, the cache."""

import os
import signal
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.embedded import process
from config.embedded.places import Places, valkey_binary

SOCKET = "valkey.sock"
PID_FILE = "valkey.pid"
ONCE = Retry(NoBackoff(), 0)


def start(places: Places, sockets: Path, *, durable: bool) -> None:
    """Adopt the server that runs, or start one. What it holds is on disk within a second."""
    path = sockets / SOCKET
    if process.listens(path):
        process.wait(lambda: pings(path))
        return
    folder = places.account.own_folder(places.home / "valkey")
    end_cut_off(folder)
    command: list[str | Path] = [valkey_binary(places.account), "--port", "0", "--dir", folder]
    command += [
        "--pidfile",
        folder / PID_FILE,
        "--unixsocket",
        path,
        "--unixsocketperm",
        "700",
        "--daemonize",
        "no",
        "--save",
        "",
    ]
    command += ["--appendonly", "yes" if durable else "no", "--appendfsync", "everysec", "--loglevel", "warning"]
    process.start(places, "valkey", command, lambda: pings(path))


def end_cut_off(folder: Path) -> None:
    """One whose socket was swept away with the temporary folder: nobody reaches it, and it writes the same files."""
    while pid := server_process(folder):
        os.kill(pid, signal.SIGTERM)
        process.wait(lambda: server_process(folder) is None)


def server_process(folder: Path) -> int | None:
    """The server that runs on a folder, found by its file; a number that another program has by now is none."""
    try:
        pid = int((folder / PID_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if "valkey-server" in process.command_line(pid) else None


def stop(sockets: Path) -> None:
    path = sockets / SOCKET
    if not process.listens(path):
        return
    with redis.Redis(unix_socket_path=str(path), retry=ONCE) as client:
        client.shutdown()
    process.wait(lambda: not process.listens(path))


def pings(path: Path) -> bool:
    try:
        with redis.Redis(unix_socket_path=str(path), socket_timeout=2, retry=ONCE) as client:
            return bool(client.ping())
    except redis.RedisError:  # not there yet, or still reading its file
        return False
